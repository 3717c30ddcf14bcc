package dev

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Policy says who may reach the paths that it covers. An identity proxy enforces it: the one in the cloud, to which the
// hand-off passes it on, and on this machine the front door of the gateway. Without one, sdev only explains it.
//
// A policy covers a path segment by segment:
//
//   - "/reports" covers that path only.
//   - "/reports/*" covers /reports and everything below it. Otherwise a page could be open although everything
//     below it is protected.
//   - A star in any other place matches any text within one segment: "/team-*/budget".
//
// If several policies cover a path, the most specific one decides, in whatever order they stand: the one whose
// first differing segment is literal, then the one that covers fewer paths because it is longer. Of equally
// specific ones the first decides.
type Policy struct {
	Path  string `json:"path"`
	Allow Allow  `json:"allow"`
	// Origin is the policy's file and line: "compose.yaml:14".
	Origin string `json:"origin,omitempty"`
}

// Allow is a set of people: everybody who matches one of the fields. The zero value matches nobody.
type Allow struct {
	Groups  []string `json:"groups,omitempty"`
	Emails  []string `json:"emails,omitempty"`
	Domains []string `json:"domains,omitempty"` // domains of e-mail addresses, whole: "example.com" does not include "eu.example.com"
	Anyone  bool     `json:"anyone,omitempty"`  // everybody who signs in
}

// Decision is what happens to a request.
type Decision string

// The decisions.
const (
	Allowed     Decision = "allow"
	Denied      Decision = "deny"
	LoginNeeded Decision = "login" // the person must sign in first
)

// Verdict is a decision and the reason for it.
type Verdict struct {
	Decision Decision
	Path     string // the path after cleaning
	Rule     string // the policy's path and origin; "" if none covers the path
	Why      string // for people, as the end of a sentence
}

// Decide returns whether who may reach a path; a nil who has not signed in. A path that no policy covers is open to
// everybody who signs in. Decide cleans the path as a server would: it drops query and fragment, and resolves dots
// and double slashes. Case matters.
func Decide(policies []Policy, target string, who *Person) Verdict {
	v := Verdict{Decision: Allowed, Path: CleanPath(target), Why: "no policy covers it: everybody who signs in"}
	covering := slices.DeleteFunc(slices.Clone(policies), func(p Policy) bool { return !p.covers(v.Path) })
	slices.SortStableFunc(covering, func(a, b Policy) int { return moreSpecific(a.Path, b.Path) })
	if len(covering) == 0 {
		if who == nil {
			v.Decision = LoginNeeded
		}
		return v
	}
	rule := covering[0]
	v.Rule = rule.String()
	switch why, ok := rule.Allow.admits(who); {
	case who == nil:
		v.Decision, v.Why = LoginNeeded, "nobody has signed in"
	case ok:
		v.Why = why
	default:
		v.Decision, v.Why = Denied, rule.Allow.String()
	}
	return v
}

// String is the policy's path and origin.
func (p Policy) String() string {
	if p.Origin == "" {
		return p.Path
	}
	return p.Path + " (" + p.Origin + ")"
}

// String describes the set, as the end of a sentence.
func (a Allow) String() string {
	var parts []string
	for _, list := range []struct {
		name   string
		values []string
	}{{"groups", a.Groups}, {"e-mail addresses", a.Emails}, {"domains", a.Domains}} {
		if len(list.values) > 0 {
			parts = append(parts, list.name+" "+strings.Join(list.values, ", "))
		}
	}
	switch {
	case a.Anyone:
		return "for everybody who signs in"
	case len(parts) == 0:
		return "for nobody"
	}
	return "only for " + strings.Join(parts, "; ")
}

// admits reports whether the set contains who, and why.
func (a Allow) admits(who *Person) (why string, ok bool) {
	if who == nil {
		return "", false
	}
	same := func(text string) bool { return strings.EqualFold(text, who.Email) }
	at := strings.LastIndexByte(who.Email, '@')
	within := func(domain string) bool { return strings.EqualFold(domain, who.Email[at+1:]) }
	for _, group := range a.Groups {
		if slices.Contains(who.Groups, group) {
			return "in group " + group, true
		}
	}
	switch {
	case slices.ContainsFunc(a.Emails, same):
		return "named by the policy", true
	case at >= 0 && slices.ContainsFunc(a.Domains, within):
		return "of domain " + strings.ToLower(who.Email[at+1:]), true
	case a.Anyone:
		return "for everybody who signs in", true
	}
	return "", false
}

// CheckPolicyPath returns an error unless the path is valid for a policy.
func CheckPolicyPath(pattern string) error {
	switch {
	case !strings.HasPrefix(pattern, "/"):
		return errors.New("it must begin with a slash")
	case strings.ContainsAny(pattern, "?#"):
		return errors.New("a policy covers a path, without query and fragment")
	case strings.Contains(pattern, "**"):
		return errors.New("write /* once, at the end: it covers everything below")
	case path.Clean(pattern) != pattern:
		return fmt.Errorf("write %s, which is the same path", path.Clean(pattern))
	}
	return nil
}

// CleanPath returns a path in the form that policies compare: without query and fragment, with dots resolved.
func CleanPath(target string) string {
	if i := strings.IndexAny(target, "?#"); i >= 0 {
		target = target[:i]
	}
	return path.Clean("/" + target)
}

// segments splits a path at its slashes; the root has no segments.
func segments(p string) []string {
	if p = strings.Trim(p, "/"); p == "" {
		return nil
	}
	return strings.Split(p, "/")
}

func (p Policy) covers(target string) bool {
	pattern, have := segments(p.Path), segments(target)
	below := len(pattern) > 0 && pattern[len(pattern)-1] == "*"
	if below {
		pattern = pattern[:len(pattern)-1]
	}
	if len(have) < len(pattern) || !below && len(have) > len(pattern) {
		return false
	}
	for i, segment := range pattern {
		if !matchesGlob(segment, have[i]) {
			return false
		}
	}
	return true
}

// moreSpecific orders two patterns that cover the same path: negative if a is more specific.
func moreSpecific(a, b string) int {
	as, bs := segments(a), segments(b)
	for i := range min(len(as), len(bs)) {
		if d := stars(as, i) - stars(bs, i); d != 0 {
			return d
		}
	}
	// One pattern extends the other. Extended by "/*" alone it covers more, since the other covers one path
	// only; extended by anything else it covers less.
	switch {
	case len(as) == len(bs):
		return 0
	case len(as) > len(bs):
		return compareRest(as[len(bs):])
	}
	return -compareRest(bs[len(as):])
}

// stars ranks a segment: 0 literal, 1 with a star in it, 2 a star alone, 3 the final star for everything below.
func stars(pattern []string, i int) int {
	switch s := pattern[i]; {
	case s == "*" && i == len(pattern)-1:
		return 3
	case s == "*":
		return 2
	case strings.Contains(s, "*"):
		return 1
	}
	return 0
}

// compareRest ranks a pattern that extends another one by rest, for [moreSpecific].
func compareRest(rest []string) int {
	if len(rest) == 1 && rest[0] == "*" {
		return 1
	}
	return -1
}
