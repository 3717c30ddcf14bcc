package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sdev/dev"
)

func TestFaults_OfTokensAreNoticedByAForeignRelyingParty(t *testing.T) {
	for fault, want := range map[string]string{
		"wrong-aud":     "audience",
		"wrong-iss":     "issued by a different provider",
		"wrong-at-hash": "access token hash does not match",
		"bad-signature": "failed to verify signature",
		"unknown-kid":   "failed to verify signature",
		"alg-none":      "signature algorithm",
		"expired":       "expired",
		"not-yet-valid": "nbf",
		"rotate":        "failed to verify signature",
	} {
		t.Run(fault, func(t *testing.T) {
			r := newRig(t)
			rp := r.party()
			r.fault(fault, 1)
			if _, _, err := r.login(rp, "alice@example.com"); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("noticed as %v", err)
			}
			if fault == "rotate" {
				r.later(31 * time.Second) // the new key is published meanwhile
			}
			if _, _, err := r.login(rp, "bob@example.com"); err != nil {
				t.Errorf("once it is used up: %v", err)
			}
			if s := r.do(Command{Do: DoState}); len(s.Faults) != 0 {
				t.Errorf("left: %v", s.Faults)
			}
		})
	}
}

func TestFaults_OfClaims(t *testing.T) {
	for fault, check := range map[string]func(c claims) bool{
		"wrong-nonce":      func(c claims) bool { return c["nonce"] == "another-nonce" },
		"wrong-azp":        func(c claims) bool { return c["azp"] == "another-client" },
		"no-email":         func(c claims) bool { return c["email"] == nil && c["email_verified"] == nil && c["name"] != nil },
		"unverified-email": func(c claims) bool { return c["email_verified"] == false },
		"huge-claims":      func(c claims) bool { b, _ := json.Marshal(c); return len(b) > 5000 && len(b) < 7000 },
		"skewed":           func(c claims) bool { return time.Until(c.time("iat")) > 9*time.Minute },
		"expired":          func(c claims) bool { return time.Since(c.time("exp")) > 59*time.Minute },
	} {
		t.Run(fault, func(t *testing.T) {
			r := newRig(t)
			r.fault(fault, 0)
			if c := r.claimsOf(r.tokens("alice@example.com").IDToken); !check(c) {
				t.Errorf("claims %v", c)
			}
		})
	}
}

func TestFaults_HugeClaimsGrowAsAsked(t *testing.T) {
	r := newRig(t)
	r.fault("huge-claims", 1, "bytes", "12000")
	if n := len(r.tokens("alice@example.com").IDToken); n < 12000 {
		t.Errorf("a token of %d bytes", n)
	}
}

func TestFaults_RawUnicodeLeavesCharacters(t *testing.T) {
	r := newRig(t)
	r.fault("raw-unicode", 1)
	if p := payload(t, r.tokens("alice@example.com").IDToken); !strings.Contains(string(p), "Müller") {
		t.Errorf("payload %s", p)
	}
}

func TestFaults_OfUserinfo(t *testing.T) {
	r := newRig(t)
	r.fault("wrong-sub", 1)
	rp := r.party()
	token, id, err := r.login(rp, "alice@example.com")
	if err != nil {
		t.Fatal(err)
	}
	info := func() claims {
		return decode[claims](t, []byte(r.post("/userinfo", url.Values{"access_token": {token.AccessToken}}).body))
	}
	if c := info(); c["sub"] != "somebody-else" {
		t.Errorf("claims %v", c)
	}
	if c := info(); c["sub"] != id.Subject {
		t.Errorf("once it is used up: %v", c)
	}
}

func TestFaults_OfTheSignIn(t *testing.T) {
	r := newRig(t)
	r.fault("deny", 1, "error", "login_required", "description", "no")
	if back := r.sentBack(r.pick(r.authorize(asked()), "pick", "alice@example.com")); back.Get("error") != "login_required" || back.Has("code") || back.Get("state") != "the-state" {
		t.Errorf("told %v", back)
	}
	r.fault("wrong-state", 1)
	if back := r.sentBack(r.authorize(asked())); back.Get("state") == "the-state" || back.Get("code") == "" {
		t.Errorf("told %v", back)
	}
	r.fault("reject-code", 1)
	code := r.sentBack(r.authorize(asked("scope", "openid offline_access"))).Get("code")
	r.refused(r.redeem(code), http.StatusBadRequest, "invalid_grant", "fault")
	a := r.read(r.redeem(code))
	r.fault("revoked-refresh", 1)
	r.refused(r.token("grant_type", "refresh_token", "refresh_token", a.RefreshToken), http.StatusBadRequest, "invalid_grant", "fault")
	r.read(r.token("grant_type", "refresh_token", "refresh_token", a.RefreshToken))
}

