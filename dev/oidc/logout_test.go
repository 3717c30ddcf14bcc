package oidc

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sdev/dev"
)

func TestEndSession_SignsOutAndGoesBack(t *testing.T) {
	r := newRig(t)
	a := r.tokens("alice@example.com", "scope", "openid email")
	res := r.get("/end_session?" + url.Values{"id_token_hint": {a.IDToken}, "client_id": {"app"}, "post_logout_redirect_uri": {appURL}, "state": {"s"}}.Encode())
	if to := res.Header.Get("Location"); to != appURL+"?state=s" {
		t.Errorf("%s to %q: %s", res.Status, to, res.body)
	}
	events := r.told()
	if last := events[len(events)-1]; last != (dev.AuthLogout{User: "alice@example.com", Client: "app", Reason: "signed out"}) {
		t.Errorf("told %v", last)
	}
	if back := r.sentBack(r.authorize(asked("prompt", "none"))); back.Get("error") != "login_required" {
		t.Errorf("still signed in: %v", back)
	}
	if res := r.post("/userinfo", url.Values{"access_token": {a.AccessToken}}); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("her access token is still good: %s", res.body)
	}
}

func TestEndSession_LeavesWhatMayBeUsedWhileNobodyIsThere(t *testing.T) {
	r := newRig(t)
	a := r.tokens("alice@example.com", "scope", "openid offline_access")
	if res := r.post("/end_session", url.Values{}); res.StatusCode != http.StatusOK || !strings.Contains(res.body, "Signed out") {
		t.Error(res.Status)
	}
	if res := r.token("grant_type", "refresh_token", "refresh_token", a.RefreshToken); res.StatusCode != http.StatusOK {
		t.Errorf("offline access ended: %s", res.body)
	}
}

func TestEndSession_SendsNobodyWhereItIsNotRegistered(t *testing.T) {
	r := newRig(t)
	token := r.tokens("alice@example.com").IDToken
	for name, c := range map[string]struct {
		query url.Values
		shows string
	}{
		"not registered":  {url.Values{"client_id": {"app"}, "post_logout_redirect_uri": {appHome}}, "differs"},
		"another site":    {url.Values{"id_token_hint": {token}, "post_logout_redirect_uri": {"https://evil.example/"}}, "evil.example was sent"},
		"who is not said": {url.Values{"post_logout_redirect_uri": {appURL}}, "client_id or id_token_hint"},
		"two clients":     {url.Values{"id_token_hint": {token}, "client_id": {"public"}}, "not the client"},
		"unknown client":  {url.Values{"client_id": {"nobody"}}, "there is no client"},
		"foreign token":   {url.Values{"id_token_hint": {"e30.e30.e30"}}, "not a token of this provider"},
	} {
		t.Run(name, func(t *testing.T) {
			res := r.get("/end_session?" + c.query.Encode())
			if res.StatusCode != http.StatusBadRequest || res.Header.Get("Location") != "" || !strings.Contains(res.body, c.shows) {
				t.Errorf("%s to %q: %s", res.Status, res.Header.Get("Location"), res.body)
			}
		})
	}
	if s := r.do(Command{Do: DoState}); len(s.SignedIn) != 1 {
		t.Error("a request that was refused signed somebody out")
	}
}

func TestEndSession_TakesATokenThatHasRunOut(t *testing.T) {
	r := newRig(t)
	a := r.tokens("alice@example.com")
	r.later(2 * tokenLife)
	res := r.get("/end_session?" + url.Values{"id_token_hint": {a.IDToken}, "post_logout_redirect_uri": {appURL}}.Encode())
	if res.Header.Get("Location") != appURL {
		t.Errorf("%s: %s", res.Status, res.body)
	}
}

func TestEndSession_SpeaksCognito(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Profile = "cognito" })
	r.signIn("alice@example.com")
	if res := r.get("/logout?client_id=app&post_logout_redirect_uri=" + url.QueryEscape(appURL)); res.StatusCode != http.StatusBadRequest || !strings.Contains(res.body, "logout_uri") {
		t.Errorf("%s: %s", res.Status, res.body)
	}
	if res := r.get("/logout?client_id=app&logout_uri=" + url.QueryEscape(appHome)); res.StatusCode != http.StatusBadRequest {
		t.Error(res.Status)
	}
	if res := r.get("/logout?client_id=app&logout_uri=" + url.QueryEscape(appURL)); res.Header.Get("Location") != appURL {
		t.Errorf("%s: %s", res.Status, res.body)
	}
	r.signIn("alice@example.com")
	res := r.get("/logout?" + with(asked(), "redirect_uri", appURL).Encode())
	if to := res.Header.Get("Location"); !strings.HasPrefix(to, "/oauth2/authorize?") {
		t.Fatalf("%s to %q", res.Status, to)
	}
	if page := r.get(res.Header.Get("Location")); page.StatusCode != http.StatusOK || !strings.Contains(page.body, "alice@example.com") {
		t.Errorf("the sign-in does not come again: %s", page.Status)
	}
	if res := r.get("/logout?redirect_uri=https://evil.example/&response_type=code&client_id=app"); res.StatusCode != http.StatusBadRequest {
		t.Error(res.Status)
	}
}
