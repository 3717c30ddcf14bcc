package oidc

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func (r *rig) register(metadata string) reply {
	r.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, r.p.cfg.Issuer+"/register", strings.NewReader(metadata))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	return r.send(req)
}

func TestRegister_MakesAClientThatOutlivesTheProvider(t *testing.T) {
	r := newRig(t, func(c *Config) { c.State = t.TempDir() })
	res := r.register(`{"redirect_uris":["` + appURL + `"],"client_name":"Mine","unknown":"is ignored"}`)
	m := decode[metadata](t, []byte(res.body))
	if res.StatusCode != http.StatusCreated || m.ID == "" || m.Secret == "" || m.Expires == nil || *m.Expires != 0 || m.Auth != "client_secret_basic" {
		t.Fatalf("%s %s", res.Status, res.body)
	}
	r.open(r.p.cfg)
	back := r.sentBack(r.pick(r.authorize(asked("client_id", m.ID)), "pick", "alice@example.com"))
	form := with(url.Values{}, "grant_type", "authorization_code", "code", back.Get("code"), "redirect_uri", appURL, "code_verifier", verifier)
	req := r.request(http.MethodPost, "/token", form)
	req.SetBasicAuth(m.ID, m.Secret)
	if c := r.claimsOf(r.read(r.send(req)).IDToken); c["aud"] != m.ID {
		t.Errorf("%v", c)
	}
}

func TestRegister_TakesNothingThatAForeignPageCanSend(t *testing.T) {
	r := newRig(t)
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded"} {
		req := r.request(http.MethodPost, "/register", nil)
		req.Header.Set("Content-Type", kind)
		r.refused(r.send(req), http.StatusBadRequest, "invalid_request", "application/json")
	}
}

func TestRegister_PublicClientHasNoSecret(t *testing.T) {
	r := newRig(t)
	m := decode[metadata](t, []byte(r.register(`{"redirect_uris":["http://127.0.0.1:9/cb"],"token_endpoint_auth_method":"none"}`).body))
	if m.ID == "" || m.Secret != "" || m.Expires != nil {
		t.Errorf("%+v", m)
	}
}

func TestRegister_RefusesWhatItCannotGive(t *testing.T) {
	const here = `"redirect_uris":["http://localhost:8501/"]`
	r := newRig(t)
	for metadata, code := range map[string]string{
		``:                "invalid_client_metadata",
		`[]`:              "invalid_client_metadata",
		`{"redirect_uris`: "invalid_client_metadata",
		`{}`:              "invalid_redirect_uri",
		`{"redirect_uris":["https://app.example.com/cb"]}`:                     "invalid_redirect_uri",
		`{"redirect_uris":["http://localhost.evil.example/cb"]}`:               "invalid_redirect_uri",
		`{"redirect_uris":["http://localhost@evil.example/cb"]}`:               "invalid_redirect_uri",
		`{"redirect_uris":["javascript:alert(1)"]}`:                            "invalid_redirect_uri",
		`{` + here + `,"post_logout_redirect_uris":["https://evil.example/"]}`: "invalid_redirect_uri",
		`{` + here + `,"backchannel_logout_uri":"http://169.254.169.254/"}`:    "invalid_client_metadata",
		`{` + here + `,"token_endpoint_auth_method":"tls_client_auth"}`:        "invalid_client_metadata",
		`{` + here + `,"token_endpoint_auth_method":"private_key_jwt"}`:        "invalid_client_metadata",
		`{` + here + `,"jwks_uri":"http://localhost/jwks"}`:                    "invalid_client_metadata",
		`{` + here + `,"grant_types":["password"]}`:                            "invalid_client_metadata",
		`{` + here + `,"response_types":["token"]}`:                            "invalid_client_metadata",
		`{` + here + `,"id_token_signed_response_alg":"HS256"}`:                "invalid_client_metadata",
		`{` + here + `,"client_name":"` + strings.Repeat("x", maxBody) + `"}`:  "invalid_client_metadata",
	} {
		name, _, _ := strings.Cut(metadata, "xxxx")
		t.Run(name, func(t *testing.T) { r.refused(r.register(metadata), http.StatusBadRequest, code, "") })
	}
}

func TestRegister_TakesNothingThatAForeignPageCouldSendUnasked(t *testing.T) {
	r := newRig(t)
	for _, kind := range []string{"text/plain", "", "application/x-www-form-urlencoded"} {
		req := r.request(http.MethodPost, "/register", nil)
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(`{"redirect_uris":["http://localhost/x"]}`)), -1
		req.Header.Set("Content-Type", kind)
		r.refused(r.send(req), http.StatusBadRequest, "invalid_request", "application/json")
	}
}
