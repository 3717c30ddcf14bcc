package door

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"sdev/dev"
)

func TestToken_IsOneThatALibraryVerifies(t *testing.T) {
	for alg, kind := range map[jose.SignatureAlgorithm]KeyKind{jose.ES256: {}, jose.RS256: {RSA: true}} {
		key := load(t, "", counted(kind)).Signing()
		text, err := Token{Header: []byte(`{"alg":"` + string(alg) + `","kid":"k1"}`), Claims: []byte(`{"sub":"1"}`)}.Sign(key)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{alg})
		if err != nil {
			t.Fatal(err)
		}
		if claims, err := parsed.Verify(key.Signer.Public()); err != nil || string(claims) != `{"sub":"1"}` {
			t.Errorf("%s: %s, %v", alg, claims, err)
		}
		padded, err := Token{Header: []byte(`{"alg":"` + string(alg) + `"}`), Claims: []byte(`{}`), Padded: true}.Sign(key)
		if err != nil {
			t.Fatal(err)
		}
		for part := range strings.SplitSeq(padded, ".") {
			if _, err := base64.URLEncoding.Strict().DecodeString(part); err != nil {
				t.Errorf("%s: %s has no padding: %v", alg, part, err)
			}
		}
	}
	if _, err := (Token{}).Sign(Key{}); err == nil {
		t.Error("signed by no key")
	}
}

// answers is a provider whose endpoints answer with this.
func answers(t *testing.T, status int, contentType, body string) Login {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return Login{Client: dev.Client{ID: "door", Secret: "xyzzy"}, Redirect: "http://localhost:8501/back", Authorization: "https://idp.example/start?tenant=a", Token: s.URL + "/secret-path", Userinfo: s.URL + "/u", Scope: []string{"openid", "email"}}
}

func TestLogin_AddressHasWhatTheProtocolNeeds(t *testing.T) {
	l := answers(t, 200, "", "")
	u, err := url.Parse(l.Address("the state", url.Values{"prompt": {"login"}}))
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"tenant": {"a"}, "response_type": {"code"}, "client_id": {"door"}, "redirect_uri": {l.Redirect}, "scope": {"openid email"}, "state": {"the state"}, "prompt": {"login"}}
	if u.Query().Encode() != want.Encode() || u.Host != "idp.example" {
		t.Errorf("%s", u)
	}
}

func TestLogin_ReadsTokens(t *testing.T) {
	l := answers(t, 200, "application/json", `{"access_token":"a","refresh_token":"r","id_token":"i","token_type":"Bearer","expires_in":3600}`)
	got, err := l.Exchange(t.Context(), "code")
	if left := time.Until(got.Expires); err != nil || got.Access != "a" || got.Refresh != "r" || got.ID != "i" || left > time.Hour || left < 59*time.Minute {
		t.Errorf("%+v, %v", got, err)
	}
	kept := answers(t, 200, "application/json", `{"access_token":"b","token_type":"Bearer"}`)
	if got, err := kept.Refresh(t.Context(), "old"); err != nil || got.Refresh != "old" || got.Access != "b" || !got.Expires.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestLogin_TellsARefusalFromNoAnswerAndNamesNoSecret(t *testing.T) {
	const json = "application/json"
	for name, c := range map[string]struct {
		login   Login
		refusal string
	}{
		"refused":        {answers(t, 400, json, `{"error":"invalid_grant","error_description":"xyzzy"}`), "invalid_grant"},
		"no JSON":        {answers(t, 502, "text/html", "<p>xyzzy"), ""},
		"no token":       {answers(t, 200, json, `{"id_token":"xyzzy"}`), ""},
		"cut off":        {answers(t, 200, json, `{"access_token":"xyzzy`), ""},
		"nobody there":   {Login{Token: "http://127.0.0.1:1/xyzzy"}, ""},
		"odd characters": {answers(t, 400, json, `{"error":"a\u001b[2Jb"}`), "a"},
	} {
		_, err := c.login.Exchange(t.Context(), "the-code-xyzzy")
		refused, ok := errors.AsType[*Refusal](err)
		if err == nil || ok != (c.refusal != "") || ok && !strings.HasPrefix(refused.Code, c.refusal) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "xyzzy") || strings.Contains(err.Error(), "\x1b") || strings.Contains(err.Error(), "secret-path")) {
			t.Errorf("%s: %q", name, err)
		}
	}
}

func TestLogin_ClaimsAreAnObjectOfTheRightPerson(t *testing.T) {
	if got, err := answers(t, 200, "application/json", `{"z":1,"a":2}`).Claims(t.Context(), "a"); err != nil || string(got) != `{"z":1,"a":2}` {
		t.Errorf("%s, %v", got, err)
	}
	for name, l := range map[string]Login{
		"a list": answers(t, 200, "", `[1]`), "null": answers(t, 200, "", "null"), "a page": answers(t, 200, "", "<p>"), "refused": answers(t, 401, "", `{}`),
		"a redirect": answers(t, 302, "", `{}`), "nobody there": {Userinfo: "http://127.0.0.1:1/"}, "no address": {Userinfo: ":"},
	} {
		if got, err := l.Claims(t.Context(), "xyzzy"); err == nil || strings.Contains(err.Error(), "xyzzy") {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

func TestRequests_OfScripts(t *testing.T) {
	q := httptest.NewRequest(http.MethodGet, "/", nil)
	if IsXHR(q) {
		t.Error("a page")
	}
	q.Header.Set("X-Requested-With", "XMLHttpRequest")
	if !IsXHR(q) {
		t.Error("a script")
	}
	for origin, want := range map[string]bool{"http://localhost:8501": false, "https://localhost:8501": true, "": false, "https": false} {
		if got := (Config{Origin: origin}).Secure(); got != want {
			t.Errorf("%q: %v", origin, got)
		}
	}
	w := httptest.NewRecorder()
	Refuse(w, 403, "text/plain", "no")
	if w.Code != 403 || w.Body.String() != "no" || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}
