//go:build docker

package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// outside is a program outside sdev: an OpenID client of another project, with the settings that "sdev auth env" prints.
type outside struct {
	t        *testing.T
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
}

func newOutside(t *testing.T, p *project) outside {
	t.Helper()
	var env map[string]string
	if err := json.Unmarshal([]byte(p.run(0, "auth", "env", "--json")), &env); err != nil {
		t.Fatal(err)
	}
	provider, err := oidc.NewProvider(t.Context(), env["OIDC_ISSUER"])
	if err != nil {
		t.Fatal(err)
	}
	return outside{t, oauth2.Config{ClientID: env["OIDC_CLIENT_ID"], ClientSecret: env["OIDC_CLIENT_SECRET"], Endpoint: provider.Endpoint(),
		RedirectURL: "http://127.0.0.1:4711/any/path", Scopes: []string{oidc.ScopeOpenID, "email", "profile"}},
		provider.Verifier(&oidc.Config{ClientID: env["OIDC_CLIENT_ID"]})}
}

// signIn goes through a whole login without the sign-in page. It returns the person in the verified token, and the
// token.
func (o outside) signIn() (email, raw string, err error) {
	o.t.Helper()
	const state, nonce = "the-state", "the-nonce"
	verifier := oauth2.GenerateVerifier()
	stay := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(o.t.Context(), http.MethodGet, o.oauth.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier), oidc.Nonce(nonce)), http.NoBody)
	if err != nil {
		o.t.Fatal(err)
	}
	resp, err := stay.Do(req)
	if err != nil {
		return "", "", err
	}
	defer resp.Body.Close()
	back, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || !strings.HasPrefix(back.String(), o.oauth.RedirectURL) {
		o.t.Fatalf("%s: sent to %q", resp.Status, back)
	}
	if answer := back.Query(); answer.Get("error") != "" {
		return "", "", errors.New(answer.Get("error"))
	}
	tokens, err := o.oauth.Exchange(o.t.Context(), back.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		return "", "", err
	}
	raw, _ = tokens.Extra("id_token").(string)
	email, err = o.verify(raw)
	return email, raw, err
}

func (o outside) verify(raw string) (email string, err error) {
	token, err := o.verifier.Verify(o.t.Context(), raw)
	if err != nil {
		return "", err
	}
	var claims struct{ Email string }
	return claims.Email, token.Claims(&claims)
}

func (o outside) signsInAs(want string) (raw string) {
	o.t.Helper()
	got, raw, err := o.signIn()
	if err != nil || got != want {
		o.t.Errorf("signed in as %q, want %q: %v", got, want, err)
	}
	return raw
}

func (o outside) fails(about string) {
	o.t.Helper()
	if who, _, err := o.signIn(); err == nil || !strings.Contains(err.Error(), about) {
		o.t.Errorf("signed in as %q, want an error that speaks of %q: %v", who, about, err)
	}
}

