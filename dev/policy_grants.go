package dev

import (
	"slices"
	"strings"
)

// This file combines policies with the people who may sign in at all, in terms that identity proxies have. Each proxy has
// a translation of its own: see policy_iam.go.

// The kinds of a [Member].
const (
	MemberPerson = "person"
	MemberDomain = "domain"
	MemberGroup  = "group"
	MemberAnyone = "anyone" // everybody who signs in
)

// Member is a person or a set of people with access.
type Member struct {
	Kind string `json:"kind"`
	Text string `json:"text,omitempty"` // e-mail address, domain, or the platform's name of the group
}

// Grant gives some members access to a path.
type Grant struct {
	Title   string // for people: "everybody", "/reports/*"
	Path    string // of the policy; "" is every path without a policy
	Members []Member
}

// Granted are the grants of a project.
type Granted struct {
	Grants []Grant  // in the order of the policies, each path once; the paths without a policy come last
	All    []Member // everybody that a grant names
}

// NewGranted combines policies with the members who may open every path without a policy. group returns the platform's
// members for a group that a policy names; origin is the policy's. An incomplete policy closes a path, and never opens it.
func NewGranted(policies []Policy, everybody []Member, group func(name, origin string) []Member) Granted {
	a := Granted{All: slices.Clone(everybody)}
	first, open := firstPolicies(policies)
	for _, p := range first {
		g := Grant{Title: p.Path, Path: p.Path}
		for _, name := range p.Allow.Groups {
			g.Members = append(g.Members, group(name, p.Origin)...)
		}
		for _, email := range p.Allow.Emails {
			g.Members = append(g.Members, Member{MemberPerson, email})
		}
		for _, domain := range p.Allow.Domains {
			g.Members = append(g.Members, Member{MemberDomain, domain})
		}
		a.All = append(a.All, g.Members...)
		a.Grants = append(a.Grants, g)
	}
	a.All = distinctMembers(a.All)
	for i, g := range a.Grants {
		if first[i].Allow.Anyone {
			g.Members = a.All
		}
		a.Grants[i].Members = distinctMembers(g.Members)
	}
	if open {
		a.Grants = append(a.Grants, Grant{Title: "everybody", Members: a.All})
	}
	return a
}

// firstPolicies returns the policies that count: the first of several for one path. open reports that none of them is for
// all paths, so that the paths without a policy are open to everybody who signs in.
func firstPolicies(policies []Policy) (first []Policy, open bool) {
	for _, p := range policies {
		if !slices.ContainsFunc(first, func(q Policy) bool { return q.Path == p.Path }) {
			first = append(first, p)
		}
	}
	return first, !slices.ContainsFunc(first, func(p Policy) bool { return p.Path == "/*" })
}

// distinctMembers removes duplicates.
func distinctMembers(all []Member) []Member {
	out := []Member{}
	for _, m := range all {
		if !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}

// RestrictsRoot reports whether the policy for "/*" excludes some members, who then cannot load what every page needs.
func (a Granted) RestrictsRoot() bool {
	return slices.ContainsFunc(a.Grants, func(g Grant) bool { return g.Path == "/*" && len(g.Members) < len(a.All) })
}

// Includes reports whether a member is, or contains, a person. The names of groups are those of [Person.Groups].
func (m Member) Includes(who Person) bool {
	at := strings.LastIndexByte(who.Email, '@')
	switch m.Kind {
	case MemberAnyone:
		return true
	case MemberGroup:
		return slices.Contains(who.Groups, m.Text)
	case MemberDomain:
		return at >= 0 && strings.EqualFold(who.Email[at+1:], m.Text)
	}
	return strings.EqualFold(who.Email, m.Text)
}

// SharedPaths are the paths that a browser loads for every page of a Streamlit app, relative to the app's base path.
// Source: streamlit/web/server, the routes of server.py and the starlette app.
func SharedPaths() []string { return []string{"/_stcore", "/component", "/media", "/static"} }

// LiteralPrefix returns the literal beginning of a policy's path. exact reports that the whole path is literal, apart
// from "/*" at its end; below reports that it ends in "/*", and so covers everything below as well.
func LiteralPrefix(pattern string) (prefix string, exact, below bool) {
	base, below := strings.CutSuffix(pattern, "/*")
	if i := strings.IndexFunc(base, func(r rune) bool { return !IsPlainInPath(r) }); i >= 0 {
		return base[:i], false, below
	}
	return base, true, below
}

// IsPlainInPath reports whether a character looks the same in every encoding of a path.
func IsPlainInPath(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("/_.~-", r)
}
