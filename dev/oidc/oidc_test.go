package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sdev/dev"
)

func TestNew_SaysWhichSettingIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		says   string
	}{
		"no issuer":          {func(c *Config) { c.Issuer = "" }, "issuer"},
		"slash at the end":   {func(c *Config) { c.Issuer += "/" }, "slash"},
		"query":              {func(c *Config) { c.Issuer += "?a=b" }, "issuer"},
		"not http":           {func(c *Config) { c.Issuer = "ftp://localhost" }, "issuer"},
		"profile":            {func(c *Config) { c.Profile = "okta" }, `profile "okta"`},
		"algorithm":          {func(c *Config) { c.Alg = "HS256" }, "HS256"},
		"refresh":            {func(c *Config) { c.Refresh = "sometimes" }, "sometimes"},
		"no address":         {func(c *Config) { c.People[0].Email = "alice" }, `"alice"`},
		"address with name":  {func(c *Config) { c.People[0].Email = "Alice <alice@example.com>" }, "Alice <"},
		"twice":              {func(c *Config) { c.People[1].Email = "ALICE@example.com" }, "twice"},
		"protocol's claim":   {func(c *Config) { c.People[1].Claims = map[string]any{"exp": 1} }, `"exp"`},
		"subject no text":    {func(c *Config) { c.People[1].Claims = map[string]any{"sub": 1} }, "sub"},
		"nobody is current":  {func(c *Config) { c.Current = "x@example.com" }, "x@example.com"},
		"client twice":       {func(c *Config) { c.Clients[1].ID = "app" }, `"app"`},
		"client of no name":  {func(c *Config) { c.Clients[1].ID = "" }, "no id"},
		"a script":           {func(c *Config) { c.Clients[0].RedirectURIs = []string{"javascript:alert(1)"} }, "javascript"},
		"a relative address": {func(c *Config) { c.Clients[0].PostLogout = []string{"/bye"} }, "/bye"},
		"a fragment":         {func(c *Config) { c.Clients[0].PostLogout = []string{"http://localhost/#x"} }, "#x"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{Issuer: "http://localhost:8601", People: people(), Clients: clients()}
			c.change(&cfg)
			_, err := New(cfg)
			e, ok := errors.AsType[*dev.Error](err)
			if !ok || e.Code != dev.CodeAuthInvalid || !strings.Contains(e.Message, c.says) || e.Hint == "" || e.Exit == 0 {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestDo_RefusesWhatMakesNoSense(t *testing.T) {
	r := newRig(t)
	for _, c := range []Command{
		{Do: "reboot"}, {Do: DoUse, Email: "x@example.com"}, {Do: DoClear, Fault: Fault{Name: "x"}}, {Do: DoPeople, People: []dev.Person{{Email: "x"}}},
	} {
		if _, err := r.p.Do(t.Context(), c); err == nil {
			t.Errorf("%+v is carried out", c)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := r.p.Do(ended, Command{Do: DoClock, Clock: time.Hour}); !errors.Is(err, context.Canceled) {
		t.Errorf("a command of nobody: %v", err)
	}
	if s := r.do(Command{Do: DoState}); s.Clock != 0 || len(s.People) != 2 {
		t.Errorf("state %+v", s)
	}
}

func TestHost_IsTheIssuersOrRefused(t *testing.T) {
	r := newRig(t)
	ask := func(path, host string) reply {
		req := r.request(http.MethodGet, path, nil)
		req.Host = host
		return r.send(req)
	}
	port := r.p.port()
	for _, host := range []string{"evil.example", "evil.example:" + port, "localhost", "localhost:1", "localhost." + port, "127.0.0.1.evil.example:" + port, "localhost:" + port + ":" + port, ":" + port} {
		if res := ask("/.well-known/openid-configuration", host); res.StatusCode != http.StatusMisdirectedRequest && res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s", host, res.Status)
		}
	}
	for _, host := range []string{"localhost:" + port, "127.0.0.1:" + port, "[::1]:" + port} {
		res := ask("/.well-known/openid-configuration", host)
		if m := decode[map[string]any](t, []byte(res.body)); m["issuer"] != r.p.cfg.Issuer || m["token_endpoint"] != r.p.cfg.Issuer+"/token" {
			t.Errorf("%s: issuer %v", host, m["issuer"])
		}
	}
	if to := ask("/authorize?client_id=app", "127.0.0.1:"+port).Header.Get("Location"); to != r.p.cfg.Issuer+"/authorize?client_id=app" {
		t.Errorf("a browser by number is sent to %q", to)
	}
}

func TestRequests_ThatAreTooLongAreRefused(t *testing.T) {
	r := newRig(t)
	long := strings.Repeat("x", maxBody)
	if res := r.authorize(asked("state", long)); res.StatusCode != http.StatusRequestURITooLong || strings.Contains(res.body, "xxxx") {
		t.Errorf("query: %s", res.Status)
	}
	if res := r.post("/signin", url.Values{"request": {long}}); res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("form: %s", res.Status)
	}
	if res := r.get("/authorize?client_id=%zz"); res.StatusCode != http.StatusBadRequest {
		t.Errorf("malformed: %s", res.Status)
	}
}

func TestPages_MayNotBeFramedAndKeepTheirOpener(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/authorize?" + asked().Encode(), "/authorize", "/end_session", "/"} {
		h := r.get(path).Header
		if h.Get("X-Frame-Options") != "DENY" || h.Get("Referrer-Policy") != "same-origin" || h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, h)
		}
		if p := h.Get("Content-Security-Policy"); !strings.Contains(p, "script-src 'none'") || !strings.Contains(p, "default-src 'none'") || !strings.Contains(p, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", path, p)
		}
		if _, ok := h["Cross-Origin-Opener-Policy"]; ok {
			t.Errorf("%s cuts itself off", path)
		}
	}
}

