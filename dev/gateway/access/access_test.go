package access

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
	"sdev/dev/oidc"
)

// parts returns a token's header and claims as JSON texts.
func parts(t testing.TB, raw string) (header, claims string) {
	t.Helper()
	all := strings.Split(raw, ".")
	if len(all) != 3 {
		t.Fatalf("no token: %q", raw)
	}
	var out []string
	for _, part := range all[:2] {
		b, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(b))
	}
	return out[0], out[1]
}

func read[T any](t testing.TB, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

func TestLogin_RedirectsToTheTeamAndBack(t *testing.T) {
	r := newRig(t)
	got := r.get("/page?x=1&y=%2F")
	got.want(t, http.StatusFound, "")
	to, err := got.Location()
	if err != nil {
		t.Fatal(err)
	}
	q := to.Query()
	host := strings.TrimPrefix(r.origin, "http://")
	if want := r.issuer + "/cdn-cgi/access/login/" + host; !strings.HasPrefix(to.String(), want+"?kid=") || len(q.Get("kid")) != 64 || q.Get("redirect_url") != "/page?x=1&y=%2F" {
		t.Fatalf("redirected to %s", to)
	}
	_, meta := parts(t, q.Get("meta"))
	m := read[map[string]any](t, meta)
	session := r.cookie(r.origin, "CF_AppSession")
	if m["type"] != "meta" || m["aud"] != q.Get("kid") || m["hostname"] != host || m["app_session_hash"] != hash(session) || session == "" {
		t.Errorf("meta %s", meta)
	}
	page := r.visit(to.String())
	page.want(t, http.StatusOK, "Alice")
	if r.cookie(r.issuer+"/cdn-cgi/access/login", "CF_Session") == "" {
		t.Error("the team's host has set no CF_Session")
	}
	r.pick(page, "pick", alice).want(t, http.StatusOK, "the app")
	if p := r.last(); p.path != "/page" || p.User != alice {
		t.Errorf("the app got %+v", p)
	}
	if n := r.reached(); n != 1 {
		t.Errorf("%d requests reached the app", n)
	}
}

func TestApp_GetsTokenCookieAndEmail(t *testing.T) {
	r := newRig(t, func(c *door.Config) { c.Access.Claims = []string{"hd", "groups", "absent"} })
	r.signIn(alice, "/").want(t, http.StatusOK, "the app")
	p := r.last()
	raw := p.Header.Get("Cf-Access-Jwt-Assertion")
	header, claims := parts(t, raw)
	h := read[map[string]string](t, header)
	if len(h["kid"]) != 64 || header != `{"alg":"RS256","kid":"`+h["kid"]+`","typ":"JWT"}` {
		t.Errorf("header %s", header)
	}
	c := read[map[string]any](t, claims)
	names := "aud email exp iat nbf iss type identity_nonce sub country custom"
	for name := range strings.SplitSeq(names, " ") {
		if _, ok := c[name]; !ok {
			t.Errorf("no claim %s in %s", name, claims)
		}
	}
	if order := orderOf(t, claims); order != names {
		t.Errorf("claims in the order %s", order)
	}
	nonce, _ := c["identity_nonce"].(string)
	aud, _ := c["aud"].([]any)
	if len(aud) != 1 || c["email"] != alice || c["iss"] != "https://shop-team.cloudflareaccess.com" || c["type"] != "app" || len(nonce) != 16 || c["country"] != "US" {
		t.Errorf("claims %s", claims)
	}
	custom := read[struct{ Custom map[string]any }](t, claims).Custom
	if custom["hd"] != "example.com" || len(custom) != 2 {
		t.Errorf("custom %v", custom)
	}
	if p.Header.Get("Cf-Access-Authenticated-User-Email") != alice {
		t.Errorf("headers %v", p.Header)
	}
	cookies := strings.Join(p.Cookies, "; ")
	if !strings.HasPrefix(cookies, "CF_Authorization="+raw+"; CF_AppSession=") || strings.Contains(cookies, "CF_Session") {
		t.Errorf("cookies %s", cookies)
	}
	for name, want := range map[string]string{"Cf-Connecting-Ip": "203.0.113.10", "Cf-Ipcountry": "US", "Cdn-Loop": "cloudflare; loops=1", "Cf-Visitor": `{"scheme":"http"}`} {
		if p.Header.Get(name) != want {
			t.Errorf("%s is %q", name, p.Header.Get(name))
		}
	}
	if ray := p.Header.Get("Cf-Ray"); len(ray) != 20 {
		t.Errorf("Cf-Ray %q", ray)
	}
}

// orderOf returns the names of an object's members in their order.
func orderOf(t testing.TB, text string) string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	var names []string
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
	for dec.More() {
		name, err := dec.Token()
		var value json.RawMessage
		if err == nil {
			err = dec.Decode(&value)
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name.(string))
	}
	return strings.Join(names, " ")
}

