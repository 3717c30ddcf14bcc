package dev

import "testing"

func TestAccessScope(t *testing.T) {
	for pattern, want := range map[string]AccessScope{
		"":                    {"", true, false},
		"/*":                  {"", true, false},
		"/reports":            {"/reports", false, false},
		"/reports/*":          {"/reports", true, false},
		"/team-*/budget":      {"/team-*/budget", false, true},
		"/a*b*c/d":            {"/a*", false, true},
		"/x/a b/c":            {"/x/a*", false, true},
		"/x/*a b/c":           {"/x/*", false, true},
		"/日本":                 {"/*", false, true},
		"/reports/${x}/sum/*": {"/reports/*", true, true},
	} {
		if got := AccessScopeOf(pattern); got != want {
			t.Errorf("%s: %+v", pattern, got)
		}
	}
}

func TestAccessCovers_PathAndEverythingBelow(t *testing.T) {
	for _, c := range []struct {
		pattern, target string
		want            bool
	}{
		{"", "/", true}, {"", "/a/b", true}, {"/", "/a", true},
		{"/a", "/a", true}, {"/a", "/a/b", true}, {"/a", "/ab", false}, {"/a", "/", false}, {"/a", "/A", false},
		{"/a/*", "/a/b/c", true}, {"/a/*", "/a", false}, {"/a*", "/a", true}, {"/a*", "/abc/d", true},
		{"/t-*/b", "/t-1/b", true}, {"/t-*/b", "/t-1/x/b/c", true}, {"/t-*/b", "/t-1/bc", false}, {"/t-*/b-*/c", "/t-1/b-2/c", true},
	} {
		if got := accessCovers(c.pattern, c.target); got != c.want {
			t.Errorf("%q covers %q: %v", c.pattern, c.target, got)
		}
	}
}
