//go:build foreign

package oidc_test

import (
	"context"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"sdev/dev/devtest"
)

// goParty is a relying party made of coreos/go-oidc and golang.org/x/oauth2.
type goParty struct {
	oauth2.Config
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	browser  *browser
}

func newGoParty(t testing.TB, w world, client, secret string) *goParty {
	t.Helper()
	p, err := oidc.NewProvider(t.Context(), w.issuer) // refuses an issuer that is not exactly this one
	if err != nil {
		t.Fatal(err)
	}
	return &goParty{
		Config: oauth2.Config{ClientID: client, ClientSecret: secret, RedirectURL: redirect, Endpoint: p.Endpoint(),
			Scopes: []string{"openid", "email", "profile"}},
		provider: p, verifier: p.Verifier(&oidc.Config{ClientID: client}), browser: newBrowser(t, w.issuer),
	}
}

// signIn goes through the code flow and gives the verified ID token beside the others.
func (g *goParty) signIn(t *testing.T, as string) (*oauth2.Token, *oidc.IDToken, string) {
	t.Helper()
	pkce, nonce := oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	away := g.AuthCodeURL("the state", oauth2.S256ChallengeOption(pkce), oidc.Nonce(nonce))
	back, err := g.browser.travel(t.Context(), visit{URL: away, As: as})
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(back.URL)
	if err != nil {
		t.Fatal(err)
	}
	if q := at.Query(); q.Get("state") != "the state" || q.Get("code") == "" {
		t.Fatalf("came back with %s", at.RawQuery)
	}
	tokens, err := g.Exchange(t.Context(), at.Query().Get("code"), oauth2.VerifierOption(pkce))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := g.verifier.Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	if id.Nonce != nonce {
		t.Errorf("nonce %q came back as %q", nonce, id.Nonce)
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(tokens.AccessToken); err != nil {
			t.Error(err)
		}
	}
	return tokens, id, raw
}

func TestForeignGoOIDC(t *testing.T) {
	eachProvider(t, func(t *testing.T, w world) {
		t.Run("code", func(t *testing.T) { goCode(t, w) })
		t.Run("device", func(t *testing.T) { goDevice(t, w) })
		t.Run("back-channel-logout", func(t *testing.T) { goBackChannel(t, w) })
	})
}

func goCode(t *testing.T, w world) {
	party := newGoParty(t, w, "web", "web-secret")
	tokens, id, _ := party.signIn(t, bob)
	var claims struct{ Email, Name string }
	if err := id.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if claims.Email != bob || claims.Name != "Bob Ünal" {
		t.Errorf("signed in as %+v", claims)
	}
	info, err := party.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(tokens))
	if err != nil {
		t.Fatal(err)
	}
	if info.Subject != id.Subject || info.Email != bob {
		t.Errorf("userinfo of %q is %+v", id.Subject, info)
	}
}

func goDevice(t *testing.T, w world) {
	party := newGoParty(t, w, "device", "")
	asked, err := party.DeviceAuth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// By hand, as on a television: the code is typed, not part of the address.
	at, err := url.Parse(asked.VerificationURI)
	if err != nil {
		t.Fatal(err)
	}
	at.RawQuery = url.Values{"user_code": {asked.UserCode}}.Encode()
	if _, err := party.browser.travel(t.Context(), visit{URL: at.String(), As: alice}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	asked.Interval = 1
	tokens, err := party.DeviceAccessToken(ctx, asked)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	if _, err := party.verifier.Verify(t.Context(), raw); err != nil {
		t.Error(err)
	}
}

// goBackChannel signs in and out, and expects the other client's server to be told.
func goBackChannel(t *testing.T, w world) {
	party := newGoParty(t, w, "web", "web-secret")
	_, id, raw := party.signIn(t, alice)
	var metadata struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := party.provider.Claims(&metadata); err != nil {
		t.Fatal(err)
	}
	out := metadata.EndSession + "?" + url.Values{"id_token_hint": {raw}, "post_logout_redirect_uri": {postLogout}}.Encode()
	if _, err := party.browser.travel(t.Context(), visit{URL: out, As: alice}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), devtest.Patience)
	defer cancel()
	select {
	case told := <-w.logouts:
		token, err := party.verifier.VerifyLogout(t.Context(), told)
		if err != nil {
			t.Fatal(err)
		}
		if token.Subject != id.Subject {
			t.Errorf("told that %q signed out, not %q", token.Subject, id.Subject)
		}
		got := w.ask(t, "jose.mjs", "logout-token", map[string]any{"token": told})
		got.want(t, id.Subject, "claims", "sub")
	case <-ctx.Done():
		t.Error("nobody told the client that alice signed out")
	}
}

func TestForeignJose(t *testing.T) {
	eachProvider(t, func(t *testing.T, w world) {
		_, id, raw := newGoParty(t, w, "web", "web-secret").signIn(t, alice)
		token := map[string]any{"token": raw}
		w.ask(t, "jose.mjs", "id-token", token).want(t, id.Subject, "claims", "sub")
		keys := w.ask(t, "jose.mjs", "keys", token)
		keys.want(t, 0.0, "secret")
		keys.want(t, true, "signer")
		for _, alg := range []any{"RS256", "ES256"} {
			if got, _ := keys["algorithms"].([]any); !slices.Contains(got, alg) {
				t.Errorf("no key for %v: %v", alg, got)
			}
		}
	})
}
