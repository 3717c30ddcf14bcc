//go:build docker

package gateway

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"sdev/dev"
	"sdev/dev/oidc"
)

// attackJS contains the attacks of a hostile page or component.
//
//go:embed testdata/attack.js
var attackJS string

const victimPage = `import streamlit as st
import streamlit.components.v1 as v1
from pathlib import Path
here = Path(__file__).parent / "evil"
st.title("Victim")
st.write("cookies: " + " ".join(sorted(st.context.cookies)))
v1.declare_component("evil", path=str(here))()
if hasattr(st.components, "v2"):
    code = (here / "attack.js").read_text() + "\nexport default function() { window.attack2 = attack }"
    st.components.v2.component("evil2", html="<p>Second version</p>", js=code)(key="evil2")
`

const evilComponent = `<script src="attack.js"></script><script>
parent.postMessage({isStreamlitMessage: true, type: "streamlit:componentReady", apiVersion: 1}, "*")
parent.postMessage({isStreamlitMessage: true, type: "streamlit:setFrameHeight", height: 40}, "*")
</script>`

// hostility is an app that admits every origin, its provider, and hostile pages.
type hostility struct {
	*rig
	p           *page
	app, issuer string
	foreign     string // a page on another port of this machine
	login       dev.LoginSettings
}

func newHostility(t *testing.T, s *server, change func(*Config)) *hostility {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	identity := l.Addr().(*net.TCPAddr).Port
	l.Close()
	h := &hostility{p: newPage(t), issuer: fmt.Sprintf("http://localhost:%d", identity), foreign: evilPage(t)}
	h.rig = newRigAt(t, s.addr, map[string]string{"Home.py": victimPage, "evil/index.html": evilComponent, "evil/attack.js": attackJS}, "", func(c *Config) {
		c.ProviderPort = identity
		change(c)
	})
	s.dir, h.app = h.root, "http://"+h.host
	h.login = aLogin()
	h.login.Issuer, h.login.Clients[0].RedirectURIs = h.issuer, []string{h.app + "/"}
	h.call(Request{Do: DoLogin, Login: &h.login})
	return h
}

// evilPage serves a page of another origin on this machine.
func evilPage(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<body>Foreign page<script>%s</script>", attackJS)
	}))
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
}

// run runs parts of the attack in the open page and returns the outcome of each. attack is the JavaScript expression for
// the attack's function.
func (h *hostility) run(attack, parts string) map[string]string {
	h.t.Helper()
	args, err := json.Marshal(map[string]any{
		"app": h.app, "issuer": h.issuer, "parts": strings.Fields(parts),
		"cookies": []string{cookieOf(h.cookiePrefix(), "form"), cookieOf(h.cookiePrefix(), "session"), "CF_Authorization"},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.p.becomes(`typeof (` + attack + `) === "function"`)
	h.p.becomes(`(() => { window.outcome = ""; (` + attack + `)(` + string(args) + `).then(o => { window.outcome = JSON.stringify(o) }); return true })()`)
	h.p.becomes(`window.outcome !== ""`)
	text, err := chromedp.Run(h.p.ctx, chromedp.Evaluate[string](`window.outcome`))
	if err != nil {
		h.t.Fatal(err)
	}
	out := map[string]string{}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		h.t.Fatalf("%v in %s", err, text)
	}
	return out
}

// cookiePrefix returns the prefix of the provider's cookies.
func (h *hostility) cookiePrefix() string {
	// The names are not secret: they follow from the project's name.
	p, err := oidc.New(oidc.Config{Issuer: h.issuer, Project: "shop", People: h.login.People, Clients: h.login.Clients, Current: h.login.People[0].Email})
	if err != nil {
		h.t.Fatal(err)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, h.authorize(), nil)
	p.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if prefix, ok := strings.CutSuffix(c.Name, "session"); ok {
			return prefix
		}
	}
	h.t.Fatalf("the provider sets no cookie: %d %s", w.Code, w.Body)
	return ""
}

func cookieOf(prefix, what string) string { return prefix + what }

func (h *hostility) authorize(pairs ...string) string {
	q := url.Values{"client_id": {"streamlit"}, "redirect_uri": {h.app + "/"}, "response_type": {"code"}, "scope": {"openid email"}, "state": {"s"}}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return h.issuer + "/authorize?" + q.Encode()
}

// signsIn signs in on the sign-in page.
func (h *hostility) signsIn() {
	h.t.Helper()
	h.p.open(h.authorize("prompt", "login"))
	h.p.becomes(`!!document.querySelector("button[name=pick]")`)
	h.p.becomes(`(() => { document.querySelector("button[name=pick]").click(); return true })()`)
	h.p.becomes(fmt.Sprintf(`location.origin === %q && location.search.includes("code=")`, h.app))
	await(h.rig, func(e dev.AuthLogin) bool { return e.User == "dora@example.com" })
}

