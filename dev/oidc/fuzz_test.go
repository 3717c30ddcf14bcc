package oidc

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// lone is a provider without a server.
func lone(t testing.TB) *Provider {
	t.Helper()
	p, err := New(Config{Issuer: "http://localhost:8601", Project: "shop", People: people(), Clients: clients()})
	if err != nil {
		t.Fatal(err)
	}
	p.keys = testRing()
	return p
}

// FuzzAuthorize asks the whole endpoint: whatever is sent, nobody ends anywhere but where the client
// is registered, and what was sent is never an element of the page.
func FuzzAuthorize(f *testing.F) {
	f.Add(asked().Encode())
	f.Add(asked("prompt", "none", "max_age", "0", "response_mode", "form_post", "claims", `{"id_token":{"acr":{"values":["a"]}}}`).Encode())
	f.Add("client_id=outside&redirect_uri=http://localhost:1@evil.example/")
	f.Add("client_id=app&client_id=app&redirect_uri=//evil.example")
	f.Add("client_id=<script>")
	f.Add("%zz;;&&==")
	p := lone(f)
	f.Fuzz(func(t *testing.T, query string) {
		req := &http.Request{Method: http.MethodGet, Host: "localhost:8601", URL: &url.URL{Path: "/authorize", RawQuery: query}, Header: http.Header{}}
		res := httptest.NewRecorder()
		p.ServeHTTP(res, req.WithContext(t.Context()))
		if res.Code >= http.StatusInternalServerError {
			t.Fatalf("%d for %q", res.Code, query)
		}
		if to := res.Header().Get("Location"); to != "" && !onLoopback(to) {
			t.Fatalf("%q leads to %q", query, to)
		}
		if strings.Contains(res.Body.String(), "<script") && !strings.Contains(query, "form_post") {
			t.Fatalf("%q puts a script into the page", query)
		}
	})
}

// onLoopback reports whether an address is one that the clients of these tests have.
func onLoopback(to string) bool {
	u, err := url.Parse(to)
	return err == nil && u.Scheme == "http" && u.User == nil && slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname())
}

// FuzzToken sends any form, with any Authorization, to the token endpoint: it always answers in
// JSON, and never with tokens.
func FuzzToken(f *testing.F) {
	f.Add("grant_type=authorization_code&code=x&redirect_uri=y&code_verifier=z", "Basic YXBwOmFwcC1zZWNyZXQ=")
	f.Add("grant_type=refresh_token&refresh_token=x&scope=openid", "")
	f.Add("grant_type=client_credentials&client_id=public", "Bearer x")
	f.Add("client_id=app&client_secret=%00", "basic ")
	f.Add("a=b&a=c", "Basic Og==")
	p := lone(f)
	f.Fuzz(func(t *testing.T, form, authorization string) {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost:8601/token", strings.NewReader(form))
		req.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Authorization": {authorization}}
		res := httptest.NewRecorder()
		p.ServeHTTP(res, req)
		var answer map[string]any
		if res.Code != http.StatusBadRequest && res.Code != http.StatusUnauthorized && res.Code != http.StatusRequestEntityTooLarge || json.Unmarshal(res.Body.Bytes(), &answer) != nil || answer["error"] == "" {
			t.Fatalf("%d %s for %q, %q", res.Code, res.Body, form, authorization)
		}
	})
}

// FuzzCredentials reads an Authorization header back.
func FuzzCredentials(f *testing.F) {
	f.Add("Basic YXBwOmFwcC1zZWNyZXQ=", "client_id=app")
	f.Add("basic YQ", "client_secret=x")
	f.Add("", "client_id=app&client_secret=x")
	f.Fuzz(func(t *testing.T, header, form string) {
		v, err := url.ParseQuery(form)
		if err != nil {
			return
		}
		id, secrets, basic, err := credentials(header, v)
		if err != nil && (id != "" || len(secrets) > 0) {
			t.Fatalf("refused, and yet %q", id)
		}
		if !basic && id != v.Get("client_id") {
			t.Fatalf("%q out of nowhere", id)
		}
	})
}

