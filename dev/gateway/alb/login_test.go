package alb

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/oidc"
)

func TestLogin_LeadsToTheProviderAndBackToTheSameAddress(t *testing.T) {
	r := newRig(t)
	b := r.browser()
	const target = "/reports/2026?q=a%2Fb&x=%C3%A9#"
	first := b.get(strings.TrimSuffix(target, "#"))
	to := first.to(t)
	q := to.Query()
	if got := to.Scheme + "://" + to.Host + to.Path; got != r.door.ALB.Authorization || q.Get("response_type") != "code" || q.Get("client_id") != r.door.Client.ID ||
		q.Get("scope") != "openid" || q.Get("redirect_uri") != r.door.Origin+"/oauth2/idpresponse" || q.Get("state") == "" || q.Has("code_challenge") || len(q) != 5 {
		t.Errorf("sent to %s", to)
	}
	if first.Header.Get("Server") != "awselb/2.0" || b.cookie(nonceCookie) == "" || b.cookie("AWSELBAuthSessionCookie-0") != "" {
		t.Errorf("%v", first.Header)
	}
	back := b.get(b.pick(to, alice).String())
	if got := back.to(t).String(); got != r.door.Origin+"/reports/2026?q=a%2Fb&x=%C3%A9" {
		t.Errorf("back to %s", got)
	}
	if b.cookie("AWSELBAuthSessionCookie-0") == "" || b.cookie(nonceCookie) != "" {
		t.Errorf("after the sign-in: %v", back.Header["Set-Cookie"])
	}
	if p := b.get("/").pass(t); p.User != alice {
		t.Errorf("%+v", p)
	}
	if n := r.tokens.Load(); n != 1 {
		t.Errorf("%d requests for tokens", n)
	}
}

func TestLogin_AddsTheParametersOfTheSettings(t *testing.T) {
	r := newRig(t, func(s *setup) {
		s.door.ALB.Params = map[string]string{"prompt": "login", "kc_idp_hint": "a b"}
		s.door.ALB.Scope = "openid email"
	})
	if q := r.browser().get("/").to(t).Query(); q.Get("prompt") != "login" || q.Get("kc_idp_hint") != "a b" || q.Get("scope") != "openid email" || len(q) != 7 {
		t.Errorf("%v", q)
	}
}

// Without the nonce of the same browser nobody signs in, and the code can still be redeemed by whoever has it.
func TestCallback_NeedsTheNonceOfTheSameBrowser(t *testing.T) {
	r := newRig(t)
	b := r.browser()
	back := b.callback("/", alice)
	stranger := r.browser()
	if a := stranger.get(back.String()); a.StatusCode != http.StatusUnauthorized || len(a.Cookies()) != 0 || !strings.Contains(a.body, "401 Authorization Required") {
		t.Errorf("without a nonce: %s %v", a.Status, a.Header)
	}
	stranger.get("/") // has a nonce now, but another one
	if a := stranger.get(back.String()); a.StatusCode != http.StatusUnauthorized || len(a.Cookies()) != 0 {
		t.Errorf("with another nonce: %s", a.Status)
	}
	if n := r.tokens.Load(); n != 0 {
		t.Fatalf("the code was spent: %d requests for tokens", n)
	}
	if a := b.get(back.String()); a.StatusCode != http.StatusFound {
		t.Errorf("with the right nonce: %s", a.Status)
	}
	if a := b.get(back.String()); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("a second time: %s", a.Status)
	}
}

func TestCallback_NeedsTheStateThatTheLoadBalancerMade(t *testing.T) {
	r := newRig(t)
	b := r.browser()
	back := b.callback("/", alice)
	for name, change := range map[string]func(url.Values){
		"none":    func(q url.Values) { q.Del("state") },
		"empty":   func(q url.Values) { q.Set("state", "") },
		"changed": func(q url.Values) { q.Set("state", "A"+q.Get("state")[1:]+"A") },
		"of a session": func(q url.Values) {
			sealed, err := r.lb.keys.Seal(purposeSession, state{Nonce: b.cookie(nonceCookie), Target: "/", At: r.idp.Now()})
			if err != nil {
				t.Fatal(err)
			}
			q.Set("state", sealed)
		},
		"no code": func(q url.Values) { q.Del("code") },
	} {
		to := *back
		q := to.Query()
		change(q)
		to.RawQuery = q.Encode()
		if a := b.get(to.String()); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %s", name, a.Status)
		}
	}
	if r.tokens.Load() != 0 {
		t.Error("the code was spent")
	}
}