func TestToken_IsThatOfTheSignInUntilItExpires(t *testing.T) {
	r := newRig(t)
	r.signIn(alice, "/")
	first := r.last().Header.Get(headerToken)
	r.get("/").want(t, http.StatusOK, "the app")
	if r.last().Header.Get(headerToken) != first {
		t.Error("the token differs from request to request")
	}
	r.clock(23 * time.Hour)
	r.get("/").want(t, http.StatusOK, "the app")
	r.clock(25 * time.Hour)
	r.visit("/").want(t, http.StatusOK, "Alice") // the sign-in page
}

func TestToken_IsReissuedSilentlyWhileTheTeamKnowsThePerson(t *testing.T) {
	r := newRig(t, func(c *door.Config) { c.Access.Session, c.Access.Global = time.Hour, 24*time.Hour })
	r.signIn(alice, "/")
	first := r.last().Header.Get(headerToken)
	r.clock(2 * time.Hour)
	r.get("/_stcore/stream", "Connection", "Upgrade", "Upgrade", "websocket").want(t, http.StatusFound, "")
	r.visit("/page").want(t, http.StatusOK, "the app")
	if again := r.last().Header.Get(headerToken); again == first || r.last().User != alice {
		t.Error("the same token after it expired")
	}
	r.clock(25 * time.Hour)
	r.visit("/page").want(t, http.StatusOK, "Alice")
}

func TestPolicies_MarketingSeesMarketingButNotSales(t *testing.T) {
	r := newRig(t, func(c *door.Config) { c.Policies = departments() })
	r.signIn(alice, "/").want(t, http.StatusOK, "the app")
	root := r.last().Header.Get(headerToken)
	r.visit("/marketing/report").want(t, http.StatusOK, "the app")
	if p := r.last(); p.path != "/marketing/report" || p.Header.Get(headerToken) == root {
		t.Errorf("the application of the path has no token of its own: %+v", p)
	}
	r.visit("/sales/report").want(t, http.StatusForbidden, "does not have access")
	if n := r.reached(); n != 2 {
		t.Errorf("%d requests reached the app", n)
	}
	denied := said[dev.AuthDenied](r)
	if len(denied) != 1 || denied[0].User != alice || !strings.Contains(denied[0].Reason, "compose.yaml:8") {
		t.Errorf("events %+v", denied)
	}
	r.visit("/sales/report").want(t, http.StatusForbidden, "")
	if again := said[dev.AuthDenied](r); len(again) != 0 {
		t.Errorf("reported again: %+v", again)
	}
	// Both tokens are in the browser side by side.
	r.get("/").want(t, http.StatusOK, "the app")
	if r.last().Header.Get(headerToken) != root {
		t.Error("the application of a path replaced the token of the other")
	}
}

func TestRights_AreCheckedWithEachRequest(t *testing.T) {
	r := newRig(t, func(c *door.Config) { c.Policies = departments() })
	r.signIn(alice, "/marketing").want(t, http.StatusOK, "the app")
	changed := people()
	changed[0].Groups = []string{"sales"}
	r.do(oidc.Command{Do: oidc.DoPeople, People: changed})
	got := r.get("/marketing")
	got.want(t, http.StatusForbidden, "permission")
	if !strings.Contains(got.body, "Sign in as somebody else") {
		t.Error("no way out for somebody without access")
	}
}

func TestXHR_IsAnsweredWith401(t *testing.T) {
	r := newRig(t)
	got := r.get("/data", "X-Requested-With", "XMLHttpRequest")
	got.want(t, http.StatusUnauthorized, "")
	if r.reached() != 0 {
		t.Error("the request reached the app")
	}
}

func TestPath_ReachesTheAppAsItCame(t *testing.T) {
	r := newRig(t, func(c *door.Config) { c.Base = "/streamlit" })
	r.signIn(alice, "/streamlit/page").want(t, http.StatusOK, "the app")
	if p := r.last(); p.path != "/streamlit/page" || p.User != alice {
		t.Errorf("the app got %+v", p)
	}
	r.get("/other").want(t, http.StatusOK, "the app") // outside of every application
	if p := r.last(); p.User != "" || p.Header.Get(headerToken) != "" || len(p.Cookies) != 0 {
		t.Errorf("outside of the application the app got %+v", p)
	}
}

