package dev

import (
	"slices"
	"strings"
)

// This file says which policies a load balancer of AWS can enforce. It sees paths and not people, so it can close a path
// to everybody and do nothing else.

// ClosedPath is a path that a listener rule of a load balancer closes to everybody.
type ClosedPath struct {
	Policy   Policy
	Patterns []string // path patterns of the rule
}

// ClosedPaths returns the paths that listener rules close, in the order of the policies.
func ClosedPaths(policies []Policy) []ClosedPath {
	var out []ClosedPath
	for _, p := range policies {
		if p.Allow.IsNobody() && ClosesAtALB(p, policies) {
			out = append(out, ClosedPath{p, albPatterns(p.Path)})
		}
	}
	return out
}

// IsNobody reports whether the set is empty.
func (a Allow) IsNobody() bool {
	return !a.Anyone && len(a.Groups)+len(a.Emails)+len(a.Domains) == 0
}

// longestPattern is the longest path pattern that sdev writes. AWS allows 128 characters.
const longestPattern = 120

// ClosesAtALB reports whether a listener rule covers exactly the paths of a policy. In a listener rule, a star also
// matches slashes, and there are no exceptions.
func ClosesAtALB(p Policy, all []Policy) bool {
	base, below := strings.CutSuffix(p.Path, "/*")
	if strings.Contains(base, "*") || len(p.Path) > longestPattern {
		return false
	}
	return !slices.ContainsFunc(all, func(other Policy) bool {
		if other.Path == p.Path {
			return !other.Allow.IsNobody()
		}
		return below && mayOpen(other.Path, base)
	})
}

// mayOpen reports whether a policy's path may be, or may lie, below base: there it would be an exception.
func mayOpen(pattern, base string) bool {
	pattern = strings.TrimSuffix(pattern, "/*")
	if literal, _, star := strings.Cut(pattern, "*"); star {
		return strings.HasPrefix(literal, base+"/") || strings.HasPrefix(base+"/", literal)
	}
	return pattern == base || strings.HasPrefix(pattern, base+"/")
}

// albPatterns returns the path patterns of the listener rule for a policy's path.
func albPatterns(pattern string) []string {
	base, below := strings.CutSuffix(pattern, "/*")
	switch {
	case !below:
		return []string{pattern}
	case base == "":
		return []string{"/*"}
	}
	return []string{base, pattern}
}
