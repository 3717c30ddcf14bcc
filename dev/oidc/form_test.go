package oidc

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"
)

// plant sets cookies as a script on another port of the host does, which ports do not keep apart.
func (r *rig) plant(cookies ...*http.Cookie) {
	r.t.Helper()
	at, err := url.Parse("http://localhost:8501/signin/x")
	if err != nil {
		r.t.Fatal(err)
	}
	r.browser.Jar.SetCookies(at, cookies)
}

// junk are cookies of a name that come before the provider's own, and behind them.
func junk(name string) []*http.Cookie {
	var out []*http.Cookie
	for _, path := range []string{"/", "/signin", "/authorize", "/end_session", "/signout", "/device"} {
		out = append(out, &http.Cookie{Name: name, Value: "junk-" + strings.Repeat("x", 32), Path: path})
	}
	return out
}

func TestSignIn_NoCookieOfAnotherPageIsInTheWay(t *testing.T) {
	for name, plant := range map[string]func(*rig){
		"of the form's old name": func(r *rig) { r.plant(junk(r.p.cookie("form"))...) },
		"of the session's name":  func(r *rig) { r.plant(junk(r.p.cookie("session"))...) },
		"so many that all go": func(r *rig) {
			jar, err := cookiejar.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			r.browser.Jar = jar
			for i := range 180 { // what Chromium keeps of a host
				r.plant(&http.Cookie{Name: fmt.Sprint("c", i), Value: strings.Repeat("x", 4000), Path: "/"})
			}
		},
		"none at all": func(r *rig) { r.browser.Jar = nil },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			plant(r)
			page := r.authorize(asked())
			plant(r)
			back := r.sentBack(r.pick(page, "pick", "alice@example.com"))
			if a := r.read(r.redeem(back.Get("code"))); r.claimsOf(a.IDToken)["email"] != "alice@example.com" {
				t.Errorf("no login: %v", back)
			}
		})
	}
}

func TestSession_IsFoundAmongCookiesOfTheName(t *testing.T) {
	r := newRig(t)
	for _, c := range junk(r.p.cookie("session"))[1:] {
		r.plant(c) // before her own, for longer paths come first
	}
	token := r.tokens("alice@example.com").IDToken
	if back := r.sentBack(r.authorize(asked("prompt", "none"))); back.Get("code") == "" {
		t.Errorf("she is signed out: %v", back)
	}
	req := r.request(http.MethodGet, "/authorize?"+asked("prompt", "none").Encode(), nil)
	own := r.browser.Jar.Cookies(req.URL)
	r.browser.Jar = nil
	for _, c := range append(own, junk(r.p.cookie("session"))...) {
		req.AddCookie(c)
	}
	if back := r.sentBack(r.send(req)); back.Get("code") == "" {
		t.Errorf("with junk behind it: %v", back)
	}
	req = r.request(http.MethodGet, "/end_session?id_token_hint="+token, nil)
	for _, c := range append(junk(r.p.cookie("session")), own...) {
		req.AddCookie(c)
	}
	if res := r.send(req); !strings.Contains(res.body, "Signed out") || len(r.signedIn()) != 0 {
		t.Errorf("%s, signed in %v", res.Status, r.signedIn())
	}
}

func TestForm_TokensAreOfOneFormForSomeHours(t *testing.T) {
	key, now := []byte("a key"), time.Unix(1_800_000_000, 0)
	token := newFormToken(key, now, "/signin", "a=b")
	for name, c := range map[string]struct {
		key         string
		at          time.Time
		token       string
		path, about string
		want        error
	}{
		"at once":         {"a key", now, token, "/signin", "a=b", nil},
		"hours later":     {"a key", now.Add(formLifetime), token, "/signin", "a=b", nil},
		"too late":        {"a key", now.Add(formLifetime + time.Second), token, "/signin", "a=b", errOldForm},
		"before its time": {"a key", now.Add(-time.Hour), token, "/signin", "a=b", errOldForm},
		"another key":     {"b key", now, token, "/signin", "a=b", errForeignForm},
		"another form":    {"a key", now, token, "/signout", "a=b", errForeignForm},
		"another request": {"a key", now, token, "/signin", "a=c", errForeignForm},
		"cut":             {"a key", now, token[:len(token)-2], "/signin", "a=b", errForeignForm},
		"none":            {"a key", now, "", "/signin", "a=b", errForeignForm},
		"no token":        {"a key", now, "%%%", "/signin", "a=b", errForeignForm},
		"another time":    {"a key", now, "A" + token[1:9] + "B" + token[10:], "/signin", "a=b", errForeignForm},
	} {
		if err := checkFormToken([]byte(c.key), c.at, c.token, c.path, c.about); err != c.want { //nolint:errorlint // these are not wrapped
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestForm_IsGoodAfterTheProviderStartedAnew(t *testing.T) {
	r := kept(t)
	page := r.authorize(asked())
	r.open(r.p.cfg)
	if back := r.sentBack(r.pick(page, "pick", "alice@example.com")); back.Get("code") == "" {
		t.Errorf("%v", back)
	}
	page = r.authorize(asked("prompt", "login"))
	r.do(Command{Do: DoRotate})
	if back := r.sentBack(r.pick(page, "pick", "alice@example.com")); back.Get("code") == "" {
		t.Errorf("with new keys: %v", back)
	}
}

func TestAuthorize_NobodyIsSignedInInPassing(t *testing.T) {
	r := newRig(t)
	r.do(Command{Do: DoUse, Email: "alice@example.com"}) // whoever asks is her, without being asked
	for name, header := range inPassing() {
		if res := r.led("/authorize?"+asked().Encode(), header...); res.StatusCode != http.StatusForbidden || res.Header.Get("Location") != "" {
			t.Errorf("%s: %s", name, res.Status)
		}
	}
	if s := r.signedIn(); len(s) != 0 {
		t.Errorf("signed in: %v", s)
	}
	// A frame that nobody sees is how apps renew a login.
	back := r.sentBack(r.led("/authorize?"+asked("prompt", "none").Encode(), "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"))
	if back.Get("code") == "" {
		t.Errorf("in a frame: %v", back)
	}
}

// The gateway takes a form from elsewhere if it is the provider's, which only the browser can say.
func TestFormPost_SaysWhoseItIs(t *testing.T) {
	r := newRig(t)
	res := r.pick(r.authorize(asked("response_mode", "form_post")), "pick", "alice@example.com")
	if got := res.Header.Get("Referrer-Policy"); got != "strict-origin" {
		t.Errorf("Referrer-Policy %q", got)
	}
}

func TestServers_AreNotAskedByPages(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/token", "/par", "/device_authorization", "/introspect", "/revoke", "/userinfo", "/register"} {
		for name, header := range map[string][]string{"a page on another port": {"Sec-Fetch-Site", "same-site"}, "another site": {"Sec-Fetch-Site", "cross-site"}, "an old browser": {"Origin", "http://localhost:8501"}, "a frame": {"Origin", "null"}} {
			req := r.request(http.MethodPost, path, url.Values{"client_id": {"public"}})
			req.Header.Set(header[0], header[1])
			if res := r.send(req); res.StatusCode != http.StatusForbidden {
				t.Errorf("%s of %s: %s", path, name, res.Status)
			}
		}
	}
	if told := len(r.told()); told != 7 {
		t.Errorf("told %d times: %v", told, r.told())
	}
}
