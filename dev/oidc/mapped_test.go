package oidc

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sdev/dev"
)

// mappedRig is a provider that answers for others, as in app mode.
func mappedRig(t *testing.T, change ...func(*Config)) *rig {
	t.Helper()
	return newRig(t, append(change, func(c *Config) {
		c.Mapped = &dev.MappedLogin{Client: dev.Client{Name: "The app", AnySecret: true, Page: "http://localhost:8501/shop"},
			Issuers: map[string]string{"shop.auth.eu-west-1.amazoncognito.com": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc"}}
	})...)
}

// signInAt signs Alice in at another provider's address and returns the code, and where the browser went.
func (r *rig) signInAt(address, redirect string, more ...string) (code string, to *url.URL) {
	r.t.Helper()
	r.do(Command{Do: DoUse, Email: "alice@example.com"})
	q := url.Values{"client_id": {"their-client"}, "redirect_uri": {redirect}, "scope": {"openid email profile"}, "state": {"s"}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	res := r.get("/at/" + address + "?" + q.Encode())
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil || to.Query().Get("code") == "" {
		r.t.Fatalf("%s: %s %s\n%s", address, res.Status, to, res.body)
	}
	return to.Query().Get("code"), to
}

func TestMapped_ALoginAtEachProviderHasItsIssuer(t *testing.T) {
	const entra = "login.microsoftonline.com/tenant"
	for _, c := range []struct{ authorize, token, userinfo, issuer string }{
		{"accounts.google.com/o/oauth2/v2/auth", "oauth2.googleapis.com/token", "openidconnect.googleapis.com/v1/userinfo", "https://accounts.google.com"},
		{"shop.auth.eu-west-1.amazoncognito.com/login", "shop.auth.eu-west-1.amazoncognito.com/oauth2/token", "shop.auth.eu-west-1.amazoncognito.com/oauth2/userInfo", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc"},
		{entra + "/oauth2/v2.0/authorize", entra + "/oauth2/v2.0/token", "graph.microsoft.com/oidc/userinfo", "https://login.microsoftonline.com/tenant/v2.0"},
		{"shop.eu.auth0.com/authorize", "shop.eu.auth0.com/oauth/token", "shop.eu.auth0.com/userinfo", "https://shop.eu.auth0.com/"},
		{"dev-1.okta.com/oauth2/default/v1/authorize", "dev-1.okta.com/oauth2/default/v1/token", "dev-1.okta.com/oauth2/default/v1/userinfo", "https://dev-1.okta.com/oauth2/default"},
		{"dev-1.okta.com/oauth2/v1/authorize", "dev-1.okta.com/oauth2/v1/token", "dev-1.okta.com/oauth2/v1/userinfo", "https://dev-1.okta.com"},
		{"sso.shop.example/realms/a/protocol/openid-connect/auth", "sso.shop.example/realms/a/protocol/openid-connect/token", "sso.shop.example/realms/a/protocol/openid-connect/userinfo", "https://sso.shop.example/realms/a"},
	} {
		t.Run(c.issuer, func(t *testing.T) {
			r := mappedRig(t)
			code, to := r.signInAt(c.authorize, "https://shop.example.com/shop/Page?x=y", "response_type", "code")
			if got := to.Scheme + "://" + to.Host + to.Path; got != "http://localhost:8501/shop/Page" || to.Query().Get("x") != "y" || to.Query().Get("state") != "s" {
				t.Errorf("the browser goes to %s", to)
			}
			res := r.post("/at/"+c.token, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {"https://shop.example.com/shop/Page?x=y"}, "client_id": {"their-client"}, "client_secret": {"anything"}})
			answer := decode[tokenAnswer](t, []byte(res.body))
			id, ok := r.p.verifyToken(answer.IDToken)
			if !ok || id["iss"] != c.issuer || id["aud"] != "their-client" || id["email"] != "alice@example.com" {
				t.Errorf("%s: %v", res.body, id)
			}
			req := r.request(http.MethodGet, "/at/"+c.userinfo, nil)
			req.Header.Set("Authorization", "Bearer "+answer.AccessToken)
			if user := decode[map[string]any](t, []byte(r.send(req).body)); user["email"] != "alice@example.com" {
				t.Errorf("userinfo: %v", user)
			}
		})
	}
}

func TestMapped_ADiscoveredProviderIsConsistent(t *testing.T) {
	for address, issuer := range map[string]string{
		"login.microsoftonline.com/tenant/v2.0": "https://login.microsoftonline.com/tenant/v2.0",
		"shop.eu.auth0.com":                     "https://shop.eu.auth0.com/",
		"sso.shop.example/some/where":           "https://sso.shop.example/some/where",
		"accounts.google.com":                   "https://accounts.google.com",
	} {
		r := mappedRig(t)
		doc := decode[map[string]any](t, []byte(r.get("/at/"+address+"/.well-known/openid-configuration").body))
		if doc["issuer"] != issuer || doc["authorization_response_iss_parameter_supported"] != nil {
			t.Errorf("%s: %v", address, doc)
		}
		path := func(name string) string {
			at, _ := doc[name].(string)
			p, ours := strings.CutPrefix(at, "https://")
			if !ours {
				t.Errorf("%s of %s is %q", name, address, at)
			}
			return p
		}
		code, _ := r.signInAt(path("authorization_endpoint"), "https://shop.example.com/", "response_type", "code")
		res := r.post("/at/"+path("token_endpoint"), url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {"https://shop.example.com/"}, "client_id": {"their-client"}, "client_secret": {"x"}})
		if id, ok := r.p.verifyToken(decode[tokenAnswer](t, []byte(res.body)).IDToken); !ok || id["iss"] != issuer {
			t.Errorf("%s: %s", address, res.body)
		}
		if keys := r.get("/at/" + path("jwks_uri")).body; keys != r.get("/jwks").body {
			t.Errorf("%s: keys %s", address, keys)
		}
	}
}

func TestMapped_ServicesThatAreMoreThanAProviderAnswerAsTheyDo(t *testing.T) {
	r := mappedRig(t)
	code, to := r.signInAt("github.com/login/oauth/authorize", "", "scope", "read:user")
	if to.Host+to.Path != "localhost:8501/shop" {
		t.Errorf("without an address of its own the browser goes to %s", to)
	}
	res := r.post("/at/github.com/login/oauth/access_token", url.Values{"client_id": {"their-client"}, "client_secret": {"x"}, "code": {code}})
	form, err := url.ParseQuery(res.body)
	if err != nil || form.Get("access_token") == "" || !strings.HasPrefix(res.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		t.Fatalf("%s %s", res.Header, res.body)
	}
	for address, want := range map[string]string{
		"api.github.com/user":                   `"login":"alice"`,
		"api.github.com/user/emails":            `[{"email":"alice@example.com","primary":true,"verified":true,"visibility":"public"}]`,
		"graph.microsoft.com/v1.0/me":           `"userPrincipalName":"alice@example.com"`,
		"www.googleapis.com/oauth2/v2/userinfo": `"verified_email":true`,
		"people.googleapis.com/v1/people/me":    `"emailAddresses":[{"metadata":{"primary":true,`,
		"discord.com/api/users/@me":             `"global_name":"Alice M`,
		"graph.facebook.com/v19.0/me":           `"email":"alice@example.com"`,
	} {
		req := r.request(http.MethodGet, "/at/"+address, nil)
		req.Header.Set("Authorization", "token "+form.Get("access_token"))
		if res := r.send(req); !strings.Contains(res.body, want) {
			t.Errorf("%s: %s", address, res.body)
		}
	}
}

func TestMapped_CognitoGrantsAllScopesIfTheAppNamesNone(t *testing.T) {
	const domain = "shop.auth.eu-west-1.amazoncognito.com"
	for address, want := range map[string]bool{domain + "/login": true, "shop.auth0.com/authorize": false} {
		r := mappedRig(t)
		code, _ := r.signInAt(address, "https://shop.example.com/", "response_type", "code", "scope", "")
		form := url.Values{"grant_type": {"authorization_code"}, "client_id": {"their-client"}, "client_secret": {"x"}, "code": {code}, "redirect_uri": {"https://shop.example.com/"}}
		if res := r.post("/at/"+domain+"/oauth2/token", form); strings.Contains(res.body, `"id_token"`) != want {
			t.Errorf("%s: %s", address, res.body)
		}
	}
}

func TestMapped_TakesRequestsAsOtherProvidersDo(t *testing.T) {
	r := mappedRig(t)
	code, _ := r.signInAt("shop.auth0.com/authorize", "https://shop.example.com/", "response_type", "code")
	req := r.request(http.MethodPost, "/at/shop.auth0.com/oauth/token", nil)
	body := `{"grant_type":"authorization_code","client_id":"their-client","client_secret":"x","code":"` + code + `","redirect_uri":"https://shop.example.com/"}`
	json, err := http.NewRequestWithContext(req.Context(), http.MethodPost, req.URL.String(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	json.Header.Set("Content-Type", "application/json")
	if res := r.send(json); res.StatusCode != http.StatusOK {
		t.Errorf("JSON: %s", res.body)
	}
	// The shim had the browser return to the page, while the app still has the address of its deployment.
	code, _ = r.signInAt("shop.auth.eu-west-1.amazoncognito.com/oauth2/authorize", "http://localhost:8501/shop/", "response_type", "code")
	twice := r.request(http.MethodPost, "/at/shop.auth.eu-west-1.amazoncognito.com/oauth2/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {"their-client"}, "client_secret": {"x"}, "code": {code}, "redirect_uri": {"https://shop.example.com/"}})
	twice.SetBasicAuth("their-client", "x")
	if res := r.send(twice); res.StatusCode != http.StatusOK {
		t.Errorf("a secret that is sent twice: %s", res.body)
	}
}

func TestMapped_LogoutsOfOtherProvidersLeadToThePage(t *testing.T) {
	for _, address := range []string{
		"shop.auth.eu-west-1.amazoncognito.com/logout?client_id=their-client&logout_uri=", "shop.auth0.com/v2/logout?client_id=their-client&returnTo=",
		"login.microsoftonline.com/t/oauth2/v2.0/logout?post_logout_redirect_uri=", "dev-1.okta.com/oauth2/v1/logout?post_logout_redirect_uri=",
	} {
		r := mappedRig(t)
		if to := r.get("/at/" + address + url.QueryEscape("https://shop.example.com/bye")).Header.Get("Location"); to != "http://localhost:8501/shop/bye" {
			t.Errorf("%s leads to %q", address, to)
		}
	}
}

func TestMapped_CertificatesHoldTheSigningKey(t *testing.T) {
	r := mappedRig(t)
	for id, text := range decode[map[string]string](t, []byte(r.get("/at/www.googleapis.com/oauth2/v1/certs").body)) {
		block, _ := pem.Decode([]byte(text))
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		key, err := r.p.keyFor(algRS)
		if own, ok := certificate.PublicKey.(*rsa.PublicKey); err != nil || !ok || id != key.ID || !own.Equal(key.Private.Public().Key) {
			t.Errorf("key %s: %v", id, err)
		}
	}
}

func TestMapped_HasTheDocumentThatMSALAsksFor(t *testing.T) {
	r := mappedRig(t)
	if res := r.get("/at/login.microsoftonline.com/common/discovery/instance?api-version=1.1"); decode[map[string]any](t, []byte(res.body))["metadata"] == nil {
		t.Errorf("%s", res.body)
	}
}

func TestMapped_IsOffWithoutSettings(t *testing.T) {
	r := newRig(t)
	if res := r.get("/at/accounts.google.com/o/oauth2/v2/auth?client_id=x"); res.StatusCode != http.StatusNotFound {
		t.Errorf("%s", res.Status)
	}
	if res := r.authorize(asked("client_id", "their-client")); !strings.Contains(res.body, "not registered") {
		t.Errorf("a client that nobody knows: %s", res.Status)
	}
}

// No address that a page can send the browser to may lead it away from this machine, and registered clients keep their
// exact addresses.
func TestMapped_RedirectsStayOnThisMachine(t *testing.T) {
	c := dev.Client{Page: "http://localhost:8501", RedirectURIs: []string{"http://localhost:8501/cb"}}
	for uri, want := range map[string]string{
		"https://evil.example/x?y=z":   "http://localhost:8501/x?y=z",
		"https://evil.example":         "http://localhost:8501/",
		"http://localhost:8501/cb":     "http://localhost:8501/cb",
		"http://localhost:9999/x":      "http://localhost:8501/x",
		"https://u:p@evil.example//e/": "http://localhost:8501//e/",
	} {
		if got := returnAddress(c, uri); got != want {
			t.Errorf("%s leads to %s, want %s", uri, got, want)
		}
	}
	for _, uri := range []string{"javascript:alert(1)", "/x", "", "https://evil.example/#x", "data:text/html,x"} {
		if leadsToPage(c, uri) {
			t.Errorf("%s is accepted", uri)
		}
	}
	r := mappedRig(t)
	if res := r.authorize(asked("redirect_uri", "https://evil.example/")); !strings.Contains(res.body, "not registered") {
		t.Errorf("a registered client returns to an address that it has not registered: %s", res.Header.Get("Location"))
	}
}

func TestUnmapped_RequestsAreCountedAndWarnedAboutOnce(t *testing.T) {
	r := mappedRig(t)
	report := func(body, contentType string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.p.cfg.Issuer+"/unmapped", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", contentType)
		return r.send(req).StatusCode
	}
	for range 3 {
		if got := report(`{"address":"https://login.live.com/x?code=secret"}`, "application/json"); got != http.StatusNoContent {
			t.Errorf("status %d", got)
		}
	}
	if report(`{"address":"https://a.example"}`, "text/plain") == http.StatusNoContent || report(`{}`, "application/json") == http.StatusNoContent {
		t.Error("a page of another origin, or nothing, is counted")
	}
	r.get("/at/shop.auth0.com/api/v2/users")
	s := r.do(Command{Do: DoState})
	want := []Unmapped{{"https://login.live.com/x", 3}, {"https://shop.auth0.com/api/v2/users", 1}}
	if len(s.Unmapped) != 2 || s.Unmapped[0] != want[0] || s.Unmapped[1] != want[1] {
		t.Errorf("%+v", s.Unmapped)
	}
	warnings := 0
	for _, e := range r.told() {
		if w, ok := e.(dev.Warning); ok && w.Code == dev.CodeAuthUnmapped {
			warnings++
			if strings.Contains(w.Message, "secret") || w.Hint == "" {
				t.Errorf("%+v", w)
			}
		}
	}
	if warnings != 2 {
		t.Errorf("%d warnings", warnings)
	}
}

func TestMapped_TheSignInPageNamesThePageOfThisMachine(t *testing.T) {
	r := mappedRig(t)
	for redirect, want := range map[string][]string{
		"https://shop.example.com/shop/cb": {"<dt>Returns to</dt><dd><code>http://localhost:8501/shop/cb</code>", "<dt>Instead of</dt><dd><code>https://shop.example.com/shop/cb</code>"},
		"http://localhost:8501/shop":       {"<dt>Returns to</dt><dd><code>http://localhost:8501/shop</code>"},
	} {
		q := url.Values{"client_id": {"their-client"}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"openid"}, "state": {"s"}}
		page := r.get("/at/accounts.google.com/o/oauth2/v2/auth?" + q.Encode()).body
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("for %s the page lacks %s", redirect, text)
			}
		}
		if strings.Contains(page, "Instead of") != (len(want) > 1) {
			t.Errorf("for %s: %s", redirect, page)
		}
	}
}
