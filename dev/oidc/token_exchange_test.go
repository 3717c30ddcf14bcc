package oidc

import (
	"net/http"
	"net/url"
	"testing"
)

func (r *rig) swap(token, kind string, pairs ...string) reply {
	r.t.Helper()
	return r.token(append([]string{"grant_type", grantExchange, "subject_token", token, "subject_token_type", kind}, pairs...)...)
}

func TestTokenExchange_GivesATokenForAnotherAudience(t *testing.T) {
	r := newRig(t)
	a := r.tokens("alice@example.com", "scope", "openid email profile offline_access")
	sub := r.claimsOf(a.IDToken)["sub"]
	for kind, token := range map[string]string{typeAccess: a.AccessToken, typeJWT: a.AccessToken, typeRefresh: a.RefreshToken, typeID: a.IDToken} {
		got := r.read(r.swap(token, kind, "audience", "https://api.example.com", "scope", "email"))
		c := r.claimsOf(got.AccessToken)
		if got.IssuedType != typeAccess || got.TokenType != "Bearer" || got.IDToken != "" || got.RefreshToken != "" {
			t.Errorf("%s: %+v", kind, got)
		}
		if c["aud"] != "https://api.example.com" || c["sub"] != sub || c["scope"] != "email" || c["client_id"] != "app" {
			t.Errorf("%s: %v", kind, c)
		}
	}
}

func TestTokenExchange_NamesWhoActs(t *testing.T) {
	r := newRig(t)
	a := r.tokens("alice@example.com")
	bob := r.tokens("bob@example.com", "prompt", "select_account")
	got := r.read(r.swap(a.AccessToken, typeAccess, "actor_token", bob.AccessToken, "actor_token_type", typeAccess))
	act, _ := r.claimsOf(got.AccessToken)["act"].(map[string]any)
	if act["sub"] != r.claimsOf(bob.IDToken)["sub"] {
		t.Errorf("act: %v", act)
	}
}

func TestTokenExchange_GivesAnIDToken(t *testing.T) {
	r := newRig(t)
	a := r.tokens("alice@example.com")
	got := r.read(r.swap(a.AccessToken, typeAccess, "requested_token_type", typeID))
	if got.IssuedType != typeID || got.TokenType != "N_A" {
		t.Errorf("%+v", got)
	}
	if c := r.claimsOf(got.AccessToken); c["email"] != "alice@example.com" || c["aud"] != "app" {
		t.Errorf("%v", c)
	}
}

func TestTokenExchange_RefusesWhatDoesNotFit(t *testing.T) {
	r := newRig(t)
	a := r.tokens("alice@example.com", "scope", "openid email")
	for name, c := range map[string]struct {
		res  reply
		code string
	}{
		"nonsense":             {r.swap("nonsense", typeAccess), "invalid_request"},
		"another kind":         {r.swap(a.IDToken, typeAccess), "invalid_request"},
		"no kind":              {r.swap(a.AccessToken, ""), "invalid_request"},
		"more scope":           {r.swap(a.AccessToken, typeAccess, "scope", "openid profile"), "invalid_scope"},
		"two audiences":        {r.swap(a.AccessToken, typeAccess, "audience", "a", "resource", "https://b.example"), "invalid_target"},
		"resource without a #": {r.swap(a.AccessToken, typeAccess, "resource", "https://b.example/#x"), "invalid_target"},
		"a refresh token":      {r.swap(a.AccessToken, typeAccess, "requested_token_type", typeRefresh), "invalid_request"},
		"a bad actor":          {r.swap(a.AccessToken, typeAccess, "actor_token", "x", "actor_token_type", typeAccess), "invalid_request"},
		"a public client": {r.post("/token", url.Values{"client_id": {"public"}, "grant_type": {grantExchange},
			"subject_token": {a.AccessToken}, "subject_token_type": {typeAccess}}), "unauthorized_client"},
	} {
		t.Run(name, func(t *testing.T) { r.refused(c.res, http.StatusBadRequest, c.code, "") })
	}
	if got := r.as("/revoke", "token", a.AccessToken); got.StatusCode != http.StatusOK {
		t.Fatal(got.Status)
	}
	r.refused(r.swap(a.AccessToken, typeAccess), http.StatusBadRequest, "invalid_request", "")
}
