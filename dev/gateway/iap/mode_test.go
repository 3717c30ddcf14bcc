package iap

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

func TestMode_ClearLoginCookie(t *testing.T) {
	for _, path := range []string{"/page?a=1&gcp-iap-mode=CLEAR_LOGIN_COOKIE", "/_gcp_iap/clear_login_cookie"} {
		r := newRig(t)
		isApp(t, r.signInAs(r.browser, alice, "/"))
		p := r.get(path)
		isGenerated(t, p, http.StatusFound)
		for _, name := range []string{cookieSession, cookieUID, cookieNonce} {
			if c := p.cookie(name); c == nil || c.MaxAge >= 0 {
				t.Errorf("%s: cookie %s is not removed: %+v", path, name, c)
			}
		}
		want := map[bool]string{true: "/page?a=1", false: "/"}[strings.HasPrefix(path, "/page")]
		if got := p.location().String(); got != r.main(want) {
			t.Errorf("%s leads to %s", path, got)
		}
		isApp(t, r.follow(r.browser, p)) // the provider still knows the person
		if out := told[dev.AuthLogout](r); len(out) != 1 || out[0].User != alice {
			t.Errorf("events %+v", out)
		}
	}
}

func TestMode_ForceLoginShowsTheSignInPage(t *testing.T) {
	r := newRig(t)
	isApp(t, r.signInAs(r.browser, alice, "/"))
	page := r.follow(r.browser, r.get("/page?gcp-iap-mode=FORCE_LOGIN"))
	p := r.follow(r.browser, r.pick(r.browser, page, bob))
	isApp(t, p)
	if p.seen(headerEmail) != "accounts.google.com:"+bob || p.Request.URL.String() != r.main("/page") {
		t.Errorf("%s at %s", p.seen(headerEmail), p.Request.URL)
	}
}

func TestMode_SessionRefreshEndsAtAPageThatDoesItAgain(t *testing.T) {
	r := newRig(t)
	isApp(t, r.signInAs(r.browser, alice, "/"))
	p := r.follow(r.browser, r.get("/?gcp-iap-mode=DO_SESSION_REFRESH"))
	isGenerated(t, p, http.StatusOK)
	if got := p.Request.URL.Query().Get("gcp-iap-mode"); got != "SESSION_REFRESHER" {
		t.Errorf("ends at %s", p.Request.URL)
	}
	if !strings.Contains(p.body, `http-equiv="refresh"`) || !strings.Contains(p.body, "gcp-iap-mode=DO_SESSION_REFRESH") {
		t.Errorf("page %s", p.body)
	}
}

func TestMode_IdentityNeedsNoRole(t *testing.T) {
	r := newRig(t)
	isGenerated(t, r.get("/sales/x?gcp-iap-mode=IDENTITY"), http.StatusFound)
	isApp(t, r.signInAs(r.browser, bob, "/"))
	p := r.get("/sales/x?gcp-iap-mode=IDENTITY")
	isGenerated(t, p, http.StatusOK)
	var got map[string]string
	if err := json.Unmarshal([]byte(p.body), &got); err != nil || got["email"] != "accounts.google.com:"+bob || got["sub"] != "accounts.google.com:"+dev.GoogleSubject(bob) {
		t.Errorf("%s %v", p.body, err)
	}
}

func TestMode_OthersGoToTheApp(t *testing.T) {
	r := newRig(t)
	isApp(t, r.signInAs(r.browser, alice, "/"))
	isApp(t, r.get("/?gcp-iap-mode=SOMETHING"))
	isApp(t, r.get("/?gcp-iap-mode=GCIP_SIGNOUT")) // only guests have it
}

