package dev_test

import (
	"testing"

	"sdev/dev"
)

func policies(paths ...string) []dev.Policy {
	var out []dev.Policy
	for _, p := range paths {
		out = append(out, dev.Policy{Path: p, Allow: dev.Allow{Groups: []string{"none"}}})
	}
	return out
}

func TestDecide_TheMostSpecificPolicyDecidesWhateverTheOrder(t *testing.T) {
	for _, c := range []struct {
		path  string
		rules []string // the first one must decide; "" if none does
	}{
		{"/", []string{"/", "/*"}},
		{"/marketing", []string{"/marketing/*", "/*"}},
		{"/marketing/", []string{"/marketing/*", "/*"}},
		{"/marketing/q3", []string{"/marketing/*", "/*"}},
		{"/marketing", []string{"/marketing", "/marketing/*", "/*", "/*/*"}},
		{"/marketing/q3/net", []string{"/marketing/q3/*", "/marketing/*/net", "/marketing/*", "/*"}},
		{"/marketing/q3/net", []string{"/marketing/*/net", "/*/q3/net", "/*"}},
		{"/marketing2", []string{"/*", "/marketing/*", "/marketing"}},
		{"/team-a/budget", []string{"/team-a/*", "/team-*/budget", "/*/budget", "/*"}},
		{"/team-a/budget", []string{"/team-*/budget", "/*/budget"}},
		{"/Marketing", []string{"", "/marketing/*"}},
		{"/other", []string{"", "/marketing/*", "/"}},
		{"/a-b-c", []string{"/a*b*c", "/*"}},
		{"/ac", []string{"/*", "/a*b*c"}},
		{"/aba", []string{"", "/ab*ba"}},
		{"/marketing/../secret?x=/marketing/", []string{"/secret", "/marketing/*", "/*"}},
		{"//marketing//q3#top", []string{"/marketing/q3", "/marketing/*"}},
		{"marketing", []string{"/marketing"}},
	} {
		for _, reversed := range []bool{false, true} {
			var all []dev.Policy
			for _, r := range c.rules {
				if r == "" {
					continue
				}
				if reversed {
					all = append(policies(r), all...)
				} else {
					all = append(all, policies(r)...)
				}
			}
			if got := dev.Decide(all, c.path, &dev.Person{Email: "a@example.com"}); got.Rule != c.rules[0] {
				t.Errorf("%s by %q: decided by %q, want %q", c.path, all, got.Rule, c.rules[0])
			}
		}
	}
}

func TestDecide_EquallySpecificPoliciesDecideInTheirOrder(t *testing.T) {
	for _, c := range [][]string{{"/a*", "/*b"}, {"/*b", "/a*"}} {
		if got := dev.Decide(policies(c...), "/ab", nil); got.Rule != c[0] {
			t.Errorf("%q: %+v", c, got)
		}
	}
}

