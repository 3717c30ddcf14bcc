// Package pattern has regular expressions that are compiled at their first use. A program with many expressions starts
// faster with them, because one command needs few.
//
// The methods mean what those of [regexp.Regexp] with the same names mean. Patterns may be used by several goroutines.
package pattern

import (
	"regexp"
	"sync"
)

// Pattern is a regular expression. Only [New] makes one.
type Pattern struct {
	expr     string
	once     sync.Once
	compiled *regexp.Regexp
}

// New returns the pattern of an expression. The first use of a wrong expression panics.
func New(expr string) *Pattern { return &Pattern{expr: expr} }

// Regexp returns the compiled expression.
func (p *Pattern) Regexp() *regexp.Regexp {
	p.once.Do(func() { p.compiled = regexp.MustCompile(p.expr) })
	return p.compiled
}

// Match reports whether the pattern matches a part of b.
func (p *Pattern) Match(b []byte) bool { return p.Regexp().Match(b) }

// MatchString reports whether the pattern matches a part of s.
func (p *Pattern) MatchString(s string) bool { return p.Regexp().MatchString(s) }

// FindSubmatch returns the first match and its groups; nil if there is none.
func (p *Pattern) FindSubmatch(b []byte) [][]byte { return p.Regexp().FindSubmatch(b) }

// FindAllSubmatch returns the first n matches with their groups; all if n is negative.
func (p *Pattern) FindAllSubmatch(b []byte, n int) [][][]byte {
	return p.Regexp().FindAllSubmatch(b, n)
}

// FindString returns the first match; "" if there is none.
func (p *Pattern) FindString(s string) string { return p.Regexp().FindString(s) }

// FindStringSubmatch returns the first match and its groups; nil if there is none.
func (p *Pattern) FindStringSubmatch(s string) []string { return p.Regexp().FindStringSubmatch(s) }

// FindStringSubmatchIndex returns where the first match and its groups begin and end; nil if there is none.
func (p *Pattern) FindStringSubmatchIndex(s string) []int {
	return p.Regexp().FindStringSubmatchIndex(s)
}

// FindAllString returns the first n matches; all if n is negative.
func (p *Pattern) FindAllString(s string, n int) []string { return p.Regexp().FindAllString(s, n) }

// FindAllStringSubmatch returns the first n matches with their groups; all if n is negative.
func (p *Pattern) FindAllStringSubmatch(s string, n int) [][]string {
	return p.Regexp().FindAllStringSubmatch(s, n)
}

// FindAllStringSubmatchIndex returns where the first n matches and their groups begin and end; all if n is negative.
func (p *Pattern) FindAllStringSubmatchIndex(s string, n int) [][]int {
	return p.Regexp().FindAllStringSubmatchIndex(s, n)
}

// ReplaceAllString replaces all matches; $1 in the replacement is the first group.
func (p *Pattern) ReplaceAllString(s, with string) string {
	return p.Regexp().ReplaceAllString(s, with)
}

// ReplaceAllStringFunc replaces each match with the result of with.
func (p *Pattern) ReplaceAllStringFunc(s string, with func(string) string) string {
	return p.Regexp().ReplaceAllStringFunc(s, with)
}

// Split returns the first n parts between the matches; all if n is negative.
func (p *Pattern) Split(s string, n int) []string { return p.Regexp().Split(s, n) }
