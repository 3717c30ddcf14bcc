package oidc

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"sdev/dev"
)

func payload(t testing.TB, token string) []byte {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("a token of %d parts", len(parts))
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// party is a relying party made of coreos/go-oidc and x/oauth2, as Go programs have it.
type party struct {
	t        testing.TB
	browser  *http.Client
	provider *oidc.Provider
	config   oauth2.Config
	verifier *oidc.IDTokenVerifier
}

func (r *rig) party() *party {
	r.t.Helper()
	rp := &party{t: r.t, browser: r.newBrowser()}
	ctx := rp.ctx()
	provider, err := oidc.NewProvider(ctx, r.p.cfg.Issuer)
	if err != nil {
		r.t.Fatal(err)
	}
	rp.provider, rp.verifier = provider, provider.Verifier(&oidc.Config{ClientID: "app"})
	rp.config = oauth2.Config{ClientID: "app", ClientSecret: appSecret, RedirectURL: appURL, Endpoint: provider.Endpoint(), Scopes: []string{"openid", "email", "profile", "offline_access"}}
	return rp
}

// ctx carries the party's HTTP client, which is how both libraries take one.
func (rp *party) ctx() context.Context { return oidc.ClientContext(rp.t.Context(), rp.browser) }

// login goes from the party's own authorization URL to its tokens.
func (r *rig) login(rp *party, email string) (*oauth2.Token, *oidc.IDToken, error) {
	r.t.Helper()
	v := oauth2.GenerateVerifier()
	address := rp.config.AuthCodeURL("the-state", oidc.Nonce("the-nonce"), oauth2.S256ChallengeOption(v), oauth2.SetAuthURLParam("prompt", "select_account"))
	page := r.get(strings.TrimPrefix(address, r.p.cfg.Issuer))
	back := r.sentBack(r.pick(page, "pick", email))
	token, err := rp.config.Exchange(rp.ctx(), back.Get("code"), oauth2.VerifierOption(v))
	if err != nil {
		return nil, nil, err
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := rp.verifier.Verify(rp.ctx(), raw)
	if err != nil {
		return token, nil, err
	}
	return token, id, id.VerifyAccessToken(token.AccessToken)
}

func TestLogin_SatisfiesAForeignRelyingParty(t *testing.T) {
	for _, profile := range dev.Profiles() {
		for _, alg := range []string{algRS, algES} {
			t.Run(profile+"/"+alg, func(t *testing.T) {
				r := newRig(t, func(c *Config) { c.Profile, c.Alg = profile, alg })
				rp := r.party()
				token, id, err := r.login(rp, "alice@example.com")
				if err != nil {
					t.Fatal(err)
				}
				var c struct{ Email, Name string }
				if err := id.Claims(&c); err != nil || c.Email != "alice@example.com" || c.Name != "Alice Müller" {
					t.Errorf("claims %+v, %v", c, err)
				}
				if id.Nonce != "the-nonce" || id.Subject == "" || id.AccessTokenHash == "" {
					t.Errorf("ID token %+v", id)
				}
				info, err := rp.provider.UserInfo(rp.ctx(), oauth2.StaticTokenSource(token))
				if err != nil || info.Subject != id.Subject || info.Email != "alice@example.com" {
					t.Errorf("userinfo %+v, %v", info, err)
				}
				if token.RefreshToken == "" {
					t.Error("no refresh token")
				}
			})
		}
	}
}

func TestAuthorize_ShowsEveryoneOnOneClickEach(t *testing.T) {
	r := newRig(t)
	page := r.authorize(asked("prompt", "select_account"))
	for _, want := range []string{"Alice Müller", "alice@example.com", "bob@example.com", "The app", "openid", appURL, "Development only"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page.body, "the-secret") || page.Header.Get("Cross-Origin-Opener-Policy") != "" {
		t.Error("the page tells a secret, or cuts itself off")
	}
	if page.StatusCode != http.StatusOK {
		t.Error(page.Status)
	}
}