// stillSignedIn checks that the browser is still signed in, and not only that the provider has a session.
func (h *hostility) stillSignedIn(after string) {
	h.t.Helper()
	h.p.open(h.authorize("prompt", "none"))
	h.p.becomes(fmt.Sprintf(`location.origin === %q`, h.app))
	if ok, err := h.p.is(`location.search.includes("code=")`); err != nil || !ok {
		h.t.Errorf("after %s: signed out, %v", after, err)
	}
}

func (h *hostility) atHome() {
	h.t.Helper()
	h.p.open(h.app + "/")
	h.p.loads("Victim")
}

// warned checks that the gateway has emitted a warning.
func (h *hostility) warned(code dev.Code, words ...string) {
	h.t.Helper()
	h.call(Request{Do: DoStatus}) // the event loop handles this after all earlier events
	h.events.mu.Lock()
	defer h.events.mu.Unlock()
	if !slices.ContainsFunc(h.events.events, func(e dev.Stamped) bool {
		w, ok := e.Event.(dev.Warning)
		return ok && w.Code == code && !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(w.Message+w.Hint, word) })
	}) {
		h.t.Errorf("no warning %s %q", code, words)
	}
}

const (
	firstVersion  = `[...document.querySelectorAll("iframe")].map(f => f.contentWindow.attack).find(a => a)`
	secondVersion = `window.attack2`
	ofThePage     = `window.attack`
)

// TestBrowser_HostileComponentAndPage attacks an app that admits every origin, and its provider: from a component, with
// each version of Streamlit, and from a page on another port of this machine.
func TestBrowser_HostileComponentAndPage(t *testing.T) {
	s := newServer(t, "1.67.0")
	h := newHostility(t, s, func(*Config) {})
	s.start("STREAMLIT_SERVER_ENABLE_CORS=false", "STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION=false")
	h.atHome()
	h.signsIn()
	refused := func(where string, outcome map[string]string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if outcome[part] != "refused" {
				t.Errorf("%s: %s is %q", where, part, outcome[part])
			}
		}
	}
	components := []struct{ name, attack string }{{"a component", firstVersion}, {"a component of the second version", secondVersion}}
	for _, c := range components {
		h.atHome()
		refused(c.name, h.run(c.attack, "cookies signout read"), "read the provider", "sign in by script", "sign out by script")
		h.stillSignedIn(c.name)
	}
	h.p.open(h.foreign)
	refused("a page", h.run(ofThePage, "cookies signout read app"),
		"read the provider", "sign in by script", "sign out by script", "stream", "stream without an origin", "read the app", "upload", "run a file of the app")
	h.stillSignedIn("a page")
	h.warned(dev.CodeOrigin, h.foreign, "the app in a frame")

	// A full cookie jar may have lost any cookie, but people can still sign in.
	for _, c := range components {
		h.atHome()
		h.run(c.attack, "forge cookies flood")
		h.signsIn()
		h.atHome()
		if forged, err := h.p.is(`/CF_Authorization|sdev_/.test(document.body.innerText)`); err != nil || forged {
			t.Errorf("%s: the app is told by a cookie, %v", c.name, err)
		}
	}
	h.warned(dev.CodeForged, "was dropped")
	h.p.open(h.foreign)
	h.run(ofThePage, "cookies flood")
	h.signsIn()
}

// TestBrowser_ListedPage tests a page of another origin that x-sdev.origins lists, with Streamlit's own checks on.
func TestBrowser_ListedPage(t *testing.T) {
	s := newServer(t, "1.67.0")
	listed := strings.Replace(evilPage(t), "localhost", "portal.localhost", 1)
	h := newHostility(t, s, func(c *Config) { c.Origins = []string{listed} })
	s.start()
	h.atHome()
	h.p.open(listed)
	out := h.run(ofThePage, "app")
	for _, part := range []string{"stream", "read the app"} {
		if !strings.HasPrefix(out[part], "got ") {
			t.Errorf("%s is %q", part, out[part])
		}
	}
	if out["stream without an origin"] != "refused" {
		t.Errorf("a sandboxed frame of it: %q", out["stream without an origin"])
	}
	h.p.becomes(`(() => { const f = document.createElement("iframe"); f.src = "` + h.app + `/?embed=true"; f.id = "app"; document.body.append(f); return true })()`)
	await(h.rig, func(e dev.SessionOpened) bool { return e.Sessions > 0 })
}
