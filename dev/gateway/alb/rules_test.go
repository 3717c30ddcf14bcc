package alb

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// outcome says in a word what happens to a request.
func (a answer) outcome(r *rig) string {
	switch {
	case a.StatusCode == http.StatusOK:
		if p := a.pass(r.t); p.User == "" && len(p.Header) == 1 && p.Header["X-Amzn-Trace-Id"] != nil {
			return "nobody"
		}
		return "person"
	case a.StatusCode == http.StatusFound && strings.HasPrefix(a.Header.Get("Location"), r.door.ALB.Authorization):
		return "login"
	}
	return http.StatusText(a.StatusCode)
}

func TestRules_DecideWithoutAndWithASession(t *testing.T) {
	for action, want := range map[string][2]string{
		dev.ALBAuthenticate: {"login", "person"}, dev.ALBAllow: {"nobody", "person"}, dev.ALBDeny: {"Unauthorized", "person"}, dev.ALBForward: {"nobody", "nobody"},
	} {
		for _, as := range []string{"the default rule", "a rule by path"} {
			r := newRig(t, func(s *setup) {
				if as == "the default rule" && action != dev.ALBForward {
					s.door.ALB.Unauthenticated = action
				} else {
					s.door.ALB.Rules = []dev.ALBRule{{Path: "/x/*", Unauthenticated: action}, {Path: "/login", Unauthenticated: dev.ALBAuthenticate}}
				}
				s.door.ALB.Rules = append(s.door.ALB.Rules, dev.ALBRule{Path: "/login", Unauthenticated: dev.ALBAuthenticate})
			})
			b := r.browser()
			if got := b.get("/x/1").outcome(r); got != want[0] {
				t.Errorf("%s as %s, not signed in: %s, want %s", action, as, got, want[0])
			}
			b.signIn("/login", alice)
			if got := b.get("/x/1").outcome(r); got != want[1] {
				t.Errorf("%s as %s, signed in: %s, want %s", action, as, got, want[1])
			}
		}
	}
}

