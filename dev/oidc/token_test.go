package oidc

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// problem is an error answer of the protocol.
type problem struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

func (r *rig) refused(res reply, status int, code, about string) {
	r.t.Helper()
	p := decode[problem](r.t, []byte(res.body))
	if res.StatusCode != status || p.Error != code || !strings.Contains(p.Description, about) {
		r.t.Errorf("%s %s, want %d %s …%s…", res.Status, res.body, status, code, about)
	}
	if res.Header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		r.t.Errorf("headers %v", res.Header)
	}
}

func TestToken_HasEveryClaimThatAnAppReads(t *testing.T) {
	r := newRig(t)
	a := r.tokens("alice@example.com")
	c := r.claimsOf(a.IDToken)
	want := claims{
		"iss": r.p.cfg.Issuer, "aud": "app", "azp": "app", "nonce": "the-nonce", "email": "alice@example.com", "email_verified": true,
		"name": "Alice Müller", "given_name": "Alice", "family_name": "Müller", "preferred_username": "alice", "locale": "en",
		"groups": []any{"admin", "marketing"}, "amr": []any{"pwd"}, "sub": uuidOf("alice@example.com"), "at_hash": halfHash(a.AccessToken),
	}
	for _, name := range []string{"iat", "exp", "auth_time", "sid", "jti"} {
		if c[name] == nil {
			t.Errorf("no %s", name)
		}
		delete(c, name)
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	if a.TokenType != "Bearer" || a.ExpiresIn != 3600 || a.Scope != "openid email profile" || a.RefreshToken != "" {
		t.Errorf("answer %+v", a)
	}
	if part := strings.Split(a.IDToken, ".")[1]; strings.ContainsAny(part, "-_") {
		t.Errorf("apps that read it as base64 stumble over %s", part)
	}
}

func TestToken_ScopesCloseClaimsButNotTheProjectsOwn(t *testing.T) {
	r := newRig(t)
	c := r.claimsOf(r.tokens("bob@example.com", "scope", "openid").IDToken)
	if c["email"] != nil || c["name"] != nil || c["department"] != "sales" {
		t.Errorf("claims %v", c)
	}
	if a := r.tokens("bob@example.com", "scope", "email", "prompt", "login"); a.IDToken != "" {
		t.Error("an ID token without openid")
	}
}

func TestToken_RefusesWhatDoesNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		change []string
		code   string
		about  string
	}{
		"another redirect_uri": {[]string{"redirect_uri", appHome}, "invalid_grant", "redirect_uri"},
		"no redirect_uri":      {[]string{"redirect_uri", ""}, "invalid_grant", "redirect_uri"},
		"another verifier":     {[]string{"code_verifier", strings.Repeat("x", 43)}, "invalid_grant", "PKCE"},
		"no verifier":          {[]string{"code_verifier", ""}, "invalid_grant", "code_verifier"},
		"another code":         {[]string{"code", "guessed"}, "invalid_grant", "unknown"},
		"no code":              {[]string{"code", ""}, "invalid_request", "no code"},
		"no grant_type":        {[]string{"grant_type", ""}, "invalid_request", "grant_type"},
		"a password":           {[]string{"grant_type", "password"}, "unsupported_grant_type", "authorization_code"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			code := r.signIn("alice@example.com")
			r.refused(r.redeem(code, c.change...), http.StatusBadRequest, c.code, c.about)
			if res := r.redeem(code); res.StatusCode != http.StatusOK {
				t.Errorf("the code is spent by a mistake: %s", res.body)
			}
		})
	}
}

func TestToken_ReplayedCodeRevokesWhatItWasTradedFor(t *testing.T) {
	r := newRig(t)
	code := r.signIn("alice@example.com", "scope", "openid offline_access")
	a := r.read(r.redeem(code))
	r.refused(r.redeem(code), http.StatusBadRequest, "invalid_grant", "used before")
	req := r.request(http.MethodGet, "/userinfo", nil)
	req.Header.Set("Authorization", "Bearer "+a.AccessToken)
	r.refused(r.send(req), http.StatusUnauthorized, "invalid_token", "revoked")
	r.refused(r.token("grant_type", "refresh_token", "refresh_token", a.RefreshToken), http.StatusBadRequest, "invalid_grant", "revoked")
}