func TestCallback_ComesWithinFifteenMinutes(t *testing.T) {
	for after, want := range map[time.Duration]int{14 * time.Minute: http.StatusFound, 15*time.Minute + time.Second: http.StatusUnauthorized} {
		r := newRig(t)
		b := r.browser()
		page := b.get("/").to(t)
		r.clock(after)
		if a := b.get(b.pick(page, alice).String()); a.StatusCode != want {
			t.Errorf("after %v: %s, want %d", after, a.Status, want)
		}
	}
}

func TestCallback_AnswersWith561IfTheProviderAnswersWithAnError(t *testing.T) {
	for name, fault := range map[string]string{"instead of a code": "deny", "instead of tokens": "reject-code"} {
		r := newRig(t)
		b := r.browser()
		r.fault(fault, 1)
		a := b.get(b.callback("/", alice).String())
		if a.StatusCode != 561 || !strings.Contains(a.body, "561 Unauthorized") || b.cookie("AWSELBAuthSessionCookie-0") != "" {
			t.Errorf("%s: %s %s", name, a.Status, a.body)
		}
		if !slices.ContainsFunc(r.told(), func(e dev.Event) bool {
			d, ok := e.(dev.AuthDenied)
			return ok && strings.HasPrefix(d.Reason, "the identity provider answered ") || ok && strings.HasPrefix(d.Reason, "the provider answered ")
		}) {
			t.Errorf("%s: no event among %v", name, r.told())
		}
	}
}

func TestCallback_AnswersWith500IfTheProviderDoesNotAnswer(t *testing.T) {
	for _, endpoint := range []string{"token", "userinfo"} {
		r := newRig(t)
		b := r.browser()
		r.fault("drop", 0, "endpoint", endpoint)
		if a := b.get(b.callback("/", alice).String()); a.StatusCode != http.StatusInternalServerError || b.cookie("AWSELBAuthSessionCookie-0") != "" {
			t.Errorf("%s: %s", endpoint, a.Status)
		}
	}
}

func TestCallback_AnswersWith401IfTheScopeHasNoIDToken(t *testing.T) {
	r := newRig(t, withOIDC, func(s *setup) { s.door.ALB.Scope = "email" })
	b := r.browser()
	if a := b.get(b.callback("/", alice).String()); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("%s", a.Status)
	}
}

// The local provider names itself in its answer (RFC 9207). A user pool does not, and the load balancer reads only what it
// knows.
func TestCallback_IgnoresOtherParameters(t *testing.T) {
	r := newRig(t)
	b := r.browser()
	back := b.callback("/", alice)
	if back.Query().Get("iss") == "" {
		t.Fatalf("no iss in %s", back)
	}
	if a := b.get(back.String() + "&session_state=x&iss=https://evil.example"); a.StatusCode != http.StatusFound {
		t.Errorf("%s", a.Status)
	}
}

func TestCallback_BelongsToTheLoadBalancerWhateverTheRules(t *testing.T) {
	r := newRig(t, func(s *setup) {
		s.door.ALB.Rules = []dev.ALBRule{{Path: "/oauth2/*", Unauthenticated: dev.ALBForward}}
		s.door.Policies = []dev.Policy{{Path: "/*"}}
	})
	if a := r.browser().get(dev.ALBCallback); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("%s", a.Status)
	}
}

// A page that begins to load while nobody is signed in makes several requests at once.
func TestLogin_RequestsOfOnePageBeginTheSameSignIn(t *testing.T) {
	r := newRig(t)
	b := r.browser()
	first := b.get("/one").to(t)
	second := b.get("/two").to(t)
	if a := b.get(b.pick(first, alice).String()); a.StatusCode != http.StatusFound || !strings.HasSuffix(a.Header.Get("Location"), "/one") {
		t.Errorf("first: %s", a.Status)
	}
	if first.Query().Get("state") == second.Query().Get("state") {
		t.Error("two requests have one state")
	}
}