func TestFaults_OfTheWire(t *testing.T) {
	r := newRig(t)
	r.fault("status", 1)
	code := r.signIn("alice@example.com")
	r.refused(r.redeem(code), http.StatusServiceUnavailable, "temporarily_unavailable", "fault")
	r.fault("drop", 1)
	req := r.request(http.MethodPost, "/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {appURL}, "code_verifier": {verifier}})
	req.SetBasicAuth("app", appSecret)
	if res, err := r.browser.Do(req); !errors.Is(err, io.EOF) {
		if err == nil {
			_ = res.Body.Close()
		}
		t.Errorf("dropped as %v", err)
	}
	r.fault("malformed", 1)
	if res := r.redeem(code); res.StatusCode != http.StatusOK || json.Valid([]byte(res.body)) {
		t.Errorf("answer %s", res.body)
	}
	for _, endpoint := range []string{"discovery", "jwks", "authorize", "end_session", "home"} {
		r.fault("status", 1, "endpoint", endpoint, "code", "500")
	}
	for _, path := range []string{"/.well-known/openid-configuration", "/jwks", "/authorize?" + asked().Encode(), "/end_session", "/"} {
		if res := r.get(path); res.StatusCode != http.StatusInternalServerError {
			t.Errorf("%s: %s", path, res.Status)
		}
		if res := r.get(path); res.StatusCode >= http.StatusInternalServerError {
			t.Errorf("%s, once it is used up: %s", path, res.Status)
		}
	}
}

func TestFaults_OfTheWireReachPeopleAndTheirClaims(t *testing.T) {
	r := newRig(t)
	page := r.authorize(asked())
	r.do(Command{Do: DoFault, Fault: Fault{Name: "status", User: "alice@example.com", Params: map[string]string{"endpoint": "signin"}}})
	if res := r.pick(page, "pick", "alice@example.com"); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the form: %s", res.Status)
	}
	code := r.sentBack(r.pick(page, "pick", "bob@example.com")).Get("code")
	a := r.read(r.redeem(code))
	r.do(Command{Do: DoFault, Fault: Fault{Name: "status", Times: 1, User: "bob@example.com", Client: "app", Params: map[string]string{"endpoint": "userinfo"}}})
	for _, want := range []int{http.StatusServiceUnavailable, http.StatusOK} {
		if res := r.post("/userinfo", url.Values{"access_token": {a.AccessToken}}); res.StatusCode != want {
			t.Errorf("userinfo: %s, want %d", res.Status, want)
		}
	}
}

