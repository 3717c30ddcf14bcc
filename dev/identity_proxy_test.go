package dev_test

import (
	"slices"
	"strings"
	"testing"

	"sdev/dev"
)

func TestIdentityProxies_AreConsistent(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range dev.IdentityProxies() {
		if d.Name == "" || seen[d.Name] || d.Title == "" {
			t.Errorf("identity proxy %q, %q", d.Name, d.Title)
		}
		seen[d.Name] = true
		if !slices.Contains(d.Headers, strings.ToLower(d.Signed)) {
			t.Errorf("%s: the signed header %s is none of %v", d.Name, d.Signed, d.Headers)
		}
		for _, h := range d.Headers {
			if h != strings.ToLower(h) || !slices.ContainsFunc(d.Begins, func(b string) bool { return strings.HasPrefix(h, b) }) {
				t.Errorf("%s: header %s begins with none of %v", d.Name, h, d.Begins)
			}
		}
	}
}
