package oidc

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sdev/dev"
)

func TestAuthorize_SendsRefusalsBackToTheApp(t *testing.T) {
	for name, c := range map[string]struct {
		change []string
		code   string
		about  string
	}{
		"no response_type":         {[]string{"response_type", ""}, "invalid_request", "response_type"},
		"implicit":                 {[]string{"response_type", "id_token token"}, "unsupported_response_type", "code"},
		"fragment":                 {[]string{"response_mode", "fragment"}, "invalid_request", "response_mode"},
		"plain PKCE":               {[]string{"code_challenge_method", "plain"}, "invalid_request", "S256"},
		"PKCE of unsaid method":    {[]string{"code_challenge_method", ""}, "invalid_request", "S256"},
		"method without challenge": {[]string{"code_challenge", ""}, "invalid_request", "code_challenge"},
		"short challenge":          {[]string{"code_challenge", "short"}, "invalid_request", "43"},
		"unknown prompt":           {[]string{"prompt", "please"}, "invalid_request", "prompt"},
		"none and another":         {[]string{"prompt", "none login"}, "invalid_request", "prompt=none"},
		"nobody signed in":         {[]string{"prompt", "none"}, "login_required", "prompt=none was sent"},
		"bad max_age":              {[]string{"max_age", "-1"}, "invalid_request", "max_age"},
		"bad claims":               {[]string{"claims", "{"}, "invalid_request", "claims"},
		"request object":           {[]string{"request", "e30.e30."}, "request_not_supported", "request"},
		"unknown request_uri":      {[]string{"request_uri", "urn:x"}, "request_uri_not_supported", "request_uri"},
		"foreign id_token_hint":    {[]string{"id_token_hint", "e30.e30.e30"}, "invalid_request", "id_token_hint"},
		"public without PKCE":      {[]string{"client_id", "public", "code_challenge", "", "code_challenge_method", ""}, "invalid_request", "PKCE"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			back := r.sentBack(r.authorize(asked(c.change...)))
			if back.Get("error") != c.code || !strings.Contains(back.Get("error_description"), c.about) {
				t.Errorf("told %v", back)
			}
			if back.Get("state") != "the-state" || back.Get("iss") != r.p.cfg.Issuer || back.Has("code") {
				t.Errorf("told %v", back)
			}
		})
	}
	t.Run("a parameter that is there twice", func(t *testing.T) {
		r := newRig(t)
		v := asked()
		v.Add("nonce", "another")
		if back := r.sentBack(r.authorize(v)); back.Get("error") != "invalid_request" {
			t.Errorf("told %v", back)
		}
	})
}

func TestAuthorize_AllowsPlainPKCEWhereTheSettingsDo(t *testing.T) {
	r := newRig(t, func(c *Config) { c.PlainPKCE = true })
	code := r.signIn("bob@example.com", "code_challenge", verifier, "code_challenge_method", "plain")
	if res := r.redeem(code); res.StatusCode != http.StatusOK {
		t.Error(res.body)
	}
	if !strings.Contains(r.get("/.well-known/openid-configuration").body, `"plain"`) {
		t.Error("discovery does not say so")
	}
}

