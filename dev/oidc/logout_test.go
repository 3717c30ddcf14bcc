package oidc

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sdev/dev"
)

func TestEndSession_SignsOutAndGoesBack(t *testing.T) {
	r := newRig(t)
	a := r.tokens("alice@example.com", "scope", "openid email")
	res := r.get("/end_session?" + url.Values{"id_token_hint": {a.IDToken}, "client_id": {"app"}, "post_logout_redirect_uri": {appURL}, "state": {"s"}}.Encode())
	if to := res.Header.Get("Location"); to != appURL+"?state=s" {
		t.Errorf("%s to %q: %s", res.Status, to, res.body)
	}
	events := r.told()
	if last := events[len(events)-1]; last != (dev.AuthLogout{User: "alice@example.com", Client: "app", Reason: "signed out"}) {
		t.Errorf("told %v", last)
	}
	if back := r.sentBack(r.authorize(asked("prompt", "none"))); back.Get("error") != "login_required" {
		t.Errorf("still signed in: %v", back)
	}
	if res := r.post("/userinfo", url.Values{"access_token": {a.AccessToken}}); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("her access token is still good: %s", res.body)
	}
}

func TestEndSession_LeavesWhatMayBeUsedWhileNobodyIsThere(t *testing.T) {
	r := newRig(t)
	a := r.tokens("alice@example.com", "scope", "openid offline_access")
	if res := r.post("/end_session", url.Values{"id_token_hint": {a.IDToken}}); res.StatusCode != http.StatusOK || !strings.Contains(res.body, "Signed out") {
		t.Error(res.Status)
	}
	if res := r.token("grant_type", "refresh_token", "refresh_token", a.RefreshToken); res.StatusCode != http.StatusOK {
		t.Errorf("offline access ended: %s", res.body)
	}
}

func TestEndSession_SendsNobodyWhereItIsNotRegistered(t *testing.T) {
	r := newRig(t)
	token := r.tokens("alice@example.com").IDToken
	for name, c := range map[string]struct {
		query url.Values
		shows string
	}{
		"not registered":  {url.Values{"client_id": {"app"}, "post_logout_redirect_uri": {appHome}}, "differs"},
		"another site":    {url.Values{"id_token_hint": {token}, "post_logout_redirect_uri": {"https://evil.example/"}}, "evil.example was sent"},
		"who is not said": {url.Values{"post_logout_redirect_uri": {appURL}}, "client_id or id_token_hint"},
		"two clients":     {url.Values{"id_token_hint": {token}, "client_id": {"public"}}, "not the client"},
		"unknown client":  {url.Values{"client_id": {"nobody"}}, "the client nobody is not registered"},
		"foreign token":   {url.Values{"id_token_hint": {"e30.e30.e30"}}, "not a token of this provider"},
	} {
		t.Run(name, func(t *testing.T) {
			res := r.get("/end_session?" + c.query.Encode())
			if res.StatusCode != http.StatusBadRequest || res.Header.Get("Location") != "" || !strings.Contains(res.body, c.shows) {
				t.Errorf("%s to %q: %s", res.Status, res.Header.Get("Location"), res.body)
			}
		})
	}
	if s := r.do(Command{Do: DoState}); len(s.SignedIn) != 1 {
		t.Error("a request that was refused signed somebody out")
	}
}

func TestEndSession_TakesATokenThatHasRunOut(t *testing.T) {
	r := newRig(t)
	a := r.tokens("alice@example.com")
	r.later(2 * tokenLifetime)
	res := r.get("/end_session?" + url.Values{"id_token_hint": {a.IDToken}, "post_logout_redirect_uri": {appURL}}.Encode())
	if res.Header.Get("Location") != appURL {
		t.Errorf("%s: %s", res.Status, res.body)
	}
}