// FuzzRedirect compares addresses: only what is registered is taken, and the words about the
// difference hold no query.
func FuzzRedirect(f *testing.F) {
	for _, s := range []string{appURL, appURL + "/", "HTTP://LOCALHOST:8501/oauth2callback", "http://[::1", "javascript:alert(1)", "//x", `http://localhost\@evil.example`, "http://localhost:1?a#b"} {
		f.Add(s)
	}
	app, outside := clients()[0], clients()[2]
	f.Fuzz(func(t *testing.T, uri string) {
		if err := checkRedirect(app, uri); (err == nil) != (uri == appURL || uri == appHome) {
			t.Fatalf("%q: %v", uri, err)
		}
		if checkRedirect(outside, uri) == nil && !strings.HasPrefix(strings.ToLower(uri), "http://") {
			t.Fatalf("%q is taken for loopback", uri)
		}
	})
}

// FuzzSignIn sends any form to the sign-in, from a browser that has the page.
func FuzzSignIn(f *testing.F) {
	f.Add("pick=alice%40example.com", asked().Encode())
	f.Add("email=a%40b.c&groups=a,b&claims_json=%7B%7D", asked("prompt", "login").Encode())
	f.Add("deny=1", "client_id=app")
	p := lone(f)
	f.Fuzz(func(t *testing.T, fields, request string) {
		v, err := url.ParseQuery(fields)
		if err != nil {
			return
		}
		v.Set("csrf", newFormToken(p.formKey(), time.Now(), "/signin", request))
		v.Set("request", request)
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost:8601/signin", strings.NewReader(v.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res := httptest.NewRecorder()
		p.ServeHTTP(res, req)
		if res.Code >= http.StatusInternalServerError {
			t.Fatalf("%d for %q, %q", res.Code, fields, request)
		}
		if to := res.Header().Get("Location"); to != "" && !onLoopback(to) {
			t.Fatalf("%q leads to %q", request, to)
		}
	})
}

// FuzzASCII encodes any text so that JSON gives it back.
func FuzzASCII(f *testing.F) {
	f.Add("Müller 🎈 \u2028 </script> \x7f")
	f.Fuzz(func(t *testing.T, s string) {
		b, err := asciiJSON(map[string]string{"k": s})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range b {
			if c > 0x7d || c == '>' || c == '?' {
				t.Fatalf("%q has a byte that the two alphabets differ in", b)
			}
		}
		if got := decode[map[string]string](t, b)["k"]; got != string([]rune(s)) {
			t.Fatalf("%q came back as %q", s, got)
		}
	})
}

// BenchmarkStart is from nothing to the first discovery answer.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		p, err := New(Config{Issuer: "http://localhost:8601", People: people(), Clients: clients()})
		if err != nil {
			b.Fatal(err)
		}
		res := httptest.NewRecorder()
		p.ServeHTTP(res, httptest.NewRequestWithContext(b.Context(), http.MethodGet, "http://localhost:8601/.well-known/openid-configuration", nil))
		if res.Code != http.StatusOK {
			b.Fatal(res.Code)
		}
	}
}

// BenchmarkLogin is a whole login: the page, the pick, and the tokens.
func BenchmarkLogin(b *testing.B) {
	for _, alg := range []string{algRS, algES} {
		for _, where := range []string{"memory", "disk"} {
			b.Run(alg+"/"+where, func(b *testing.B) {
				r := newRig(b, func(c *Config) {
					if c.Alg = alg; where == "disk" {
						c.State = b.TempDir()
					}
				})
				r.tokens("alice@example.com")
				b.ResetTimer()
				for range b.N {
					r.tokens("alice@example.com", "prompt", "login")
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "logins/s")
			})
		}
	}
}

// BenchmarkToken is a request to the token endpoint, without the network.
func BenchmarkToken(b *testing.B) {
	for _, alg := range []string{algRS, algES} {
		b.Run(alg, func(b *testing.B) {
			p := lone(b)
			p.cfg.Alg = alg
			start := time.Now()
			for range b.N {
				req := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "http://localhost:8601/token", strings.NewReader("grant_type=client_credentials"))
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				req.SetBasicAuth("app", appSecret)
				res := httptest.NewRecorder()
				if p.ServeHTTP(res, req); res.Code != http.StatusOK {
					b.Fatal(res.Body)
				}
			}
			b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "tokens/s")
		})
	}
}