func TestDiscovery_SaysWhereEverythingIs(t *testing.T) {
	for profile, want := range map[string]map[string]string{
		"plain":    {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "userinfo_endpoint": "/userinfo", "jwks_uri": "/jwks", "end_session_endpoint": "/end_session"},
		"google":   {"authorization_endpoint": "/o/oauth2/v2/auth", "token_endpoint": "/token", "userinfo_endpoint": "/v1/userinfo", "jwks_uri": "/oauth2/v3/certs"},
		"cognito":  {"authorization_endpoint": "/oauth2/authorize", "token_endpoint": "/oauth2/token", "userinfo_endpoint": "/oauth2/userInfo", "jwks_uri": "/.well-known/jwks.json", "end_session_endpoint": "/logout"},
		"keycloak": {"authorization_endpoint": "/protocol/openid-connect/auth", "token_endpoint": "/protocol/openid-connect/token", "userinfo_endpoint": "/protocol/openid-connect/userinfo", "jwks_uri": "/protocol/openid-connect/certs", "end_session_endpoint": "/protocol/openid-connect/logout"},
		"entra":    {"authorization_endpoint": "/oauth2/v2.0/authorize", "token_endpoint": "/oauth2/v2.0/token", "userinfo_endpoint": "/oidc/userinfo", "jwks_uri": "/discovery/v2.0/keys", "end_session_endpoint": "/oauth2/v2.0/logout"},
	} {
		t.Run(profile, func(t *testing.T) {
			r := newRig(t, func(c *Config) { c.Profile, c.Issuer = profile, c.Issuer+"/realms/shop" })
			m := decode[map[string]any](t, []byte(r.get("/.well-known/openid-configuration").body))
			for key, path := range want {
				if m[key] != r.p.cfg.Issuer+path {
					t.Errorf("%s is %v", key, m[key])
				}
				method := http.MethodGet
				if key == "token_endpoint" {
					method = http.MethodPost
				}
				if res := r.send(r.request(method, path, nil)); res.StatusCode == http.StatusNotFound {
					t.Errorf("nothing at %s", path)
				}
			}
			if _, ok := m["end_session_endpoint"]; ok != (want["end_session_endpoint"] != "") {
				t.Errorf("end_session_endpoint %v", m["end_session_endpoint"])
			}
			if res := r.get("/authorize?" + asked().Encode()); res.StatusCode != http.StatusOK {
				t.Errorf("the plain path: %s", res.Status)
			}
			// What Authlib, and so Streamlit, goes by.
			for _, key := range []string{"code_challenge_methods_supported", "id_token_signing_alg_values_supported"} {
				if fmt.Sprint(m[key]) == "<nil>" {
					t.Errorf("no %s", key)
				}
			}
			server := strings.TrimSuffix(r.p.cfg.Issuer, r.p.base.Path)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server+"/.well-known/oauth-authorization-server/realms/shop", nil)
			if err != nil {
				t.Fatal(err)
			}
			if res := r.send(req); res.StatusCode != http.StatusOK {
				t.Errorf("RFC 8414: %s", res.Status)
			}
		})
	}
}

func TestKeys_OldOnesVerifyForAWhile(t *testing.T) {
	r := newRig(t)
	rp := r.party()
	token, _, err := r.login(rp, "alice@example.com")
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := token.Extra("id_token").(string)
	s := r.do(Command{Do: DoRotate})
	if len(s.Keys) != 4 || !s.Keys[0].Signing || !s.Keys[1].Signing || s.Keys[2].Signing || s.Keys[3].Signing {
		t.Errorf("keys %+v", s.Keys)
	}
	if _, err := r.party().verifier.Verify(rp.ctx(), raw); err != nil {
		t.Errorf("an old token: %v", err)
	}
	if _, _, err := r.login(rp, "alice@example.com"); err != nil {
		t.Errorf("a new token, for who knows the old keys: %v", err)
	}
	r.later(keyOverlap + time.Minute)
	if s := r.do(Command{Do: DoState}); len(s.Keys) != 2 {
		t.Errorf("keys %+v", s.Keys)
	}
}