func TestAuthorize_SendsNobodyWhereItIsNotRegistered(t *testing.T) {
	for name, c := range map[string]struct {
		change []string
		shows  []string
	}{
		"unknown client":    {[]string{"client_id", "<b>nobody"}, []string{"the client &lt;b&gt;nobody is not registered", "app"}},
		"no client":         {[]string{"client_id", ""}, []string{"no client_id"}},
		"no redirect_uri":   {[]string{"redirect_uri", ""}, []string{"no redirect_uri", appURL}},
		"another port":      {[]string{"redirect_uri", "http://localhost:8502/oauth2callback"}, []string{"port: 8502 was sent, 8501 is registered", appURL}},
		"another name":      {[]string{"redirect_uri", "http://127.0.0.1:8501/oauth2callback"}, []string{"host: 127.0.0.1 was sent", "same machine, but different origins"}},
		"a slash too many":  {[]string{"redirect_uri", appURL + "/"}, []string{"the slash at the end"}},
		"another scheme":    {[]string{"redirect_uri", "https://localhost:8501/oauth2callback"}, []string{"scheme: https was sent"}},
		"another path":      {[]string{"redirect_uri", "http://localhost:8501/component/x"}, []string{"path: /component/x was sent"}},
		"a query on top":    {[]string{"redirect_uri", appURL + "?next=the-query-secret"}, []string{"the query", appURL + "?…"}},
		"capital letters":   {[]string{"redirect_uri", "HTTP://localhost:8501/oauth2callback"}, []string{"the spelling"}},
		"another site":      {[]string{"redirect_uri", "https://evil.example/"}, []string{"host: evil.example was sent"}},
		"a user name":       {[]string{"redirect_uri", "http://localhost:8501@evil.example/oauth2callback"}, []string{"host: evil.example was sent"}},
		"a script":          {[]string{"redirect_uri", "javascript:alert(1)"}, []string{"not registered"}},
		"no address at all": {[]string{"redirect_uri", "http://[::1"}, []string{"no valid address"}},
		"a fragment":        {[]string{"redirect_uri", appURL + "#x"}, []string{"the #, which is not allowed"}},
		"of another client": {[]string{"client_id", "public", "redirect_uri", appHome}, []string{"not registered"}},
		"loopback, https":   {[]string{"client_id", "outside", "redirect_uri", "https://localhost/"}, []string{"any address below http://localhost"}},
		"loopback, tricked": {[]string{"client_id", "outside", "redirect_uri", `http://localhost\.evil.example/`}, []string{"not registered"}},
		"loopback, user":    {[]string{"client_id", "outside", "redirect_uri", "http://localhost:1@evil.example/"}, []string{"not registered"}},
		"loopback, suffix":  {[]string{"client_id", "outside", "redirect_uri", "http://localhost.evil.example/"}, []string{"not registered"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			res := r.authorize(asked(c.change...))
			if res.StatusCode != http.StatusBadRequest || res.Header.Get("Location") != "" {
				t.Errorf("%s to %q", res.Status, res.Header.Get("Location"))
			}
			for _, want := range c.shows {
				if !strings.Contains(res.body, want) {
					t.Errorf("the page lacks %q:\n%s", want, res.body)
				}
			}
			if strings.Contains(res.body, "the-query-secret") {
				t.Error("the page shows the query")
			}
			if events := r.told(); len(events) != 1 || events[0].Type() != "auth.denied" {
				t.Errorf("told %v", events)
			}
		})
	}
}

func TestAuthorize_TakesAnyLoopbackAddressForProgramsOutside(t *testing.T) {
	r := newRig(t)
	for _, uri := range []string{"http://localhost:1234/cb", "http://127.0.0.1:5/x/y?z=1", "http://[::1]:80/"} {
		res := r.pick(r.authorize(asked("client_id", "outside", "redirect_uri", uri, "prompt", "login")), "pick", "bob@example.com")
		if to := res.Header.Get("Location"); !strings.HasPrefix(to, uri) || !strings.Contains(to, "code=") {
			t.Errorf("%s leads to %q", uri, to)
		}
	}
}

func TestAuthorize_AsksOnceForASession(t *testing.T) {
	r := newRig(t)
	r.signIn("alice@example.com")
	if back := r.sentBack(r.authorize(asked())); back.Get("code") == "" {
		t.Errorf("asked again: %v", back)
	}
	if back := r.sentBack(r.authorize(asked("prompt", "none", "client_id", "public"))); back.Get("code") == "" {
		t.Errorf("another client: %v", back)
	}
	for _, prompt := range []string{"login", "select_account", "consent", "login consent"} {
		if res := r.authorize(asked("prompt", prompt)); res.StatusCode != http.StatusOK || !strings.Contains(res.body, "signed in") {
			t.Errorf("prompt=%s: %s", prompt, res.Status)
		}
	}
	r.later(sessionLifetime + time.Second)
	if back := r.sentBack(r.authorize(asked("prompt", "none"))); back.Get("error") != "login_required" {
		t.Errorf("after its end: %v", back)
	}
}

func TestAuthorize_HonoursMaxAgeAndHints(t *testing.T) {
	r := newRig(t)
	alice := r.tokens("alice@example.com")
	r.later(10 * time.Minute)
	for name, c := range map[string]struct {
		change []string
		silent bool
	}{
		"fresh enough":       {[]string{"max_age", "601"}, true},
		"too old":            {[]string{"max_age", "500"}, false},
		"now":                {[]string{"max_age", "0"}, false},
		"the same person":    {[]string{"login_hint", "Alice@Example.com"}, true},
		"another person":     {[]string{"login_hint", "bob@example.com"}, false},
		"her token":          {[]string{"id_token_hint", alice.IDToken}, true},
		"her subject":        {[]string{"claims", `{"id_token":{"sub":{"value":"` + r.claimsOf(alice.IDToken).text("sub") + `"}}}`}, true},
		"somebody's subject": {[]string{"claims", `{"id_token":{"sub":{"value":"x"}}}`}, false},
	} {
		t.Run(name, func(t *testing.T) {
			back := r.sentBack(r.authorize(asked(append(c.change, "prompt", "none")...)))
			if silent := back.Get("code") != ""; silent != c.silent {
				t.Errorf("told %v", back)
			}
		})
	}
	page := r.authorize(asked("login_hint", "bob@example.com"))
	if bob, alice := strings.Index(page.body, "bob@"), strings.Index(page.body, "alice@"); bob < 0 || bob > alice {
		t.Error("who is hinted at does not come first")
	}
	if page := r.authorize(asked("login_hint", "carol@example.com")); !strings.Contains(page.body, `value="carol@example.com"`) {
		t.Error("an unknown hint is not filled in")
	}
}