func TestEndSession_SpeaksCognito(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Profile = "cognito" })
	r.signIn("alice@example.com")
	if res := r.get("/logout?client_id=app&post_logout_redirect_uri=" + url.QueryEscape(appURL)); res.StatusCode != http.StatusBadRequest || !strings.Contains(res.body, "logout_uri") {
		t.Errorf("%s: %s", res.Status, res.body)
	}
	if res := r.get("/logout?client_id=app&logout_uri=" + url.QueryEscape(appHome)); res.StatusCode != http.StatusBadRequest {
		t.Error(res.Status)
	}
	if res := r.clicked("/logout?client_id=app&logout_uri="+url.QueryEscape(appURL), appHome); res.Header.Get("Location") != appURL {
		t.Errorf("%s: %s", res.Status, res.body)
	}
	r.signIn("alice@example.com")
	res := r.clicked("/logout?"+with(asked(), "redirect_uri", appURL).Encode(), appHome)
	if to := res.Header.Get("Location"); !strings.HasPrefix(to, "/oauth2/authorize?") {
		t.Fatalf("%s to %q", res.Status, to)
	}
	if page := r.get(res.Header.Get("Location")); page.StatusCode != http.StatusOK || !strings.Contains(page.body, "alice@example.com") {
		t.Errorf("the sign-in does not come again: %s", page.Status)
	}
	if res := r.get("/logout?redirect_uri=https://evil.example/&response_type=code&client_id=app"); res.StatusCode != http.StatusBadRequest {
		t.Error(res.Status)
	}
}

// clicked follows a link of a page, as a browser does when somebody clicks on it.
func (r *rig) clicked(path, page string) reply {
	return r.led(path, "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-User", "?1", "Referer", page)
}

// led asks with what a browser says of the request, as pairs.
func (r *rig) led(path string, header ...string) reply {
	r.t.Helper()
	req := r.request(http.MethodGet, path, nil)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return r.send(req)
}

func (r *rig) signedIn() []string {
	r.t.Helper()
	return r.do(Command{Do: DoState}).SignedIn
}

// inPassing are the ways of a page to ask without leading anybody there.
func inPassing() map[string][]string {
	said := func(site, mode, dest string) []string {
		return []string{"Sec-Fetch-Site", site, "Sec-Fetch-Mode", mode, "Sec-Fetch-Dest", dest, "Referer", appHome}
	}
	return map[string][]string{
		"an image":                  said("same-site", "no-cors", "image"),
		"an image of another site":  said("cross-site", "no-cors", "image"),
		"a script":                  said("same-site", "no-cors", "script"),
		"a fetch":                   said("same-site", "no-cors", "empty"),
		"a fetch that wants to see": said("same-site", "cors", "empty"),
		"a page made ahead":         append(said("same-site", "navigate", "document"), "Sec-Purpose", "prefetch;prerender"),
		"an old browser's prefetch": {"Purpose", "prefetch", "Accept", "text/html"},
		"an old browser's image":    {"Accept", "image/avif,image/webp,*/*;q=0.8", "Referer", appHome},
	}
}

func TestEndSession_NobodyIsSignedOutInPassing(t *testing.T) {
	r := newRig(t)
	token := r.tokens("alice@example.com").IDToken
	ways := inPassing()
	ways["a frame"] = []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}
	for name, header := range ways {
		for _, query := range []string{"", "?client_id=app&post_logout_redirect_uri=" + url.QueryEscape(appURL), "?id_token_hint=" + token} {
			if res := r.led("/end_session"+query, header...); res.StatusCode != http.StatusForbidden || res.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s, %.20q: %s", name, query, res.Status)
			}
		}
	}
	if s := r.signedIn(); len(s) != 1 {
		t.Errorf("signed in: %v", s)
	}
}

