package gateway

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/oidc"
)

// newALBRig is a gateway with a load balancer in front of an app.
func newALBRig(t testing.TB, app *fakeApp) *doorRig {
	t.Helper()
	return newDoorRig(t, app)
}

// newIAPRig is a gateway with Identity-Aware Proxy in front of an app.
func newIAPRig(t testing.TB, app *fakeApp) *doorRig {
	t.Helper()
	return newDoorRig(t, app, func(l *dev.LoginSettings) {
		i := dev.IAP{}.WithDefaults("shop")
		client := dev.Client{ID: i.ClientID(), Secret: "xyzzy", RedirectURIs: []string{l.Issuer + dev.IAPCallback(i.ClientID())}}
		l.Mode, l.Profile, l.Mapped, l.Clients = dev.IAPLogin, "google", &dev.MappedLogin{}, []dev.Client{client}
		l.Door = &dev.FrontDoor{Client: client, Authority: l.Door.Authority, IAP: &i}
	})
}

// requestKinds are the requests that the pages of an app make, as browsers send them.
func requestKinds() map[string]struct {
	line   string // method and path
	header []string
	xhr    bool // it has the mark of XMLHttpRequest libraries
} {
	type kind = struct {
		line   string
		header []string
		xhr    bool
	}
	return map[string]kind{
		"a page":                  {"GET /reports", []string{"Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Accept: text/html"}, false},
		"fetch":                   {"GET /_stcore/host-config", []string{"Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"}, false},
		"XMLHttpRequest":          {"GET /_stcore/host-config", []string{"Sec-Fetch-Mode: cors", "X-Requested-With: XMLHttpRequest"}, true},
		"the health of a tab":     {"GET /_stcore/health", []string{"Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"}, false},
		"a script":                {"GET /static/js/index.js", []string{"Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: script"}, false},
		"a picture":               {"GET /media/0a1b.png", []string{"Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"}, false},
		"a part of a video":       {"GET /media/0a1b.mp4", []string{"Sec-Fetch-Dest: video", "Range: bytes=0-99"}, false},
		"a component's frame":     {"GET /component/my.component/index.html", []string{"Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"}, false},
		"a component's script":    {"GET /component/my.component/main.js", []string{"Sec-Fetch-Dest: script"}, false},
		"a component of kind 2":   {"GET /_stcore/bidi-components/my.component/index.js", []string{"Sec-Fetch-Dest: script"}, false},
		"an upload":               {"PUT /_stcore/upload_file/session/file", []string{"Sec-Fetch-Mode: cors"}, false},
		"an upload with axios":    {"PUT /_stcore/upload_file/session/file", []string{"X-Requested-With: XMLHttpRequest"}, true},
		"the end of an upload":    {"DELETE /_stcore/upload_file/session/file", []string{"Sec-Fetch-Mode: cors"}, false},
		"a file of the app's own": {"GET /app/static/logo.svg", []string{"Sec-Fetch-Dest: image"}, false},
	}
}

// Every request of an app's pages is checked alike, whatever its path. A request of somebody who has not signed in gets a
// redirect, also where a script cannot follow it; only Identity-Aware Proxy and Cloudflare Access know XMLHttpRequest.
func TestDoor_ChecksEveryRequestOfAPage(t *testing.T) {
	for name, c := range map[string]struct {
		rig     func(testing.TB, *fakeApp) *doorRig
		xhr     int    // the answer to XMLHttpRequest without a session
		account string // as the door names her to the app
	}{
		"alb":        {newALBRig, http.StatusFound, oidc.UserinfoClaims("cognito", dev.Person{Email: "dora@example.com"})["sub"].(string)},
		"iap":        {newIAPRig, http.StatusUnauthorized, "accounts.google.com:dora@example.com"},
		"cloudflare": {newAccessRig, http.StatusUnauthorized, "dora@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			app := newFakeApp(t)
			app.start()
			d := c.rig(t, app)
			cookies := d.cookieLine(d.signIn("dora@example.com"))
			for kind, q := range requestKinds() {
				ask := func(cookies string) *http.Response {
					lines := slices.Concat([]string{q.line + " HTTP/1.1", "Host: " + d.host, "Origin: " + d.origin, "Content-Length: 0", "Cookie: " + cookies}, q.header)
					return d.raw(strings.Join(lines, "\r\n") + "\r\n\r\n")
				}
				want := http.StatusFound
				if q.xhr {
					want = c.xhr
				}
				if resp := ask("theme=dark"); resp.StatusCode != want || resp.Header.Get("X-App-Knows") != "" {
					t.Errorf("%s without a session: %s, want %d", kind, resp.Status, want)
				}
				if resp := ask("theme=dark; " + cookies); resp.StatusCode != http.StatusOK || kind != "the health of a tab" && resp.Header.Get("X-App-Knows") != c.account {
					t.Errorf("%s with a session: %s, the app knows %q", kind, resp.Status, resp.Header.Get("X-App-Knows"))
				}
			}
		})
	}
}