func TestAuthorize_TakesTheCurrentUserWithoutAsking(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Current = "bob@example.com" })
	for _, prompt := range []string{"", "none", "login", "select_account"} {
		back := r.sentBack(r.authorize(asked("prompt", prompt)))
		if a := r.read(r.redeem(back.Get("code"))); r.claimsOf(a.IDToken).text("email") != "bob@example.com" {
			t.Errorf("prompt=%s: %v", prompt, back)
		}
	}
	if s := r.do(Command{Do: DoUse, Email: "Alice@example.com"}); s.Current != "alice@example.com" {
		t.Errorf("current %q", s.Current)
	}
	a := r.read(r.redeem(r.sentBack(r.authorize(asked())).Get("code")))
	if email := r.claimsOf(a.IDToken).text("email"); email != "alice@example.com" {
		t.Errorf("signed in %s", email)
	}
	r.do(Command{Do: DoUse})
	if res := r.authorize(asked("prompt", "login")); res.StatusCode != http.StatusOK {
		t.Errorf("nobody current: %s", res.Status)
	}
}

func TestAuthorize_AnswersByAFormWhereAsked(t *testing.T) {
	r := newRig(t)
	res := r.pick(r.authorize(asked("response_mode", "form_post")), "pick", "alice@example.com")
	form := hidden(res.body)
	if res.StatusCode != http.StatusOK || form.Get("code") == "" || form.Get("state") != "the-state" || !strings.Contains(res.body, `action="`+appURL+`"`) {
		t.Errorf("%s:\n%s", res.Status, res.body)
	}
	if policy := res.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'sha256-") || strings.Contains(policy, "form-action") {
		t.Errorf("policy %q", policy)
	}
	if a := r.read(r.redeem(form.Get("code"))); a.IDToken == "" {
		t.Error("no ID token")
	}
}

func TestAuthorize_TakesAPostAsWell(t *testing.T) {
	r := newRig(t)
	if res := r.post("/authorize", asked()); res.StatusCode != http.StatusOK || !strings.Contains(res.body, "alice@") {
		t.Error(res.Status)
	}
}

func TestAuthorize_GivesTheClaimsThatAreAskedForByName(t *testing.T) {
	r := newRig(t)
	a := r.tokens("alice@example.com", "scope", "openid", "acr_values", "high low", "claims", `{"id_token":{"email":null},"userinfo":{"name":{"essential":true}}}`)
	id := r.claimsOf(a.IDToken)
	if id["email"] != "alice@example.com" || id["name"] != nil || id["acr"] != "high" {
		t.Errorf("ID token %v", id)
	}
	req := r.request(http.MethodGet, "/userinfo", nil)
	req.Header.Set("Authorization", "Bearer "+a.AccessToken)
	info := decode[claims](t, []byte(r.send(req).body))
	if info["name"] != "Alice Müller" || info["email"] != nil {
		t.Errorf("userinfo %v", info)
	}
}

func TestSignIn_TakesSomeoneElse(t *testing.T) {
	r := newRig(t)
	page := r.authorize(asked())
	for name, c := range map[string]struct{ fields []string }{
		"no address":       {[]string{"email", "carol"}},
		"claims not JSON":  {[]string{"email", "carol@example.com", "claims_json", "a=b"}},
		"claims no object": {[]string{"email", "carol@example.com", "claims_json", "[1]"}},
		"protocol's claim": {[]string{"email", "carol@example.com", "claims_json", `{"aud":"x"}`}},
		"gone meanwhile":   {[]string{"pick", "dave@example.com"}},
	} {
		res := r.pick(page, c.fields...)
		if res.StatusCode != http.StatusOK || !strings.Contains(res.body, `role="alert"`) {
			t.Errorf("%s: %s", name, res.Status)
		}
	}
	back := r.sentBack(r.pick(page, "email", "carol@example.com", "name", "Carol C", "groups", "sales, ops,", "claims_json", `{"hd":"example.com","n":1}`))
	c := r.claimsOf(r.read(r.redeem(back.Get("code"))).IDToken)
	groups, _ := json.Marshal(c["groups"])
	if c["email"] != "carol@example.com" || c["hd"] != "example.com" || string(groups) != `["sales","ops"]` || c["family_name"] != "C" {
		t.Errorf("claims %v", c)
	}
	if !strings.Contains(r.authorize(asked("prompt", "login")).body, "carol@example.com") {
		t.Error("she is not offered again")
	}
}