func TestRules_FirstThatMatchesDecides(t *testing.T) {
	r := newRig(t, func(s *setup) {
		s.door.ALB.Rules = []dev.ALBRule{
			{Path: "/public/secret*", Unauthenticated: dev.ALBDeny}, {Path: "/public/*", Unauthenticated: dev.ALBForward}, {Path: "/api/?", Unauthenticated: dev.ALBAllow},
			{Path: "*", Unauthenticated: dev.ALBAuthenticate}, {Path: "/after", Unauthenticated: dev.ALBForward},
		}
	})
	b := r.browser()
	for path, want := range map[string]string{
		"/public/secrets": "Unauthorized", "/public/": "nobody", "/public/a/b": "nobody", "/public": "login", "/PUBLIC/": "login", "/api/1": "nobody", "/api/12": "login",
		"/after": "login", "/": "login", "/public/?q=/public/secret": "nobody",
	} {
		if got := b.get(path).outcome(r); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// The bundle of sdev deploy closes these paths by rules with a fixed response, before those that sign people in.
func TestRules_PoliciesThatAdmitNobodyCloseTheirPath(t *testing.T) {
	r := newRig(t, func(s *setup) {
		s.door.Policies = []dev.Policy{{Path: "/closed/*", Origin: "compose.yaml:7"}, {Path: "/team/*", Allow: dev.Allow{Groups: []string{"admin"}}}}
		s.door.ALB.Rules = []dev.ALBRule{{Path: "/closed/but/forwarded", Unauthenticated: dev.ALBForward}}
	})
	b := r.browser()
	closed := func(path string) {
		t.Helper()
		if a := b.get(path); a.StatusCode != http.StatusForbidden || a.body != "Closed" || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s: %s %q", path, a.Status, a.body)
		}
	}
	closed("/closed/a")
	b.signIn("/team/x", bob) // a load balancer sees paths, and no groups
	for range 3 {
		closed("/closed")
		closed("/closed/but/forwarded")
	}
	var who []string
	for _, e := range r.told() {
		if d, ok := e.(dev.AuthDenied); ok && strings.Contains(d.Reason, "/closed/* (compose.yaml:7)") {
			who = append(who, d.User)
		}
	}
	if !slices.Equal(who, []string{"", bob}) {
		t.Errorf("reported for %q, want once for nobody and once for bob", who)
	}
}

func TestRules_ReportsAreBounded(t *testing.T) {
	r := newRig(t)
	for i := range 3 * door.MostReports {
		r.lb.reportClosed(strings.Repeat("x", i), rule{name: "/closed"})
	}
	if n := len(r.told()); n != door.MostReports {
		t.Errorf("%d reports", n)
	}
}

// A rule without an authenticate action has nothing to do with sessions: it neither reads nor refreshes them.
func TestRules_ForwardRefreshesNothing(t *testing.T) {
	r := newRig(t, func(s *setup) { s.door.ALB.Rules = []dev.ALBRule{{Path: "/x", Unauthenticated: dev.ALBForward}} })
	b := r.browser()
	b.signIn("/", alice)
	r.clock(2 * 3600e9)
	if a := b.get("/x"); a.outcome(r) != "nobody" || len(a.Cookies()) != 0 || r.tokens.Load() != 1 {
		t.Errorf("%s, cookies %v, %d requests for tokens", a.outcome(r), a.Cookies(), r.tokens.Load())
	}
}

// FuzzMatches compares the patterns of listener rules with regular expressions.
func FuzzMatches(f *testing.F) {
	for _, seed := range [][2]string{{"/a/*", "/a/b/c"}, {"*", ""}, {"/?", "/é"}, {"/*a*b?", "/xaab1"}, {"**a", "aaa"}, {"/a", "/A"}, {"", "x"}, {"*?*", "x"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 128 || len(text) > 1000 {
			return // AWS allows no longer pattern
		}
		// Byte by byte, as the load balancer reads a path.
		latin := func(s string) string {
			var out []rune
			for _, b := range []byte(s) {
				out = append(out, rune(b))
			}
			return string(out)
		}
		expression := regexp.QuoteMeta(latin(pattern))
		expression = strings.ReplaceAll(strings.ReplaceAll(expression, `\*`, ".*"), `\?`, ".")
		want := regexp.MustCompile(`(?s)^(?:` + expression + `)$`).MatchString(latin(text))
		if got := matches(pattern, text); got != want {
			t.Errorf("%q matches %q: %v, want %v", pattern, text, got, want)
		}
	})
}

// FuzzCookies shows that no text of a browser becomes a session.
func FuzzCookies(f *testing.F) {
	r := newRig(f)
	b := r.browser()
	b.signIn("/", alice)
	sound := b.cookie("AWSELBAuthSessionCookie-0")
	f.Add("AWSELBAuthSessionCookie-0=x; AWSELBAuthSessionCookie-1=y")
	f.Add("AWSELBAuthSessionCookie-0=" + sound[:len(sound)-1])
	f.Add("AWSELBAuthSessionCookie-0=\"" + sound[1:] + "\"")
	f.Fuzz(func(t *testing.T, line string) {
		q := httptest.NewRequest(http.MethodGet, "/", nil)
		q.Header["Cookie"] = []string{line}
		if s := r.lb.session(q); s != nil && !strings.Contains(line, sound) {
			t.Errorf("%q is a session of %s", line, s.Email)
		}
	})
}

// FuzzCallback shows that no text of a browser is a sign-in.
func FuzzCallback(f *testing.F) {
	r := newRig(f)
	b := r.browser()
	sound := b.get("/").to(f).Query().Get("state")
	f.Add("state="+sound+"&code=x", "x")
	f.Add("state="+sound[1:]+"&error=x", b.cookie(nonceCookie))
	f.Add("state=%00&code=%zz;", "")
	f.Fuzz(func(t *testing.T, query, nonce string) {
		q := httptest.NewRequest(http.MethodGet, dev.ALBCallback, nil)
		q.URL.RawQuery = query
		q.Header["Cookie"] = []string{nonceCookie + "=" + nonce}
		w := httptest.NewRecorder()
		if _, ok := r.lb.Admit(w, q); ok || w.Code == http.StatusFound || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
		if sent, err := url.ParseQuery(query); err == nil && sent.Get("state") != sound && w.Code != http.StatusUnauthorized {
			t.Errorf("%d for a state that nobody made", w.Code)
		}
	})
}
