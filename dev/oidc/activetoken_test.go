package oidc

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
)

// as sends a form as the client "app".
func (r *rig) as(path string, pairs ...string) reply {
	r.t.Helper()
	req := r.request(http.MethodPost, path, with(url.Values{}, pairs...))
	req.SetBasicAuth(url.QueryEscape("app"), url.QueryEscape(appSecret))
	return r.send(req)
}

func (r *rig) introspect(token string) claims {
	r.t.Helper()
	res := r.as("/introspect", "token", token)
	if res.StatusCode != http.StatusOK {
		r.t.Fatalf("%s %s", res.Status, res.body)
	}
	return decode[claims](r.t, []byte(res.body))
}

func (r *rig) active(token string) bool {
	r.t.Helper()
	return r.introspect(token)["active"] == true
}

func TestIntrospect_TellsWhatATokenIsGoodFor(t *testing.T) {
	r := newRig(t)
	a := r.tokens("alice@example.com", "scope", "openid email offline_access")
	got := r.introspect(a.AccessToken)
	want := claims{"active": true, "client_id": "app", "token_type": "Bearer", "scope": "openid email offline_access", "username": "alice@example.com", "iss": r.p.cfg.Issuer}
	for name, v := range want {
		if got[name] != v {
			t.Errorf("%s is %v, want %v", name, got[name], v)
		}
	}
	if got := r.introspect(a.RefreshToken); got["active"] != true || got["token_type"] != nil || got["sub"] != r.claimsOf(a.IDToken)["sub"] {
		t.Errorf("refresh token: %v", got)
	}
}

func TestIntrospect_SaysNothingOfWhatIsNotGood(t *testing.T) {
	r := newRig(t)
	a := r.tokens("alice@example.com")
	for name, token := range map[string]string{"nonsense": "nonsense", "ID token": a.IDToken, "forged": breakSignature(a.AccessToken)} {
		if got := r.introspect(token); len(got) != 1 || got["active"] != false {
			t.Errorf("%s: %v", name, got)
		}
	}
	r.later(tokenLifetime)
	if r.active(a.AccessToken) {
		t.Error("a token that has run out is good")
	}
	r.later(0)
	res := r.post("/introspect", url.Values{"client_id": {"public"}, "token": {a.AccessToken}})
	if strings.TrimSpace(res.body) != `{"active":false}` {
		t.Errorf("a public client is told of another's token: %s", res.body)
	}
	r.refused(r.post("/introspect", url.Values{"token": {a.AccessToken}}), http.StatusUnauthorized, "invalid_client", "")
	r.refused(r.as("/introspect"), http.StatusBadRequest, "invalid_request", "token")
}

func TestRevoke_AccessTokenAlone(t *testing.T) {
	r := newRig(t)
	a := r.tokens("alice@example.com", "scope", "openid offline_access")
	if res := r.as("/revoke", "token", a.AccessToken); res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", res.Status, res.body)
	}
	if r.active(a.AccessToken) || !r.active(a.RefreshToken) {
		t.Error("revoking an access token must end it, and it alone")
	}
}

func TestRevoke_RefreshTokenWithAllThatCameOfIt(t *testing.T) {
	r := newRig(t)
	a := r.tokens("alice@example.com", "scope", "openid offline_access")
	// The hint is wrong, and only a hint.
	if res := r.as("/revoke", "token", a.RefreshToken, "token_type_hint", "access_token"); res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", res.Status, res.body)
	}
	if r.active(a.AccessToken) || r.active(a.RefreshToken) {
		t.Error("something is left of what was revoked")
	}
	r.refused(r.token("grant_type", "refresh_token", "refresh_token", a.RefreshToken), http.StatusBadRequest, "invalid_grant", "")
	for range 2 {
		if res := r.as("/revoke", "token", a.RefreshToken); res.StatusCode != http.StatusOK {
			t.Errorf("revoked again: %s", res.Status)
		}
	}
}

func TestRevoke_OnlyByWhoeverHasTheRight(t *testing.T) {
	r := newRig(t)
	a := r.tokens("alice@example.com")
	other := url.Values{"client_id": {"outside"}, "client_secret": {"outside-secret"}, "token": {a.AccessToken}}
	r.refused(r.post("/revoke", other), http.StatusBadRequest, "unauthorized_client", "")
	r.refused(r.post("/revoke", url.Values{"token": {a.AccessToken}}), http.StatusUnauthorized, "invalid_client", "")
	if !r.active(a.AccessToken) {
		t.Error("revoked by somebody else")
	}
}

func TestRevoke_GoogleAsksForNoClient(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Profile = "google" })
	a := r.tokens("alice@example.com")
	if res := r.post("/revoke", url.Values{"token": {a.AccessToken}}); res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", res.Status, res.body)
	}
	if r.active(a.AccessToken) {
		t.Error("still good")
	}
}

func TestLive_FaultsReachTheseEndpointsToo(t *testing.T) {
	r := newRig(t)
	a := r.tokens("alice@example.com")
	for _, path := range []string{"introspect", "revoke", "par", "device", "register"} {
		r.fault("status", 1, "endpoint", path)
		at := map[string]string{"device": "/device_authorization"}[path]
		if at == "" {
			at = "/" + path
		}
		var res reply
		switch path {
		case "par":
			res = r.push()
		case "register":
			res = r.register(`{"redirect_uris":["http://localhost:1/"]}`)
		default:
			res = r.as(at, "token", a.AccessToken)
		}
		if res.StatusCode/100 != 5 {
			t.Errorf("%s: %s %s", path, res.Status, res.body)
		}
		if !slices.ContainsFunc(r.told(), func(e dev.Event) bool { f, ok := e.(dev.AuthFault); return ok && f.Where == path }) {
			t.Errorf("%s: nobody was told", path)
		}
	}
}