func TestSignIn_Denies(t *testing.T) {
	r := newRig(t)
	back := r.sentBack(r.pick(r.authorize(asked()), "deny", "1"))
	if back.Get("error") != "access_denied" || back.Get("state") != "the-state" {
		t.Errorf("told %v", back)
	}
	if e := r.told(); len(e) != 1 || e[0] != (dev.AuthDenied{Client: "app", Reason: "denied on the sign-in page"}) {
		t.Errorf("events %v", e)
	}
}

func TestSignIn_RefusesAFormOfAnotherSite(t *testing.T) {
	r := newRig(t)
	form := with(hidden(r.authorize(asked()).body), "pick", "alice@example.com")
	for name, change := range map[string]func(*http.Request){
		"cross-site":                  func(q *http.Request) { q.Header.Set("Sec-Fetch-Site", "cross-site") },
		"the app, which is same-site": func(q *http.Request) { q.Header.Set("Sec-Fetch-Site", "same-site") },
		"another origin":              func(q *http.Request) { q.Header.Set("Origin", "http://localhost:8501") },
	} {
		req := r.request(http.MethodPost, "/signin", form)
		if change(req); r.send(req).StatusCode != http.StatusForbidden {
			t.Errorf("%s is let in", name)
		}
	}
	req := r.request(http.MethodPost, "/signin", form)
	req.Header.Set("Origin", "null") // a frame that is sandboxed
	if r.send(req).StatusCode != http.StatusForbidden {
		t.Error("a page without an origin is let in")
	}
	if s := r.do(Command{Do: DoState}); len(s.SignedIn) != 0 {
		t.Errorf("signed in: %v", s.SignedIn)
	}
	req = r.request(http.MethodPost, "/signin", form)
	req.Header.Set("Origin", r.p.cfg.Issuer) // as browsers say it that do not say the site
	r.sentBack(r.send(req))
}

func TestSignIn_TrustsNothingThatTheFormCarries(t *testing.T) {
	r := newRig(t)
	form := with(hidden(r.authorize(asked()).body), "pick", "alice@example.com")
	for _, request := range []string{asked("redirect_uri", "https://evil.example/").Encode(), "%zz"} {
		with(form, "request", request)
		if res := r.post("/signin", form); res.StatusCode != http.StatusForbidden || res.Header.Get("Location") != "" {
			t.Errorf("changed: %s to %q", res.Status, res.Header.Get("Location"))
		}
		// As if it had been good when the page was made.
		with(form, "csrf", newFormToken(r.p.formKey(), time.Now(), "/signin", request))
		if res := r.post("/signin", form); res.StatusCode != http.StatusBadRequest || res.Header.Get("Location") != "" {
			t.Errorf("%s to %q", res.Status, res.Header.Get("Location"))
		}
	}
}

func TestSignIn_BeginsEachSessionUnderANewCookie(t *testing.T) {
	r := newRig(t)
	at, err := url.Parse(r.p.cfg.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	value := func() string {
		for _, c := range r.browser.Jar.Cookies(at) {
			if c.Name == r.p.cookie("session") {
				return c.Value
			}
		}
		return ""
	}
	r.signIn("alice@example.com")
	first := value()
	r.signIn("bob@example.com", "prompt", "login")
	if second := value(); first == "" || second == "" || first == second {
		t.Errorf("cookies %q and %q", first, second)
	}
	if s := r.do(Command{Do: DoState}); len(s.SignedIn) != 1 || s.SignedIn[0] != "bob@example.com" {
		t.Errorf("signed in: %v", s.SignedIn)
	}
}

func TestCookies_AreTheProjectsOwn(t *testing.T) {
	names := make(map[string]bool)
	for _, project := range []string{"shop", "bookshop"} {
		t.Run(project, func(t *testing.T) {
			r := newRig(t, func(c *Config) { c.Project = project })
			res := r.pick(r.authorize(asked()), "pick", "alice@example.com")
			for _, c := range res.Cookies() {
				names[c.Name] = true
				if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Domain != "" || c.Path != "/" {
					t.Errorf("cookie %s", c)
				}
			}
		})
	}
	if len(names) != 2 {
		t.Errorf("cookies %v", names)
	}
}
