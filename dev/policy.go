package dev

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Policy says who may reach the paths that it covers. It is what a front door in the cloud is told;
// in the modes of this machine it is only explained, and travels with the hand-off.
//
// A path is covered as follows, segment by segment:
//
//   - "/reports" covers that path alone.
//   - "/reports/*" covers /reports and everything below it: a page must not be open where all that
//     is under it is closed.
//   - A star in any other place stands for some text within one segment: "/team-*/budget".
//
// Of several policies that cover a path the most specific decides, whatever their order: the one
// whose first differing segment is literal, then the one that covers fewer paths by being longer.
// Policies that are equally specific decide in the order in which they stand.
type Policy struct {
	Path  string `json:"path"`
	Allow Allow  `json:"allow"`
	// Origin is where the policy stands, as its reader would look it up: "compose.yaml:14".
	Origin string `json:"origin,omitempty"`
}

// Allow is who is let in: everybody of whom one of these is true. Nothing at all lets nobody in.
type Allow struct {
	Groups  []string `json:"groups,omitempty"`
	Emails  []string `json:"emails,omitempty"`
	Domains []string `json:"domains,omitempty"` // of the e-mail address, whole: "example.com" is not "eu.example.com"
	Anyone  bool     `json:"anyone,omitempty"`  // everybody who signs in
}

// Decision is whether a request goes through.
type Decision string

// The decisions.
const (
	Allowed     Decision = "allow"
	Denied      Decision = "deny"
	LoginNeeded Decision = "login" // nobody has signed in yet, and somebody must
)

// Verdict is a decision and what led to it.
type Verdict struct {
	Decision Decision
	Path     string // the path that was judged, cleaned
	Rule     string // the policy's path and origin; "" where none covers the path
	Why      string // in words for people, as the end of a sentence
}

// Decide says whether who, nil for nobody yet, may reach a path. A path that no policy covers is for
// everybody who signs in. The path is judged as a server would see it: without query and fragment,
// dots and doubled slashes resolved; upper and lower case differ.
func Decide(policies []Policy, target string, who *Person) Verdict {
	v := Verdict{Decision: Allowed, Path: cleanPath(target), Why: "no policy covers it: everybody who signs in"}
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

// String is the policy's path, and where it stands.
func (p Policy) String() string {
	if p.Origin == "" {
		return p.Path
	}
	return p.Path + " (" + p.Origin + ")"
}

// String says who is let in.
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

// admits says why who is let in; ok is false where they are not.
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

// CheckPolicyPath says what is wrong with the path of a policy.
func CheckPolicyPath(pattern string) error {
	switch {
	case !strings.HasPrefix(pattern, "/"):
		return errors.New("it must begin with a slash")
	case strings.ContainsAny(pattern, "?#"):
		return errors.New("a query or fragment is never part of what is judged")
	case strings.Contains(pattern, "**"):
		return errors.New("/* at the end already means everything below")
	case path.Clean(pattern) != pattern:
		return fmt.Errorf("it is the same as %s, so write that", path.Clean(pattern))
	}
	return nil
}

// cleanPath is a path as policies judge it.
func cleanPath(target string) string {
	if i := strings.IndexAny(target, "?#"); i >= 0 {
		target = target[:i]
	}
	return path.Clean("/" + target)
}

// segments are the parts of a path between its slashes; the root has none.
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
		if !matchesSegment(segment, have[i]) {
			return false
		}
	}
	return true
}

// matchesSegment compares one segment, in which a star stands for any text.
func matchesSegment(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = after
	}
	return true
}

// moreSpecific orders two patterns that cover the same path.
func moreSpecific(a, b string) int {
	as, bs := segments(a), segments(b)
	for i := range min(len(as), len(bs)) {
		if d := stars(as, i) - stars(bs, i); d != 0 {
			return d
		}
	}
	// One goes on where the other ends. What goes on with "/*" alone covers more than the other, which
	// covers that one path; what goes on with anything else covers less.
	switch {
	case len(as) == len(bs):
		return 0
	case len(as) > len(bs):
		return goesOn(as[len(bs):])
	}
	return -goesOn(bs[len(as):])
}

// stars ranks a segment: literal, with a star in it, a star alone, and the star that stands for
// everything below.
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

func goesOn(rest []string) int {
	if len(rest) == 1 && rest[0] == "*" {
		return 1
	}
	return -1
}