func TestEndSession_AsksWhoShowsNoTokenOfTheirs(t *testing.T) {
	r := newRig(t)
	bobs := r.tokens("bob@example.com").IDToken
	r.tokens("alice@example.com", "prompt", "login")
	back := "client_id=app&state=s&post_logout_redirect_uri=" + url.QueryEscape(appURL)
	var asks reply
	for name, query := range map[string]string{"nothing": "", "the client": back, "a token of somebody else": "id_token_hint=" + bobs} {
		asks = r.get("/end_session?" + query)
		if asks.StatusCode != http.StatusOK || !strings.Contains(asks.body, "Sign out?") || !strings.Contains(asks.body, "alice@example.com") || asks.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %s %s", name, asks.Status, asks.body)
		}
	}
	asks = r.get("/end_session?" + back)
	form := hidden(asks.body)
	for name, change := range map[string]func(*http.Request){
		"the app":        func(q *http.Request) { q.Header.Set("Sec-Fetch-Site", "same-site") },
		"another origin": func(q *http.Request) { q.Header.Set("Origin", "http://localhost:8501") },
	} {
		req := r.request(http.MethodPost, "/signout", form)
		if change(req); r.send(req).StatusCode != http.StatusForbidden {
			t.Errorf("%s answers in her place", name)
		}
	}
	for name, other := range map[string]url.Values{
		"another request": {"csrf": form["csrf"], "request": {"/end_session?client_id=public"}},
		"another form":    {"csrf": hidden(r.authorize(asked("prompt", "login")).body)["csrf"], "request": form["request"]},
		"no token":        {"request": form["request"]},
	} {
		if res := r.post("/signout", other); res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", name, res.Status)
		}
	}
	if s := r.signedIn(); len(s) != 1 || s[0] != "alice@example.com" {
		t.Fatalf("signed in: %v", s)
	}
	if res := r.post("/signout", form); res.Header.Get("Location") != appURL+"?state=s" || res.StatusCode != http.StatusSeeOther {
		t.Errorf("%s to %q: %s", res.Status, res.Header.Get("Location"), res.body)
	}
	if s := r.signedIn(); len(s) != 0 {
		t.Errorf("signed in: %v", s)
	}
	// With nobody there nobody is asked.
	if res := r.get("/end_session?" + back); res.Header.Get("Location") != appURL+"?state=s" {
		t.Errorf("%s to %q", res.Status, res.Header.Get("Location"))
	}
}

func TestEndSession_ATokenOfAnEarlierLoginIsHersAsWell(t *testing.T) {
	r := newRig(t)
	token := r.tokens("alice@example.com").IDToken
	r.tokens("bob@example.com", "prompt", "login")
	r.tokens("alice@example.com", "prompt", "login")
	if res := r.get("/end_session?id_token_hint=" + token); !strings.Contains(res.body, "Signed out") || len(r.signedIn()) != 0 {
		t.Errorf("%s %s", res.Status, res.body)
	}
}

func TestEndSession_OfCognitoAsksWhereNobodyClickedInTheApp(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Profile = "cognito" })
	r.signIn("alice@example.com")
	out, again := "/logout?client_id=app&logout_uri="+url.QueryEscape(appURL), "/logout?"+asked().Encode()
	led := []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}
	for name, res := range map[string]reply{
		"a program":             r.get(out),
		"another page's link":   r.clicked(out, "http://localhost:9000/"),
		"a link without a page": r.clicked(out, ""),
		"a script of the app":   r.led(out, append(led, "Referer", appHome)...),
		"to sign in again":      r.led(again, append(led, "Referer", appHome)...),
	} {
		if res.StatusCode != http.StatusOK || !strings.Contains(res.body, "Sign out?") {
			t.Errorf("%s: %s %s", name, res.Status, res.body)
		}
	}
	for name, header := range inPassing() {
		if res := r.led(out, header...); res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", name, res.Status)
		}
	}
	if len(r.signedIn()) != 1 {
		t.Fatal("she is signed out")
	}
	form := hidden(r.get(again).body)
	if res := r.post("/signout", form); !strings.HasPrefix(res.Header.Get("Location"), "/oauth2/authorize?") || !strings.Contains(res.Header.Get("Location"), "state=the-state") {
		t.Errorf("%s to %q", res.Status, res.Header.Get("Location"))
	}
	if len(r.signedIn()) != 0 {
		t.Error("she is still signed in")
	}
}

func TestHome_SignsOutWithOneClick(t *testing.T) {
	r := newRig(t)
	r.signIn("alice@example.com")
	if res := r.post("/signout", hidden(r.get("/").body)); res.StatusCode != http.StatusOK || !strings.Contains(res.body, "Signed out") || len(r.signedIn()) != 0 {
		t.Errorf("%s %s", res.Status, res.body)
	}
}