func TestLogout_EndsAllApplications(t *testing.T) {
	for _, host := range []string{"app", "team"} {
		t.Run(host, func(t *testing.T) {
			r := newRig(t, func(c *door.Config) { c.Policies = departments() })
			r.signIn(alice, "/")
			r.visit("/marketing").want(t, http.StatusOK, "the app")
			stolen := r.last().Header.Get(headerToken)
			at := r.origin
			if host == "team" {
				at = r.issuer
			}
			r.visit(at+"/cdn-cgi/access/logout").want(t, http.StatusOK, "signed out")
			if out := said[dev.AuthLogout](r); len(out) != 1 || out[0].User != alice {
				t.Errorf("events %+v", out)
			}
			for _, path := range []string{"/", "/marketing"} {
				r.get(path).want(t, http.StatusFound, "")
				r.get(path, headerOwnToken, stolen).want(t, http.StatusFound, "") // it has ended, not only its cookie
			}
			if host == "app" && r.cookie(r.origin+"/marketing", cookieToken) != "" {
				t.Error("a cookie of an application is still there")
			}
			r.visit("/").want(t, http.StatusOK, "Alice")
		})
	}
}

func TestLogout_ReturnsOnlyToTheApp(t *testing.T) {
	r := newRig(t)
	got := r.get(r.issuer + "/cdn-cgi/access/logout?returnTo=" + url.QueryEscape(r.origin+"/bye"))
	if got.Header.Get("Location") != r.origin+"/bye" {
		t.Errorf("returned to %q", got.Header.Get("Location"))
	}
	for _, to := range []string{"https://evil.example", r.origin + ".evil.example/", "//evil.example"} {
		got := r.get(r.issuer + "/cdn-cgi/access/logout?returnTo=" + url.QueryEscape(to))
		got.want(t, http.StatusOK, "signed out")
	}
}

func TestCookies_SurviveARestart(t *testing.T) {
	r := newRig(t)
	r.signIn(alice, "/")
	r.restart()
	r.get("/").want(t, http.StatusOK, "the app")
	if r.last().User != alice {
		t.Error("nobody is signed in after a restart")
	}
}

func TestProgram_SignsInByTheTokenOfAPerson(t *testing.T) {
	r := newRig(t)
	r.signIn(alice, "/")
	raw := r.last().Header.Get(headerToken)
	r.client = r.browser()
	r.get("/", headerOwnToken, raw).want(t, http.StatusOK, "the app")
	if p := r.last(); p.User != alice || len(p.Cookies) != 0 || p.header.Get(headerOwnToken) != "" {
		t.Errorf("the app gets %+v", p)
	}
	r.get("/", headerOwnToken, door.BreakSignature(raw)).want(t, http.StatusFound, "")
	r.get("/", headerToken, raw, headerEmail, alice).want(t, http.StatusFound, "") // what only Access may set
}

func TestState_DamagedOrUnwritable(t *testing.T) {
	r := newRig(t)
	r.signIn(alice, "/")
	file := filepath.Join(r.cfg.State, "door-access-sessions.json")
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.restart()
	r.visit("/").want(t, http.StatusOK, "Alice") // signed out, and no more
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(file, 0o700); err != nil { // cannot be written
		t.Fatal(err)
	}
	r.client = r.browser()
	r.signIn(sam, "/").want(t, http.StatusOK, "the app")
	if warnings := said[dev.Warning](r); len(warnings) != 1 || warnings[0].Code != dev.CodeAuthState || r.last().User != sam {
		t.Errorf("warnings %+v", warnings)
	}
}

func TestState_ForgetsTheOldestSignIns(t *testing.T) {
	s, err := loadIdentities("", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for i := range mostIdentities + 3 {
		if err := s.add(identity{Nonce: strconv.Itoa(i), At: now.Add(time.Duration(i) * time.Second)}); err != nil {
			t.Fatal(err)
		}
		if i < mostIdentities-1 {
			continue
		}
		if _, ok := s.find(strconv.Itoa(i - mostIdentities)); ok || len(s.all) != mostIdentities {
			t.Errorf("%d sign-ins are remembered", len(s.all))
		}
	}
}