func TestDecide_AdmitsThePeopleOfThePolicy(t *testing.T) {
	alice := &dev.Person{Email: "Alice@Example.com", Groups: []string{"admin", "marketing"}}
	for name, c := range map[string]struct {
		allow dev.Allow
		who   *dev.Person
		want  dev.Decision
		why   string
	}{
		"a group":                        {dev.Allow{Groups: []string{"sales", "marketing"}}, alice, dev.Allowed, "in group marketing"},
		"another group":                  {dev.Allow{Groups: []string{"sales"}}, alice, dev.Denied, "only for groups sales"},
		"groups are case-sensitive":      {dev.Allow{Groups: []string{"Admin"}}, alice, dev.Denied, "only for groups Admin"},
		"an address":                     {dev.Allow{Emails: []string{"alice@example.com"}}, alice, dev.Allowed, "named by the policy"},
		"a domain":                       {dev.Allow{Domains: []string{"EXAMPLE.com"}}, alice, dev.Allowed, "of domain example.com"},
		"a parent domain does not match": {dev.Allow{Domains: []string{"com"}}, alice, dev.Denied, "only for domains com"},
		"one of several":                 {dev.Allow{Groups: []string{"x"}, Domains: []string{"example.com"}}, alice, dev.Allowed, "of domain example.com"},
		"none of several":                {dev.Allow{Groups: []string{"x"}, Emails: []string{"b@x.org"}}, alice, dev.Denied, "only for groups x; e-mail addresses b@x.org"},
		"anyone":                         {dev.Allow{Anyone: true}, alice, dev.Allowed, "for everybody who signs in"},
		"anyone, but not signed in":      {dev.Allow{Anyone: true}, nil, dev.LoginNeeded, "nobody has signed in"},
		"not signed in":                  {dev.Allow{Groups: []string{"admin"}}, nil, dev.LoginNeeded, "nobody has signed in"},
		"an empty policy":                {dev.Allow{}, alice, dev.Denied, "for nobody"},
		"a person without an address":    {dev.Allow{Domains: []string{""}}, &dev.Person{}, dev.Denied, "only for domains "},
	} {
		t.Run(name, func(t *testing.T) {
			got := dev.Decide([]dev.Policy{{Path: "/x", Allow: c.allow, Origin: "compose.yaml:7"}}, "/x", c.who)
			if got.Decision != c.want || got.Why != c.why || got.Rule != "/x (compose.yaml:7)" || got.Path != "/x" {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestDecide_WithoutAPolicyEverybodyWhoSignsIn(t *testing.T) {
	if got := dev.Decide(nil, "/x", &dev.Person{}); got.Decision != dev.Allowed || got.Rule != "" {
		t.Errorf("%+v", got)
	}
	if got := dev.Decide(policies("/y"), "/x", nil); got.Decision != dev.LoginNeeded || got.Rule != "" {
		t.Errorf("%+v", got)
	}
}

func TestDecide_ChangesNoPolicy(t *testing.T) {
	all := policies("/*", "/a/*", "/a/b")
	dev.Decide(all, "/a/b", nil)
	if all[0].Path != "/*" || all[2].Path != "/a/b" {
		t.Errorf("%v", all)
	}
}

func TestCheckPolicyPath_SaysWhatIsWrong(t *testing.T) {
	for _, good := range []string{"/", "/*", "/a", "/a/*", "/a-*/b"} {
		if err := dev.CheckPolicyPath(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for bad, want := range map[string]string{
		"":        "it must begin with a slash",
		"a/*":     "it must begin with a slash",
		"/a?b":    "a policy covers a path, without query and fragment",
		"/a/**":   "write /* once, at the end: it covers everything below",
		"/a/../b": "write /b, which is the same path",
		"/a/":     "write /a, which is the same path",
		"//a":     "write /a, which is the same path",
	} {
		if err := dev.CheckPolicyPath(bad); err == nil || err.Error() != want {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// A policy for everything below the root covers every path, and no spelling leads out of a directory that a policy
// covers.
func FuzzDecide(f *testing.F) {
	for _, path := range []string{"", "/", "a", "/a/../b", "//a//b", "/a/./b?c#d", "/..", "/%2e%2e/a", "/a/*", "/ä"} {
		f.Add("/a*/b", path)
		f.Add("/a/*", path)
	}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		if dev.CheckPolicyPath(pattern) != nil {
			return
		}
		got := dev.Decide([]dev.Policy{{Path: "/*"}, {Path: pattern}}, path, nil)
		if got.Rule != "/*" && got.Rule != pattern {
			t.Errorf("%q by %q: %+v", path, pattern, got)
		}
		again := dev.Decide([]dev.Policy{{Path: "/*"}, {Path: pattern}}, got.Path, nil)
		if again.Path != got.Path || again.Rule != got.Rule {
			t.Errorf("%q: %+v, and as %q %+v", path, got, got.Path, again)
		}
	})
}