func TestKeys_AreNotPublishedWithoutEnd(t *testing.T) {
	r := newRig(t)
	for range 6 {
		r.do(Command{Do: DoRotate})
	}
	if s := r.do(Command{Do: DoState}); len(s.Keys) != mostKeys || !s.Keys[0].Signing || !s.Keys[1].Signing {
		t.Errorf("%d keys", len(s.Keys))
	}
}

func TestKeys_PublishNothingPrivate(t *testing.T) {
	r := newRig(t)
	set := decode[struct{ Keys []map[string]any }](t, []byte(r.get("/jwks").body))
	algs := make(map[any]bool)
	for _, k := range set.Keys {
		algs[k["alg"]] = true
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi"} {
			if k[private] != nil {
				t.Errorf("the key %v has %s", k["kid"], private)
			}
		}
		if k["use"] != "sig" || k["kid"] == "" {
			t.Errorf("key %v", k)
		}
	}
	if len(set.Keys) != 2 || !algs[algRS] || !algs[algES] {
		t.Errorf("keys for %v", algs)
	}
}

func TestClock_MovesEverything(t *testing.T) {
	r := newRig(t)
	r.later(48 * time.Hour)
	c := r.claimsOf(r.tokens("alice@example.com").IDToken)
	if d := time.Until(c.time("iat")); d < 47*time.Hour || d > 49*time.Hour {
		t.Errorf("iat is %v ahead", d)
	}
	if s := r.do(Command{Do: DoClock}); s.Clock != 0 {
		t.Errorf("clock %v", s.Clock)
	}
}

func TestState_TellsWhatALoginHoldsWithoutItsTokens(t *testing.T) {
	r := newRig(t)
	if s := r.do(Command{Do: DoState}); len(s.Sessions) != 0 {
		t.Errorf("before anybody signed in: %+v", s.Sessions)
	}
	got := r.tokens("alice@example.com", "scope", "openid email profile")
	s := r.do(Command{Do: DoState})
	if len(s.Sessions) != 1 || s.Sessions[0].User != "alice@example.com" || s.Sessions[0].Client != "app" || !s.Sessions[0].Expires.After(s.Sessions[0].At) {
		t.Fatalf("%+v", s.Sessions)
	}
	token := r.claimsOf(got.IDToken)
	for name := range token {
		passing := slices.Contains([]string{"iat", "exp", "jti", "at_hash", "nonce", "sid"}, name)
		if held, ok := s.Sessions[0].Claims[name]; ok == passing {
			t.Errorf("%s of the token: %v is held %t", name, held, ok)
		}
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{got.IDToken, got.AccessToken, token.text("nonce"), token.text("jti"), token.text("sid")} {
		if secret != "" && strings.Contains(string(b), secret) {
			t.Errorf("the state holds %q: %s", secret, b)
		}
	}
	r.later(sessionLifetime + time.Minute)
	if s := r.do(Command{Do: DoState}); len(s.Sessions) != 0 {
		t.Errorf("of a session that ended: %+v", s.Sessions)
	}
}

func TestEvents_HoldNoSecret(t *testing.T) {
	r := newRig(t)
	code := r.signIn("alice@example.com", "scope", "openid offline_access")
	a := r.read(r.redeem(code))
	r.redeem(code)
	r.token("grant_type", "refresh_token", "refresh_token", a.RefreshToken)
	r.post("/userinfo", url.Values{"access_token": {a.AccessToken + "x"}})
	r.post("/token", url.Values{"client_id": {"app"}, "client_secret": {appSecret + "x"}})
	r.authorize(asked("redirect_uri", appURL+"?code="+code))
	r.get("/end_session?id_token_hint=" + a.IDToken)
	at, err := url.Parse(r.p.cfg.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{code, a.AccessToken, a.IDToken, a.RefreshToken, appSecret, "the-state", "the-nonce", verifier}
	for _, c := range r.browser.Jar.Cookies(at) {
		secrets = append(secrets, c.Value)
	}
	events := r.told()
	if len(events) < 5 {
		t.Errorf("told %v", events)
	}
	all := fmt.Sprintf("%+v %+v %+v", events, r.do(Command{Do: DoState}), r.p.cfg)
	for i, s := range secrets {
		if strings.Contains(all, s) {
			t.Errorf("secret %d is told", i)
		}
	}
}

func TestProvider_ServesManyAtOnce(t *testing.T) {
	r := newRig(t)
	r.fault("unverified-email", 0)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 5 {
				_, err := r.p.Do(context.Background(), Command{Do: DoClock, Clock: time.Duration(i) * time.Second})
				res, errGet := http.Get(r.p.cfg.Issuer + "/jwks")
				if err := errors.Join(err, errGet); err != nil {
					t.Error(err)
					return
				}
				_ = res.Body.Close()
			}
		})
	}
	for range 5 {
		r.tokens("alice@example.com", "prompt", "login")
	}
	wg.Wait()
	http.DefaultClient.CloseIdleConnections()
}
