package dev

import (
	"path"
	"strings"
)

// This file says how Cloudflare Access expresses policies: by applications, which the local front door and the bundle of
// sdev deploy share. Source: Cloudflare, "Application paths".

// AccessScope is what an application of Access covers for a policy.
type AccessScope struct {
	Path string // in the syntax of Access; "" is the whole app
	// Below reports that the policy itself covers everything below its path, as every application does.
	Below bool
	// Wider reports that Access cannot express the policy's path, so that the application covers more.
	Wider bool
}

// AccessScopeOf returns what the application for a policy's path covers. An empty path stands for all paths without a
// policy.
func AccessScopeOf(pattern string) AccessScope {
	if pattern == "" || pattern == "/*" {
		return AccessScope{Below: true}
	}
	p, below := strings.CutSuffix(pattern, "/*")
	covered, wider := accessPath(p)
	return AccessScope{Path: covered, Below: below, Wider: wider}
}

// accessPath returns a policy's path in the syntax of Access: at most one star between two slashes, which also matches
// slashes, and only characters that look the same in every encoding of a path. wider reports that it covers more than
// the policy.
func accessPath(p string) (covered string, wider bool) {
	parts := strings.Split(strings.TrimPrefix(p, "/"), "/")
	for i, part := range parts {
		j := strings.IndexFunc(part, func(r rune) bool { return r != '*' && !IsPlainInPath(r) })
		if j < 0 && strings.Count(part, "*") <= 1 {
			wider = wider || strings.Contains(part, "*")
			continue
		}
		if star := strings.IndexByte(part, '*'); j < 0 || star >= 0 && star < j {
			j = star
		}
		return path.Join("/", path.Join(parts[:i]...), part[:j]+"*"), true
	}
	return "/" + strings.Join(parts, "/"), wider
}

// accessCovers reports whether an application with a path in the syntax of Access covers a clean path: the path itself,
// and everything below it. A star matches any text, slashes included.
func accessCovers(pattern, target string) bool {
	pattern = strings.TrimSuffix(pattern, "/")
	return pattern == "" || matchesGlob(pattern, target) || matchesGlob(pattern+"/*", target)
}

// matchesGlob compares a text with a pattern in which a star matches any text.
func matchesGlob(pattern, text string) bool {
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

// moreSpecificForAccess orders two paths of applications that cover the same path: negative if a decides. The longer one
// does; of equally long ones, that without a star.
func moreSpecificForAccess(a, b string) int {
	if d := len(b) - len(a); d != 0 {
		return d
	}
	return strings.Count(a, "*") - strings.Count(b, "*")
}