func TestToken_CodeGoesToOneOfManyAtOnce(t *testing.T) {
	r := newRig(t)
	code := r.signIn("alice@example.com")
	results := make(chan int)
	for range 8 {
		go func() {
			req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, r.p.cfg.Issuer+"/token", strings.NewReader(url.Values{
				"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {appURL}, "code_verifier": {verifier}, "client_id": {"app"}, "client_secret": {appSecret},
			}.Encode()))
			if err != nil {
				results <- 0
				return
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			res, err := r.browser.Do(req)
			if err != nil {
				results <- 0
				return
			}
			_ = res.Body.Close()
			results <- res.StatusCode
		}()
	}
	got := make(map[int]int)
	for range 8 {
		got[<-results]++
	}
	if got[http.StatusOK] > 1 || got[http.StatusOK]+got[http.StatusBadRequest] != 8 {
		t.Errorf("answers %v", got)
	}
}

func TestToken_CodeRunsOutAndBelongsToItsClient(t *testing.T) {
	r := newRig(t)
	code := r.signIn("alice@example.com")
	res := r.post("/token", url.Values{"client_id": {"public"}, "grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {appURL}, "code_verifier": {verifier}})
	r.refused(res, http.StatusBadRequest, "invalid_grant", "another client")
	r.later(codeLifetime + time.Second)
	r.refused(r.redeem(code), http.StatusBadRequest, "invalid_grant", "expired")
}

func TestToken_ProvesTheClient(t *testing.T) {
	basic := func(id, secret string) func(*http.Request, url.Values) {
		return func(q *http.Request, _ url.Values) { q.SetBasicAuth(id, secret) }
	}
	form := func(pairs ...string) func(*http.Request, url.Values) {
		return func(_ *http.Request, v url.Values) { with(v, pairs...) }
	}
	for name, c := range map[string]struct {
		how   func(*http.Request, url.Values)
		about string // "" is let in
	}{
		"basic, encoded":       {basic("app", url.QueryEscape(appSecret)), ""},
		"basic, as it is":      {basic("app", appSecret), ""},
		"post":                 {form("client_id", "app", "client_secret", appSecret), ""},
		"basic, and the same":  {func(q *http.Request, v url.Values) { q.SetBasicAuth("app", appSecret); v.Set("client_id", "app") }, ""},
		"basic, wrong":         {basic("app", "wrong"), "wrong"},
		"post, wrong":          {form("client_id", "app", "client_secret", "wrong"), "wrong"},
		"no secret":            {form("client_id", "app"), "not sent"},
		"basic, no secret":     {basic("app", ""), "not sent"},
		"nobody":               {form("client_id", ""), "no client_id"},
		"unknown":              {basic("nobody", "x"), "the client nobody is not registered"},
		"public with a secret": {basic("public", "x"), "no secret"},
		"basic, malformed":     {func(q *http.Request, _ url.Values) { q.Header.Set("Authorization", "Basic !") }, "malformed"},
		"basic, no colon":      {func(q *http.Request, _ url.Values) { q.Header.Set("Authorization", "Basic YXBw") }, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			v := url.Values{"grant_type": {"client_credentials"}}
			probe := r.request(http.MethodPost, "/token", nil)
			c.how(probe, v)
			req := r.request(http.MethodPost, "/token", v)
			c.how(req, v)
			res := r.send(req)
			if c.about == "" {
				if a := r.read(res); a.AccessToken == "" || a.IDToken != "" {
					t.Errorf("answer %+v", a)
				}
				return
			}
			r.refused(res, http.StatusUnauthorized, "invalid_client", c.about)
			if header := res.Header.Get("WWW-Authenticate"); (header != "") != (req.Header.Get("Authorization") != "") {
				t.Errorf("WWW-Authenticate %q", header)
			}
		})
	}
	r := newRig(t)
	req := r.request(http.MethodPost, "/token", url.Values{"client_id": {"public"}})
	req.SetBasicAuth("app", appSecret)
	r.refused(r.send(req), http.StatusBadRequest, "invalid_request", "client_id")
	req = r.request(http.MethodPost, "/token", url.Values{"client_secret": {appSecret}})
	req.SetBasicAuth("app", appSecret)
	r.refused(r.send(req), http.StatusBadRequest, "invalid_request", "once")
	r.refused(r.post("/token", url.Values{"client_id": {"public"}, "grant_type": {"client_credentials"}}), http.StatusBadRequest, "unauthorized_client", "itself")
}

func TestToken_RefusesWhatIsNoForm(t *testing.T) {
	r := newRig(t)
	for name, c := range map[string]struct {
		kind, body string
		status     int
	}{
		"JSON":      {"application/json", `{"grant_type":"client_credentials"}`, http.StatusBadRequest},
		"malformed": {"application/x-www-form-urlencoded", "grant_type=%zz", http.StatusBadRequest},
		"oversized": {"application/x-www-form-urlencoded", "code=" + strings.Repeat("x", maxBody), http.StatusRequestEntityTooLarge},
		"twice":     {"application/x-www-form-urlencoded", "code=a&code=b", http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.p.cfg.Issuer+"/token", strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", c.kind)
			r.refused(r.send(req), c.status, "invalid_request", "")
		})
	}
	res := r.get("/token")
	r.refused(res, http.StatusMethodNotAllowed, "invalid_request", "GET")
	if res.Header.Get("Allow") != "POST" {
		t.Errorf("Allow: %s", res.Header.Get("Allow"))
	}
}

