package oidc

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzRegister looks for a client that registers itself and may send people elsewhere.
func FuzzRegister(f *testing.F) {
	f.Add(`{"redirect_uris":["http://localhost:8501/"]}`)
	f.Add(`{"redirect_uris":["http://[::1]:1/"],"token_endpoint_auth_method":"none","grant_types":["refresh_token"]}`)
	f.Add(`{"redirect_uris":["http://localhost@evil.example/","http://localhost#@evil.example"],"jwks":{"keys":[{}]}}`)
	f.Add(`{"redirect_uris":null,"grant_types":[],"backchannel_logout_uri":"http://127.0.0.1\\@evil.example"}`)
	p := lone(f)
	f.Fuzz(func(t *testing.T, body string) {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost:8601/register", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		res := httptest.NewRecorder()
		p.ServeHTTP(res, req)
		if res.Code != http.StatusCreated {
			if res.Code != http.StatusBadRequest {
				t.Fatalf("%d for %q", res.Code, body)
			}
			return
		}
		var m metadata
		if err := json.Unmarshal(res.Body.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		for _, uri := range append(m.Redirects, m.PostLogout...) {
			if !onLoopback(uri) {
				t.Fatalf("%q is registered", uri)
			}
		}
	})
}

// FuzzUserCode types codes into the page for devices.
func FuzzUserCode(f *testing.F) {
	f.Add("BCDF-GHJK")
	f.Add("<script>alert(1)</script>")
	f.Add("\x00\xff")
	p := lone(f)
	f.Fuzz(func(t *testing.T, code string) {
		target := "http://localhost:8601/device?" + url.Values{"user_code": {code}}.Encode()
		res := httptest.NewRecorder()
		p.ServeHTTP(res, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil))
		if res.Code != http.StatusOK && res.Code != http.StatusRequestURITooLong || strings.Contains(res.Body.String(), "<script") {
			t.Fatalf("%d %s for %q", res.Code, res.Body, code)
		}
	})
}
