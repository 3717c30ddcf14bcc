package pattern_test

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"sdev/dev/pattern"
)

func TestPattern_MatchesLikeItsExpression(t *testing.T) {
	const expr, text = `(\w)=(\d+)`, "a=1, b=22"
	p, re := pattern.New(expr), regexp.MustCompile(expr)

	for name, same := range map[string]bool{
		"Match":                        p.Match([]byte(text)) == re.MatchString(text) && !p.Match([]byte("a")),
		"MatchString":                  p.MatchString(text) == re.MatchString(text) && !p.MatchString("a"),
		"FindSubmatch":                 slices.EqualFunc(p.FindSubmatch([]byte(text)), re.FindSubmatch([]byte(text)), slices.Equal),
		"FindAllSubmatch":              len(p.FindAllSubmatch([]byte(text), 1)) == 1 && len(p.FindAllSubmatch([]byte(text), -1)) == 2,
		"FindString":                   p.FindString(text) == re.FindString(text),
		"FindStringSubmatch":           slices.Equal(p.FindStringSubmatch(text), re.FindStringSubmatch(text)),
		"FindStringSubmatchIndex":      slices.Equal(p.FindStringSubmatchIndex(text), re.FindStringSubmatchIndex(text)),
		"FindAllString":                slices.Equal(p.FindAllString(text, -1), re.FindAllString(text, -1)),
		"FindAllStringSubmatch":        slices.EqualFunc(p.FindAllStringSubmatch(text, 1), re.FindAllStringSubmatch(text, 1), slices.Equal),
		"FindAllStringSubmatchIndex":   slices.EqualFunc(p.FindAllStringSubmatchIndex(text, -1), re.FindAllStringSubmatchIndex(text, -1), slices.Equal),
		"ReplaceAllString":             p.ReplaceAllString(text, "$2=$1") == re.ReplaceAllString(text, "$2=$1"),
		"ReplaceAllStringFunc":         p.ReplaceAllStringFunc(text, strings.ToUpper) == re.ReplaceAllStringFunc(text, strings.ToUpper),
		"Split":                        slices.Equal(p.Split(text, -1), re.Split(text, -1)),
		"Regexp":                       p.Regexp().String() == expr,
		"FindStringSubmatch, no match": p.FindStringSubmatch("a") == nil,
	} {
		if !same {
			t.Errorf("%s differs from the method of regexp.Regexp", name)
		}
	}
}

func TestPattern_IsCompiledAtItsFirstUse(t *testing.T) {
	p := pattern.New(`(`)
	defer func() {
		if recover() == nil {
			t.Error("a wrong expression was accepted")
		}
	}()
	p.MatchString("")
}

func TestPattern_MayBeUsedByManyAtOnce(t *testing.T) {
	p := pattern.New(`^a+$`)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if !p.MatchString("aaa") {
				t.Error("aaa does not match")
			}
		})
	}
	all.Wait()
}