func TestRefresh_FollowsThePolicy(t *testing.T) {
	for policy, c := range map[string]struct{ renewed, reusable bool }{
		refreshRotate: {true, false},
		refreshKeep:   {false, true},
		refreshRenew:  {true, true},
	} {
		t.Run(policy, func(t *testing.T) {
			r := newRig(t, func(c *Config) {
				if c.Refresh = policy; policy == refreshRenew {
					c.Refresh, c.Profile = "", "keycloak"
				}
			})
			first := r.tokens("alice@example.com", "scope", "openid email offline_access")
			use := func(token string, pairs ...string) reply {
				return r.token(append([]string{"grant_type", "refresh_token", "refresh_token", token}, pairs...)...)
			}
			second := r.read(use(first.RefreshToken))
			if (second.RefreshToken != "") != c.renewed || second.AccessToken == first.AccessToken {
				t.Errorf("answer %+v", second)
			}
			old, now := r.claimsOf(first.IDToken), r.claimsOf(second.IDToken)
			if now["nonce"] != nil || now["sub"] != old["sub"] || now["auth_time"] != old["auth_time"] {
				t.Errorf("claims %v after %v", now, old)
			}
			again := use(first.RefreshToken)
			if (again.StatusCode == http.StatusOK) != c.reusable {
				t.Errorf("used again: %s", again.body)
			}
			if !c.reusable {
				r.refused(use(second.RefreshToken), http.StatusBadRequest, "invalid_grant", "revoked")
			}
		})
	}
}

func TestRefresh_NarrowsButNeverWidens(t *testing.T) {
	r := newRig(t)
	a := r.tokens("alice@example.com", "scope", "openid email offline_access")
	r.refused(r.token("grant_type", "refresh_token", "refresh_token", a.RefreshToken, "scope", "openid profile"), http.StatusBadRequest, "invalid_scope", "profile")
	narrow := r.read(r.token("grant_type", "refresh_token", "refresh_token", a.RefreshToken, "scope", "openid"))
	if c := r.claimsOf(narrow.IDToken); narrow.Scope != "openid" || c["email"] != nil {
		t.Errorf("%q, %v", narrow.Scope, c)
	}
	if res := r.post("/userinfo", url.Values{"access_token": {narrow.AccessToken}}); strings.Contains(res.body, "alice@example.com") {
		t.Errorf("userinfo of a narrowed token: %s", res.body)
	}
	whole := r.read(r.token("grant_type", "refresh_token", "refresh_token", narrow.RefreshToken))
	if whole.Scope != "openid email offline_access" {
		t.Errorf("scope %q", whole.Scope)
	}
	r.refused(r.post("/token", url.Values{"client_id": {"public"}, "grant_type": {"refresh_token"}, "refresh_token": {whole.RefreshToken}}), http.StatusBadRequest, "invalid_grant", "another client")
	r.refused(r.token("grant_type", "refresh_token"), http.StatusBadRequest, "invalid_request", "refresh_token")
	r.later(refreshLifetime + time.Hour)
	r.refused(r.token("grant_type", "refresh_token", "refresh_token", whole.RefreshToken), http.StatusBadRequest, "invalid_grant", "expired")
}