// TestMode_SecureTokenTest asks for wrong tokens, as an app's developer does to test a verifier.
func TestMode_SecureTokenTest(t *testing.T) {
	r := newRig(t)
	isApp(t, r.signInAs(r.browser, alice, "/"))
	now := float64(time.Now().Unix())
	for kind, wrong := range map[string]func(head, c map[string]any) bool{
		"NOT_SET":         func(_, c map[string]any) bool { return c["aud"] == r.d.iap.Audience && c["iss"] == issuer },
		"FUTURE_ISSUE":    func(_, c map[string]any) bool { return c["iat"].(float64) > now+1800 },
		"PAST_EXPIRATION": func(_, c map[string]any) bool { return c["exp"].(float64) < now-1800 },
		"ISSUER":          func(_, c map[string]any) bool { return c["iss"] != issuer },
		"AUDIENCE":        func(_, c map[string]any) bool { return c["aud"] != r.d.iap.Audience },
		"SIGNATURE":       func(head, _ map[string]any) bool { return head["kid"] != r.d.keys.Signing().ID },
	} {
		p := r.get("/?gcp-iap-mode=SECURE_TOKEN_TEST&iap-secure-token-test-type=" + kind)
		isApp(t, p)
		if token := p.seen(headerAssertion); !wrong(decode(t, token, 0), decode(t, token, 1)) {
			t.Errorf("%s: %v", kind, decode(t, token, 1))
		}
	}
}

// TestAuthenticating_OnlyTheBrowserThatBeganMayEnd takes parts of a sign-in to another browser.
func TestAuthenticating_OnlyTheBrowserThatBeganMayEnd(t *testing.T) {
	r := newRig(t)
	back := r.pick(r.browser, r.follow(r.browser, r.get("/page")), alice)
	end := r.send(r.browser, http.MethodGet, back.location().String(), nil).location().String()
	isGenerated(t, r.send(r.newBrowser(), http.MethodGet, end, nil), http.StatusBadRequest)
	u, err := url.Parse(end)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(url.Values){
		"no token":      func(q url.Values) { q.Del("redirect_token_v2") },
		"changed token": func(q url.Values) { q.Set("redirect_token_v2", "A"+q.Get("redirect_token_v2")[1:]) },
		"state":         func(q url.Values) { q.Set("redirect_token_v2", r.get("/").location().Query().Get("state")) },
	} {
		q := u.Query()
		change(q)
		p := r.get(u.Path + "?" + q.Encode())
		isGenerated(t, p, http.StatusBadRequest)
		if !strings.Contains(p.body, "error code 9") || p.cookie(cookieSession) != nil {
			t.Errorf("%s: %s", name, p.body)
		}
	}
	isApp(t, r.follow(r.browser, r.send(r.browser, http.MethodGet, end, nil)))
	isApp(t, r.follow(r.browser, r.send(r.browser, http.MethodGet, end, nil))) // loaded again: the code is used up
	if p := r.send(r.browser, http.MethodGet, back.location().String(), nil); p.StatusCode != http.StatusFound {
		t.Errorf("the callback again: %s", p.Status)
	}
}

func TestAuthenticating_ASignInTakesTenMinutesAtMost(t *testing.T) {
	r := newRig(t)
	page := r.follow(r.browser, r.get("/page"))
	r.later(11 * time.Minute)
	back := r.pick(r.browser, page, alice)
	isGenerated(t, r.send(r.browser, http.MethodGet, back.location().String(), nil), http.StatusBadRequest)
}

func TestAuthenticating_ADenialAtTheProviderIsReported(t *testing.T) {
	r := newRig(t)
	page := r.follow(r.browser, r.get("/page"))
	p := r.follow(r.browser, r.fill(r.browser, page, "/signin", "deny", "1"))
	isGenerated(t, p, http.StatusUnauthorized)
	if !strings.Contains(p.body, "access_denied") {
		t.Errorf("page %s", p.body)
	}
	found := false
	for _, e := range told[dev.AuthDenied](r) {
		found = found || e.Client == doorClient && strings.Contains(e.Reason, "access_denied")
	}
	if !found {
		t.Errorf("events %+v", told[dev.AuthDenied](r))
	}
}

// TestAuthenticating_TargetsStayOnTheAppsHost begins sign-ins at paths that look like other hosts.
func TestAuthenticating_TargetsStayOnTheAppsHost(t *testing.T) {
	for _, target := range []string{"//evil.example/x", `/\evil.example`, "https://evil.example/", "///evil.example"} {
		if got := door.LocalTarget(target); len(got) > 1 && (got[1] == '/' || got[1] == '\\') || got[0] != '/' {
			t.Errorf("%s becomes %s", target, got)
		}
	}
}
