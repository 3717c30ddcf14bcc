package iap

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"sdev/dev/gateway/door"
)

// FuzzAdmit sends requests that no browser of this proxy would send. Without a session of its own, nobody reaches the app
// with an identity, and no answer leads to another host.
func FuzzAdmit(f *testing.F) {
	d := offline(f, policies())
	state := d.request(f, d.resources[0], nil, "/", known)
	w := httptest.NewRecorder()
	d.Admit(w, state)
	location, err := w.Result().Location()
	if err != nil {
		f.Fatal(err)
	}
	token, err := d.keys.Seal(purposeToken, redirectToken{Guest: greta})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("/", "", "", "GET", false)
	f.Add("/_stcore/health", "gcp-iap-mode=AUTHENTICATING&redirect_token_v2="+location.Query().Get("state"), "GCP_IAP_UID=1", "POST", true)
	f.Add("//evil.example", "gcp-iap-mode=CLEAR_LOGIN_COOKIE", d.cookieName(d.resources[0])+"=AAAA", "GET", false)
	f.Add("/_gcp_iap/clear_login_cookie", "gcp-iap-mode=AUTHENTICATING&redirect_token_v2="+token, "GCP_IAP_XSRF_NONCE_=1", "HEAD", true)
	f.Add("/\\evil.example", "gcp-iap-mode=GCIP_SIGNOUT&gcp-iap-mode=IDENTITY", "", "GET", true)
	f.Fuzz(func(t *testing.T, path, query, cookie, method string, guests bool) {
		host := map[bool]string{false: "localhost:8501", true: "guests.localhost:8501"}[guests]
		q := httptest.NewRequest(http.MethodGet, "http://"+host+"/", nil)
		q.Method, q.URL.Path, q.URL.RawQuery = method, "/"+path, query
		q.Header.Set("Cookie", cookie)
		q.Header.Set(door.SourceHeader, known)
		w := httptest.NewRecorder()
		pass, ok := d.Admit(w, q)
		if ok && (pass.User != "" || len(pass.Header) > 0) {
			t.Errorf("%q passed as %q", path, pass.User)
		}
		for _, c := range w.Result().Cookies() {
			if c.Value != "" && c.Name == d.cookieName(d.resources[0]) {
				t.Errorf("a session was started: %v", c)
			}
		}
		if to, err := w.Result().Location(); err == nil && to.Host != host && to.Host != "localhost:8601" {
			t.Errorf("%q leads to %s", path, to)
		}
	})
}