func TestUserinfo_TellsOfWhoSignedIn(t *testing.T) {
	r := newRig(t)
	a := r.tokens("alice@example.com")
	req := r.request(http.MethodGet, "/userinfo", nil)
	req.Header.Set("Authorization", "Bearer "+a.AccessToken)
	if c := decode[claims](t, []byte(r.send(req).body)); c["sub"] != r.claimsOf(a.IDToken)["sub"] || c["email"] != "alice@example.com" {
		t.Errorf("claims %v", c)
	}
	if res := r.post("/userinfo", url.Values{"access_token": {a.AccessToken}}); res.StatusCode != http.StatusOK {
		t.Errorf("by form: %s", res.body)
	}
	bearer := func(token string) reply {
		req := r.request(http.MethodGet, "/userinfo", nil)
		req.Header.Set("Authorization", "Bearer "+token)
		return r.send(req)
	}
	r.refused(r.get("/userinfo?access_token="+a.AccessToken), http.StatusUnauthorized, "invalid_request", "no access token")
	r.refused(bearer("guessed"), http.StatusUnauthorized, "invalid_token", "unknown")
	r.refused(bearer(a.IDToken), http.StatusUnauthorized, "invalid_token", "unknown")
	r.refused(bearer(r.read(r.token("grant_type", "client_credentials")).AccessToken), http.StatusForbidden, "insufficient_scope", "belongs to a client")
	r.later(tokenLifetime + time.Second)
	res := bearer(a.AccessToken)
	r.refused(res, http.StatusUnauthorized, "invalid_token", "expired")
	if !strings.Contains(res.Header.Get("WWW-Authenticate"), `error="invalid_token"`) {
		t.Errorf("WWW-Authenticate %q", res.Header.Get("WWW-Authenticate"))
	}
}

func TestUserinfo_SeesAPersonAsTheProjectHasThemNow(t *testing.T) {
	r := newRig(t)
	a := r.tokens("alice@example.com")
	now := people()
	now[0].Groups = []string{"retired"}
	r.do(Command{Do: DoPeople, People: now})
	if res := r.post("/userinfo", url.Values{"access_token": {a.AccessToken}}); !strings.Contains(res.body, "retired") {
		t.Error(res.body)
	}
}

// TestToken_ServesTwoHundredAtOnce has the same code redeemed by all of them: at most one gets tokens,
// and what the others get are refusals. Requests that do not depend on one another all succeed.
func TestToken_ServesTwoHundredAtOnce(t *testing.T) {
	r := newRig(t)
	const many = 200
	answers := func(form url.Values) map[int]int {
		var (
			asked sync.WaitGroup
			mu    sync.Mutex // guards codes
		)
		codes := map[int]int{}
		for range many {
			asked.Go(func() {
				req := r.request(http.MethodPost, "/token", form)
				req.SetBasicAuth("app", appSecret)
				w := httptest.NewRecorder()
				r.p.ServeHTTP(w, req)
				mu.Lock()
				defer mu.Unlock()
				codes[w.Code]++
			})
		}
		asked.Wait()
		return codes
	}
	redeem := url.Values{"grant_type": {grantCode}, "code": {r.signIn("alice@example.com")}, "redirect_uri": {appURL}, "code_verifier": {verifier}}
	if got := answers(redeem); got[http.StatusOK] > 1 || got[http.StatusOK]+got[http.StatusBadRequest] != many {
		t.Errorf("one code: answers %v", got)
	}
	if got := answers(url.Values{"grant_type": {grantClient}}); got[http.StatusOK] != many {
		t.Errorf("client_credentials: answers %v", got)
	}
	r.tokens("alice@example.com", "prompt", "login")
}