func TestLogin_DoesNotTellScriptsFromPages(t *testing.T) {
	r := newRig(t)
	for name, header := range map[string][]string{
		"XMLHttpRequest": {"X-Requested-With", "XMLHttpRequest"}, "fetch": {"Sec-Fetch-Mode", "cors", "Accept", "application/json"},
		"a WebSocket": {"Connection", "Upgrade", "Upgrade", "websocket", "Sec-Websocket-Version", "13", "Sec-Websocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
	} {
		if a := r.browser().get("/_stcore/stream", header...); a.StatusCode != http.StatusFound || !strings.HasPrefix(a.Header.Get("Location"), r.door.ALB.Authorization) {
			t.Errorf("%s: %s", name, a.Status)
		}
	}
}

func TestLogin_NeverLeadsToAnotherSite(t *testing.T) {
	r := newRig(t)
	app, err := url.Parse(r.door.Origin)
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"//evil.example/x", `/\evil.example`, "/%2F/evil.example", "/@evil.example", "http://evil.example/x", "*", "evil.example:80", "/;@evil.example", "/.evil.example"} {
		b := r.browser()
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.door.Origin, nil)
		if err != nil {
			t.Fatal(err)
		}
		q.URL.Opaque = target
		if strings.HasPrefix(target, "//") { // package http would make it an address
			q.URL.Opaque, q.URL.Path = "", target
		}
		to := b.send(q).to(t)
		back := b.get(b.pick(to, alice).String()).to(t)
		if back.Scheme != app.Scheme || back.Host != app.Host || back.User != nil {
			t.Errorf("%q leads to %s", target, back)
		}
	}
	for _, forged := range []string{"//evil.example", `\\evil.example`, "@evil.example", ".evil.example", ":80@evil.example"} {
		if u, err := url.Parse(r.door.Origin + localTarget(forged)); err != nil || u.Host != app.Host {
			t.Errorf("%q leads to %s, %v", forged, u, err)
		}
	}
}

// With four settings, each endpoint can be at another host.
func TestLogin_UsesFourSeparateEndpoints(t *testing.T) {
	f := newFake(t)
	b := f.browser()
	to := b.get("/").to(t)
	if got := to.Scheme + "://" + to.Host + to.Path; got != "https://login.example.com/start" {
		t.Errorf("the browser goes to %s", got)
	}
	p := b.signInFake()
	if f.asked["token"] != 1 || f.asked["userinfo"] != 1 || f.auth != "Basic" {
		t.Errorf("%v, authenticated by %s", f.asked, f.auth)
	}
	header, claims, _ := readToken(t, only(t, p, headerData))
	if header["iss"] != "https://issuer.example.com" || claims["iss"] != "https://issuer.example.com" {
		t.Errorf("%v %v", header, claims)
	}
}

func TestEvents_HoldNoSecret(t *testing.T) {
	r := newRig(t, func(s *setup) { s.provider.Refresh = "rotate" })
	b := r.browser()
	var secrets []string
	back := b.callback("/", alice)
	secrets = append(secrets, clientSecret, back.Query().Get("code"), back.Query().Get("state"), b.cookie(nonceCookie))
	r.browser().get(back.String()) // refused
	b.get(back.String())
	p := b.get("/").pass(t)
	secrets = append(secrets, only(t, p, headerData), only(t, p, headerAccess), b.cookie("AWSELBAuthSessionCookie-0"))
	for _, fault := range []string{"revoked-refresh", "reject-code", "malformed", "status", "drop"} {
		r.do(oidc.Command{Do: oidc.DoClear})
		r.fault(fault, 0)
		r.clock(time.Until(r.idp.Now()) + 2*time.Hour)
		b.get("/")
		other := r.browser()
		back := other.callback("/", bob)
		secrets = append(secrets, back.Query().Get("code"), back.Query().Get("state"))
		other.get(back.String())
	}
	b.Jar.SetCookies(back, []*http.Cookie{{Name: "AWSELBAuthSessionCookie-0", Value: "forged-value", Path: "/"}})
	b.get("/")
	text, err := json.Marshal(r.told())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append(secrets, "forged-value") {
		if s == "" || strings.Contains(string(text), s) {
			t.Errorf("the events hold %.40q", s)
		}
	}
	if len(r.told()) < 8 {
		t.Errorf("only %d events", len(r.told()))
	}
}