func TestDockerAuth_CommandsActAtOnceOnWhatRuns(t *testing.T) {
	p := native(t)
	ready := p.signingIn("--with-auth")
	program := newOutside(t, p)
	if !strings.Contains(p.run(0, "auth", "env"), "export OIDC_ISSUER='"+ready.Issuer+"'\n") {
		t.Error("no line for a shell names the issuer")
	}

	p.run(0, "auth", "use", "ADMIN@example.com")
	before := program.signsInAs("admin@example.com")
	p.run(2, "auth", "use", "stranger@example.com")

	p.run(0, "auth", "fault", "set", "wrong-aud", "--times", "1")
	program.fails("audience")
	program.signsInAs("admin@example.com")
	p.run(0, "auth", "fault", "set", "deny", "--user", "user@example.com")
	p.run(0, "auth", "fault", "set", "slow", "delay=1ms", "--client", "streamlit")
	program.signsInAs("admin@example.com")
	p.run(0, "auth", "use", "user@example.com")
	program.fails("access_denied")
	if set := p.run(0, "auth", "fault", "list"); !strings.Contains(set, "\nActive now:\n") || !strings.Contains(set, "  deny for user@example.com until it is cleared\n") {
		t.Errorf("faults:\n%s", set)
	}
	p.run(0, "auth", "fault", "clear", "deny")
	program.signsInAs("user@example.com")
	p.run(0, "auth", "fault", "clear")

	p.run(0, "auth", "clock", "-2h")
	program.fails("expired")
	if shown := p.run(0, "auth", "clock"); !strings.HasPrefix(shown, "the provider's clock is 2h0m0s behind: ") {
		t.Errorf("the clock: %s", shown)
	}
	p.run(0, "auth", "clock", "reset")
	program.signsInAs("user@example.com")

	// A new key signs, the old one still verifies, and both outlive the gateway.
	p.run(0, "auth", "rotate-keys")
	after := program.signsInAs("user@example.com")
	p.run(0, "auth", "users", "add", "late@example.com", "--group", "ops")
	docker(t, "restart", p.gateway())
	p.signingIn("--with-auth", "--as", "late@example.com")
	program = newOutside(t, p)
	program.signsInAs("late@example.com")
	for _, raw := range []string{before, after} {
		if _, err := program.verify(raw); err != nil {
			t.Errorf("a token of an earlier key: %v", err)
		}
	}
	p.mustLog("auth.fault {Fault:wrong-aud", "auth.denied {User:user@example.com Client:sdev-outside", "auth.login {User:late@example.com Client:sdev-outside")
}

func TestDockerAuth_CheckSeesWhatTheAppSees(t *testing.T) {
	p := native(t)
	p.signingIn("--with-auth")
	wrong := func(code int) []string {
		t.Helper()
		var all []struct {
			ID, Evidence, Fix string
			OK, Blocks        bool
		}
		out := p.run(code, "auth", "check", "--json")
		if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) < 8 {
			t.Fatalf("%v: %s", err, out)
		}
		var ids []string
		for _, f := range all {
			if !f.OK && f.ID != "cookies.shared" { // other apps may run here
				ids = append(ids, f.ID)
			}
		}
		return ids
	}
	if ids := wrong(0); len(ids) > 0 {
		t.Errorf("wrong: %q", ids)
	}

	p.run(0, "auth", "clock", "+10m")
	p.write("compose.yaml", `services:
  streamlit:
    build: .
    ports: ["8501:8501"]
    environment: {PATH: /usr/bin:/bin} # as where only an entrypoint activates the app's environment
    command: [sh, -c, "export LOCAL_STREAMLIT=0 PATH=/opt/venv/bin:$$PATH; exec streamlit run Home.py"]
x-sdev:
  auth:
    policies: [{path: /sales/*, allow: {groups: [sales]}}]
`)
	p.signingIn("--with-auth")
	if ids := wrong(1); !slices.Equal(ids, []string{"clock.same", "bypass.off", "policies.groups"}) {
		t.Errorf("wrong: %q", ids)
	}

	// Python runs without the start-up shim: sdev cannot prevent the bypass, and the check says so.
	p.write(".streamlit/secrets.toml", "LOCAL_STREAMLIT = \"1\"\n")
	p.replace("compose.yaml", "exec streamlit run", "exec python -I -m streamlit run")
	p.replace("compose.yaml", "export LOCAL_STREAMLIT=0 ", "export ")
	out := p.run(0, "up", "--with-auth", "-d", "--json")
	if !strings.Contains(out, `"code":"auth.bypass","message":".streamlit/secrets.toml:1: `) || !strings.Contains(out, `"code":"auth.bypass","message":"sdev cannot keep LOCAL_STREAMLIT off`) {
		t.Errorf("up says\n%s", out)
	}
	if ids := wrong(1); !slices.Equal(ids, []string{"clock.same", "bypass.off", "policies.groups"}) {
		t.Errorf("wrong: %q", ids)
	}

	// With the login bypassed there is nothing to steer.
	p.up()
	for _, command := range []string{"check", "rotate-keys", "env"} {
		if out := p.run(1, "auth", command, "--json"); !strings.Contains(out, `"code":"auth.off"`) {
			t.Errorf("%s: %s", command, out)
		}
	}
}