// TestFaults_SlowWaits measures by a clock that only moves when everybody waits.
func TestFaults_SlowWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := New(Config{Issuer: "http://localhost:8601", Clients: clients()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Do(t.Context(), Command{Do: DoFault, Fault: Fault{Name: "slow", Params: map[string]string{"endpoint": "discovery", "delay": "90s"}}}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		ask := func(ctx context.Context) (res *httptest.ResponseRecorder, aborted error) {
			defer func() { aborted, _ = recover().(error) }()
			res = httptest.NewRecorder()
			p.ServeHTTP(res, httptest.NewRequestWithContext(ctx, http.MethodGet, "http://localhost:8601/.well-known/openid-configuration", nil))
			return res, nil
		}
		if res, _ := ask(t.Context()); res.Code != http.StatusOK || time.Since(start) != 90*time.Second {
			t.Errorf("%d after %v", res.Code, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, aborted := ask(ctx); !errors.Is(aborted, http.ErrAbortHandler) {
			t.Errorf("whoever gave up was answered: %v", aborted)
		}
	})
}

func TestFaults_ConcernWhoTheyAreFor(t *testing.T) {
	r := newRig(t)
	r.do(Command{Do: DoFault, Fault: Fault{Name: "deny", User: "Bob@example.com"}})
	r.do(Command{Do: DoFault, Fault: Fault{Name: "unverified-email", Client: "public"}})
	if c := r.claimsOf(r.tokens("alice@example.com").IDToken); c["email_verified"] != true {
		t.Errorf("another client: %v", c)
	}
	if back := r.sentBack(r.pick(r.authorize(asked("prompt", "login")), "pick", "bob@example.com")); back.Get("error") != "access_denied" {
		t.Errorf("bob: %v", back)
	}
	if s := r.do(Command{Do: DoState}); len(s.Faults) != 2 {
		t.Errorf("left: %v", s.Faults)
	}
	if s := r.do(Command{Do: DoClear, Fault: Fault{Name: "deny"}}); len(s.Faults) != 1 || s.Faults[0].Name != "unverified-email" {
		t.Errorf("left: %v", s.Faults)
	}
	if s := r.do(Command{Do: DoClear}); len(s.Faults) != 0 {
		t.Errorf("left: %v", s.Faults)
	}
}

func TestFaults_AreToldOfAndCounted(t *testing.T) {
	r := newRig(t)
	r.fault("status", 2, "endpoint", "jwks")
	r.fault("unverified-email", 0)
	if s := r.do(Command{Do: DoState}); len(s.Faults) != 2 || s.Faults[0].Times != 2 {
		t.Errorf("armed: %v", s.Faults)
	}
	r.get("/jwks")
	r.get("/jwks")
	r.get("/jwks")
	r.tokens("alice@example.com")
	var got []dev.AuthFault
	for _, e := range r.told() {
		if f, ok := e.(dev.AuthFault); ok {
			got = append(got, f)
		}
	}
	want := []dev.AuthFault{
		{Fault: "status", Where: "jwks", Left: 1}, {Fault: "status", Where: "jwks", Left: 0},
		{Fault: "unverified-email", Where: "token", User: "alice@example.com", Client: "app", Left: -1},
	}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("told %v", got)
	}
}

func TestFaults_AreRefusedWhenTheyMakeNoSense(t *testing.T) {
	r := newRig(t)
	for name, c := range map[string]struct {
		fault Fault
		says  string
	}{
		"unknown":           {Fault{Name: "bad-luck"}, `unknown fault "bad-luck"`},
		"unknown parameter": {Fault{Name: "slow", Params: map[string]string{"by": "1s"}}, `unknown parameter "by"`},
		"no such time":      {Fault{Name: "slow", Params: map[string]string{"delay": "long"}}, "delay=long"},
		"no such endpoint":  {Fault{Name: "drop", Params: map[string]string{"endpoint": "tokens"}}, `unknown endpoint "tokens"`},
		"no number":         {Fault{Name: "huge-claims", Params: map[string]string{"bytes": "many"}}, "bytes=many"},
		"good status":       {Fault{Name: "status", Params: map[string]string{"code": "200"}}, "400 to 599"},
		"negative":          {Fault{Name: "deny", Times: -1}, "-1"},
		"bad error code":    {Fault{Name: "deny", Params: map[string]string{"error": "a b"}}, "error code"},
	} {
		_, err := r.p.Do(t.Context(), Command{Do: DoFault, Fault: c.fault})
		e, ok := errors.AsType[*dev.Error](err)
		if !ok || e.Code != dev.CodeAuthFault || e.Exit != dev.ExitUsage || !strings.Contains(e.Message, c.says) || e.Hint == "" {
			t.Errorf("%s: %+v", name, e)
		}
	}
	if s := r.do(Command{Do: DoState}); len(s.Faults) != 0 {
		t.Errorf("armed: %v", s.Faults)
	}
}

func TestFaultTable_IsWhole(t *testing.T) {
	seen := make(map[string]bool)
	for _, k := range faultKinds() {
		hooks := map[stage]bool{atRequest: k.request != nil, atDecision: k.decision != nil, atClaims: k.claims != nil, atSigning: k.token != nil, atReply: k.reply != nil}
		for at, there := range hooks {
			if there != (at == k.at) {
				t.Errorf("%s: its function does not belong to its moment", k.name)
			}
		}
		if seen[k.name] || k.about == "" || strings.HasSuffix(k.about, ".") {
			t.Errorf("%s: twice, or about %q", k.name, k.about)
		}
		seen[k.name] = true
		if k.check != nil {
			if err := k.check(k.withDefaults(nil)); err != nil {
				t.Errorf("%s: its own defaults: %v", k.name, err)
			}
		}
	}
	if docs := Faults(); len(docs) != len(seen) {
		t.Errorf("%d are documented of %d", len(docs), len(seen))
	}
}
