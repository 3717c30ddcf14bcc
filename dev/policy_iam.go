package dev

import (
	"bytes"
	"encoding/json"
	"path"
	"slices"
	"strings"
)

// This file translates policies into bindings of IAM, which Identity-Aware Proxy of Google enforces: the local front door
// evaluates the very bindings that the hand-off writes.

// IAMBinding gives members access to the paths for which its condition holds. Bindings add up: there is no binding that
// takes access away.
type IAMBinding struct {
	Title     string
	Members   []Member
	Condition PathCondition
}

// PathCondition is a condition of IAM on the path of a request. The zero value holds for every path.
type PathCondition struct {
	Inside []PathTest // one of them has to match; none is every path
	Except []PathTest // none of them may match
}

// PathTest compares the path of a request with a text.
type PathTest struct {
	Text   string
	Begins bool // the path begins with Text; else it equals Text
}

// Holds evaluates the condition.
func (c PathCondition) Holds(requested string) bool {
	matches := func(t PathTest) bool {
		if t.Begins {
			return strings.HasPrefix(requested, t.Text)
		}
		return requested == t.Text
	}
	return (len(c.Inside) == 0 || slices.ContainsFunc(c.Inside, matches)) && !slices.ContainsFunc(c.Except, matches)
}

// Expression is the condition in the Common Expression Language, as IAM takes it; "" holds for every path. Source: Google
// Cloud documentation, "Hostname and path conditions".
func (c PathCondition) Expression() string {
	inside, except := expression(c.Inside), expression(c.Except)
	switch {
	case except == "":
		return inside
	case inside == "":
		return "!(" + except + ")"
	}
	return "(" + inside + ") && !(" + except + ")"
}

func expression(tests []PathTest) string {
	var parts []string
	for _, t := range tests {
		if t.Begins {
			parts = append(parts, "request.path.startsWith("+quoted(t.Text)+")")
		} else {
			parts = append(parts, "request.path == "+quoted(t.Text))
		}
	}
	return strings.Join(parts, " || ")
}

// quoted is a text in double quotes, escaped as JSON has it.
func quoted(text string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // a string always encodes
	return strings.TrimSuffix(b.String(), "\n")
}

// IAMNames are the members in the terms of IAM: "user:alice@example.com".
func IAMNames(members []Member) []string {
	kinds := map[string]string{MemberPerson: "user:", MemberDomain: "domain:", MemberGroup: "group:", MemberAnyone: "allAuthenticatedUsers"}
	var out []string
	for _, m := range members {
		out = append(out, kinds[m.Kind]+m.Text)
	}
	return out
}

// IAM translates one of the grants. Bindings add up, so the condition excludes the paths that a more specific grant
// decides. ok is false if no condition can express the path: every path that begins with its literal beginning is then
// closed to everybody.
func (a Granted) IAM(g Grant) (b IAMBinding, ok bool) {
	prefix, exact, below := LiteralPrefix(g.Path)
	if !exact {
		return IAMBinding{}, false
	}
	b = IAMBinding{Title: g.Title, Members: g.Members}
	if g.Path != "" && g.Path != "/*" {
		b.Condition.Inside = pathTests(prefix, below)
	}
	b.Condition.Except = a.exceptions(g, prefix, below)
	return b, true
}

// IAMShared is the binding for what every page loads, below the app's base path. ok is false if it needs none, because
// nobody is excluded from the root.
func (a Granted) IAMShared(base string) (b IAMBinding, ok bool) {
	if !a.RestrictsRoot() {
		return IAMBinding{}, false
	}
	b = IAMBinding{Title: "what every page loads", Members: a.All}
	for _, p := range SharedPaths() {
		b.Condition.Inside = append(b.Condition.Inside, PathTest{path.Join("/", base, p) + "/", true})
	}
	return b, true
}

// IAMBindings translates all grants. It leaves out those that no condition can express.
func (a Granted) IAMBindings(base string) []IAMBinding {
	var all []IAMBinding
	for _, g := range a.Grants {
		if b, ok := a.IAM(g); ok {
			all = append(all, b)
		}
	}
	if b, ok := a.IAMShared(base); ok {
		all = append(all, b)
	}
	return all
}

// pathTests match a path and, with below, every path below it.
func pathTests(prefix string, below bool) []PathTest {
	return []PathTest{{prefix, false}, {prefix + "/", below}}
}

// exceptions match the paths that g covers and a more specific grant decides.
func (a Granted) exceptions(g Grant, prefix string, below bool) []PathTest {
	var tests []PathTest
	for _, other := range a.Grants {
		if other.Path == g.Path || other.Path == "" || g.Path != "" && !below {
			continue
		}
		start, exact, wide := LiteralPrefix(other.Path)
		switch {
		case g.Path != "" && start != prefix && !strings.HasPrefix(start, prefix+"/"):
		case g.Path != "" && start == prefix && wide && exact:
		case exact:
			tests = append(tests, pathTests(start, wide)...)
		default:
			tests = append(tests, PathTest{start, true})
		}
	}
	return tests
}
