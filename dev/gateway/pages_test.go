package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
)

// pageRequest returns a request for the app, with pairs of header and value; a name may occur twice.
func pageRequest(method, path string, header ...string) *http.Request {
	r := httptest.NewRequest(method, path, nil)
	r.Host = "localhost:8501"
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

const portal = "https://portal.example.com"

func somePages(emit func(dev.Event)) *pages {
	return newPages(Config{Origins: []string{portal, "http://localhost:3000"}}, "http://localhost:8501", func(string, *http.Request) bool { return false }, func() string { return "http://localhost:8601" }, emit)
}

func TestPages_Admit(t *testing.T) {
	const get, put, post, head, options = http.MethodGet, http.MethodPut, http.MethodPost, http.MethodHead, http.MethodOptions
	fetch := func(site, mode, dest string, more ...string) []string {
		return append([]string{"Sec-Fetch-Site", site, "Sec-Fetch-Mode", mode, "Sec-Fetch-Dest", dest}, more...)
	}
	const upload = "/base/_stcore/upload_file/s/1"
	tests := []struct {
		name, method, path string
		header             []string
		from               string // of a listed page
		refused            string // what it requested, in words
	}{
		{"a program", get, "/_stcore/health", nil, "", ""},
		{"a program opens the stream", get, "/_stcore/stream", []string{"Upgrade", "websocket"}, "", ""},
		{"a program uploads", put, upload, nil, "", ""},
		{"node, which says a mode but no site", get, "/", []string{"Sec-Fetch-Mode", "cors"}, "", ""},
		{"somebody types the address", get, "/", fetch("none", "navigate", "document"), "", ""},
		{"the page's stream", get, "/_stcore/stream", []string{"Origin", "http://localhost:8501", "Upgrade", "websocket"}, "", ""},
		{"its script", get, "/static/js/index.js", fetch("same-origin", "cors", "script"), "", ""},
		{"its upload", put, upload, fetch("same-origin", "cors", "empty", "Origin", "http://localhost:8501"), "", ""},
		{"its component", get, "/component/a.b/index.html", fetch("same-origin", "navigate", "iframe"), "", ""},
		{"its logout", get, "/base/auth/logout", fetch("same-origin", "navigate", "document"), "", ""},
		{"its login", get, "/auth/login?provider=x", fetch("same-origin", "navigate", "document"), "", ""},
		{"the provider leads back", get, "/oauth2callback?code=x", fetch("same-site", "navigate", "document"), "", ""},
		{"the provider leads back by a form", post, "/callback", fetch("same-site", "navigate", "document", "Origin", "http://localhost:8601"), "", ""},
		{"the provider leads back in a frame of the app", get, "/callback", fetch("same-site", "navigate", "iframe", "Referer", "http://localhost:8501/"), "", ""},
		{"a link from elsewhere", get, "/First_App", fetch("cross-site", "navigate", "document", "Referer", "https://evil.example/"), "", ""},
		{"a browser that names no page on the way back", get, "/oauth2callback", fetch("same-site", "navigate", "document", "Origin", "null"), "", ""},
		{"a link from elsewhere is looked at", head, "/First_App", fetch("cross-site", "navigate", "document"), "", ""},
		{"the browser of an editor", get, "/", fetch("cross-site", "navigate", "iframe"), "", ""},

		{"a listed page's stream", get, "/_stcore/stream", []string{"Origin", portal, "Upgrade", "websocket"}, portal, ""},
		{"a listed page reads", get, "/_stcore/host-config", fetch("cross-site", "cors", "empty", "Origin", portal), portal, ""},
		{"a listed page asks whether it may", options, upload, fetch("cross-site", "cors", "empty", "Origin", portal), portal, ""},
		{"a listed page shows an image", get, "/media/a.png", fetch("cross-site", "no-cors", "image", "Referer", portal+"/"), portal, ""},
		{"a listed page embeds", get, "/?embed=true", fetch("cross-site", "navigate", "iframe", "Referer", portal+"/"), portal, ""},

		{"a foreign stream", get, "/_stcore/stream", []string{"Origin", "https://evil.example", "Upgrade", "websocket"}, "", "the app's stream"},
		{"another port's stream", get, "/base" + "/_stcore/stream", []string{"Origin", "http://localhost:8601", "Upgrade", "websocket"}, "", "the app's stream"},
		{"the same port of another name", get, "/_stcore/stream", []string{"Origin", "http://127.0.0.1:8501"}, "", "the app's stream"},
		{"a name below localhost", get, "/_stcore/stream", []string{"Origin", "http://evil.localhost:8501"}, "", "the app's stream"},
		{"a sandboxed frame", get, "/_stcore/stream", []string{"Origin", "null"}, "", "the app's stream"},
		{"the app's name by https", get, "/_stcore/stream", []string{"Origin", "https://localhost:8501"}, "", "the app's stream"},
		{"the app's name and more", get, "/_stcore/stream", []string{"Origin", "http://localhost:8501.evil.example"}, "", "the app's stream"},
		{"the app's name as a user", get, "/_stcore/stream", []string{"Origin", "http://localhost:8501@evil.example"}, "", "the app's stream"},
		{"the app's name with a path", get, "/_stcore/stream", []string{"Origin", "http://localhost:8501/"}, "", "the app's stream"},
		{"in capitals", get, "/_stcore/stream", []string{"Origin", "HTTP://LOCALHOST:8501"}, "", "the app's stream"},
		{"an empty origin", get, "/_stcore/stream", []string{"Origin", ""}, "", "the app's stream"},
		{"two origins, the app's first", get, "/_stcore/stream", []string{"Origin", "http://localhost:8501", "Origin", "https://evil.example"}, "", "the app's stream"},
		{"two origins, the app's last", get, "/_stcore/stream", []string{"Origin", "https://evil.example", "Origin", "http://localhost:8501"}, "", "the app's stream"},
		{"a list of origins", get, "/_stcore/stream", []string{"Origin", "http://localhost:8501, " + portal}, "", "the app's stream"},
		{"a page below a listed one", get, "/_stcore/stream", []string{"Origin", "https://evil.portal.example.com"}, "", "the app's stream"},
		{"a listed page by http", get, "/_stcore/stream", []string{"Origin", "http://portal.example.com"}, "", "the app's stream"},
		{"a stream without a name, from elsewhere", get, "/_stcore/stream", fetch("cross-site", "websocket", "websocket", "Upgrade", "websocket"), "", "the app's stream"},
		{"a stream as if somebody were led there", get, "/_stcore/stream", fetch("cross-site", "navigate", "document", "Upgrade", "websocket"), "", "the app's stream"},
		{"a foreign upload", put, upload, fetch("cross-site", "cors", "empty", "Origin", "https://evil.example"), "", "uploads"},
		{"a foreign page asks whether it may", options, upload, []string{"Origin", "https://evil.example", "Access-Control-Request-Method", "PUT"}, "", "uploads"},
		{"a foreign page deletes", http.MethodDelete, upload, []string{"Origin", "null"}, "", "uploads"},
		{"a foreign page reads", get, "/_stcore/metrics", fetch("cross-site", "cors", "empty", "Origin", "https://evil.example"), "", "the app"},
		{"another port reads blindly", get, "/_stcore/health", fetch("same-site", "no-cors", "empty"), "", "the app"},
		{"another port runs a script", get, "/app/static/data.js", fetch("same-site", "no-cors", "script", "Referer", "http://localhost:9000/"), "", "the app"},
		{"another port shows an image", get, "/media/a.png", fetch("same-site", "no-cors", "image"), "", "the app"},
		{"an image by a foreign redirect", get, "/media/a.png", fetch("cross-site", "no-cors", "image", "Referer", "http://localhost:8501/"), "", "the app"},
		{"a foreign form", post, "/", fetch("cross-site", "navigate", "document", "Origin", "https://evil.example"), "", "the app"},
		{"a form without a name", post, "/", fetch("cross-site", "navigate", "document", "Origin", "null"), "", "the app"},
		{"a script of the provider's origin", post, "/callback", fetch("same-site", "cors", "empty", "Origin", "http://localhost:8601"), "", "the app"},
		{"a foreign frame", get, "/", fetch("cross-site", "navigate", "iframe", "Referer", "https://evil.example/"), "", "the app in a frame"},
		{"another port's object", get, "/", fetch("same-site", "navigate", "object", "Referer", "http://localhost:9000/"), "", "the app in a frame"},
		{"a page named stream", get, "/stream", fetch("cross-site", "no-cors", "image"), "", "the app"},
		{"the stream of Streamlit 1.12", get, "/stream", []string{"Upgrade", "websocket", "Origin", "https://evil.example"}, "", "the app's stream"},
		{"two sites", get, "/media/a.png", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Site", "cross-site"}, "", "the app"},

		{"an image signs out", get, "/base/auth/logout", fetch("same-origin", "no-cors", "image"), "", pathLogout},
		{"a frame signs out", get, "/auth/logout", fetch("same-origin", "navigate", "iframe"), "", pathLogout},
		{"a script signs out", get, "/auth/logout", fetch("same-origin", "cors", "empty"), "", pathLogout},
		{"a page that is made ahead signs out", get, "/auth/logout", fetch("same-origin", "navigate", "document", "Sec-Purpose", "prefetch;prerender"), "", pathLogout},
		{"an older browser fetches ahead", get, "/auth/logout", []string{"Purpose", "prefetch", "Accept", "text/html"}, "", pathLogout},
		{"with slashes and dots", get, "//x/../auth/./logout/", fetch("same-origin", "no-cors", "image"), "", pathLogout},
		{"an old browser's image signs out", get, "/auth/logout", []string{"Accept", "image/avif,image/webp,*/*;q=0.8"}, "", pathLogout},
		{"a listed page's image signs out", get, "/auth/logout", fetch("cross-site", "no-cors", "image", "Referer", portal+"/"), "", pathLogout},
		{"another page leads to the logout", get, "/auth/logout", fetch("same-site", "navigate", "document"), "", pathLogout},
		{"a foreign page leads to the login", get, "/auth/login", fetch("cross-site", "navigate", "document"), "", pathLogin},
		{"an image takes a code", get, "/oauth2callback?code=x", fetch("same-origin", "no-cors", "image"), "", pathCallback},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			from, in := somePages(nil).admit(pageRequest(tt.method, tt.path, tt.header...))
			refused := ""
			if in != nil {
				refused = in.what
			}
			if from != tt.from || refused != tt.refused {
				t.Errorf("from %q, refused %q; want from %q, refused %q", from, refused, tt.from, tt.refused)
			}
		})
	}
}

func TestPages_WithoutALoginNoFormComesFromTheProvider(t *testing.T) {
	p := somePages(nil)
	p.issuer = func() string { return "" }
	for _, origin := range []string{"", "http://localhost:8601"} {
		r := pageRequest(http.MethodPost, "/callback", "Origin", origin, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
		if _, in := p.admit(r); in == nil {
			t.Errorf("a form of %q is taken", origin)
		}
	}
}

// A browser in a container of the project's network uses another of the app's names, which the host check has allowed.
// That origin is the app's own as well.
func TestPages_AnotherNameOfTheAppIsItsOwn(t *testing.T) {
	r := pageRequest(http.MethodGet, "/_stcore/stream", "Origin", "http://streamlit:8501")
	r.Host = "Streamlit:8501"
	if _, in := somePages(nil).admit(r); in != nil {
		t.Errorf("refused: %+v", in)
	}
}

func TestPages_SayWhatToDo(t *testing.T) {
	for origin, want := range map[string]string{
		"http://localhost:9000":     `x-sdev: {origins: ["http://localhost:9000"]}`,
		"null":                      "sandboxed frame",
		"":                          "x-sdev.origins",
		"http://a]} #\x1b[2J":       "only http and https pages",
		"moz-extension://a-b":       "only http and https pages",
		strings.Repeat("x", 10_000): "only http and https pages",
	} {
		var events recorder
		p := somePages(events.emit)
		w := httptest.NewRecorder()
		for range 3 {
			p.refuse(w, &foreignRequest{origin: origin, what: "the app's stream"})
		}
		if len(events.events) != 1 {
			t.Fatalf("%.40q: warned %d times", origin, len(events.events))
		}
		e := events.events[0].(dev.Warning)
		if e.Code != dev.CodeOrigin || !strings.Contains(e.Hint+e.Message, want) || !strings.Contains(e.Message, "the app's stream") || strings.ContainsAny(e.Message+e.Hint, "\x1b\n") || len(e.Message+e.Hint) > 600 {
			t.Errorf("%.40q: %+v", origin, e)
		}
		if body := w.Body.String(); w.Code != http.StatusForbidden || !strings.Contains(body, "requested the app's stream") || strings.Contains(body, "\x1b") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%.40q: %d %s", origin, w.Code, body)
		}
	}
}

func TestOnceEmitter_SendsEachKeyOnceUpToALimit(t *testing.T) {
	var events recorder
	once := newOnceEmitter(events.emit)
	for range 2 {
		for i := range 10 * maxKinds {
			once.emitOnce(fmt.Sprint(i), dev.Warning{})
		}
	}
	if n := len(events.events); n != maxKinds {
		t.Errorf("sent %d events", n)
	}
}

// shake makes a WebSocket handshake by hand and returns the response.
func (r *rig) shake(header ...string) *http.Response {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: streamlit\r\n", "/_stcore/stream", r.host)
	for i := 0; i < len(header); i += 2 {
		fmt.Fprintf(conn, "%s: %s\r\n", header[i], header[i+1])
	}
	_, _ = io.WriteString(conn, "\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp
}

func TestGateway_OpensTheStreamOnlyToItsOwnPage(t *testing.T) {
	app := newFakeApp(t)
	app.start()
	r := newRig(t, app)
	for _, origin := range []string{"https://evil.example", "http://localhost:1", "null", "http://" + r.addr} {
		if resp := r.shake("Origin", origin); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", origin, resp.Status)
		}
	}
	// The app itself would admit them, but none has reached it.
	if resp := r.shake("Origin", "http://"+r.host); resp.StatusCode != http.StatusSwitchingProtocols || len(resp.Header["Set-Cookie"]) != 0 {
		t.Errorf("%s %v", resp.Status, resp.Header)
	}
	if got := (<-app.seen).Get("Origin"); got != "http://"+r.host {
		t.Errorf("the app saw a page of %q first", got)
	}
	e := await(r, func(w dev.Warning) bool { return w.Code == dev.CodeOrigin })
	if !strings.Contains(e.Message, "https://evil.example requested the app's stream") {
		t.Errorf("%+v", e)
	}
}

func TestGateway_AdmitsListedPages(t *testing.T) {
	app := newFakeApp(t)
	app.start()
	r := newRigWith(t, app, func(c *Config) { c.Origins = []string{portal} })
	if resp := r.shake("Origin", portal); resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(resp.Status)
	}
	// Streamlit compares Origin with Host, and accepts cookies only from its own origin.
	if got := (<-app.seen).Get("Origin"); got != "http://"+r.host {
		t.Errorf("the app saw a page of %q", got)
	}
	resp, _ := r.get("/seen", "Origin", portal)
	<-app.seen
	for name, want := range map[string]string{"Access-Control-Allow-Origin": portal, "Access-Control-Allow-Credentials": "true", "Vary": "Origin", "Cross-Origin-Resource-Policy": "cross-origin"} {
		if got := resp.Header[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if policy := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "frame-ancestors 'self' ") || !strings.HasSuffix(policy, " "+portal) {
		t.Errorf("frames: %q", policy)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r.request(http.MethodOptions, "/_stcore/upload_file/s/1", nil, "Origin", portal,
		"Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "x-xsrftoken", "Access-Control-Request-Private-Network", "true"))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": portal, "Access-Control-Allow-Methods": "PUT", "Access-Control-Allow-Headers": "x-xsrftoken",
		"Access-Control-Allow-Private-Network": "true", "Access-Control-Allow-Credentials": "true",
	} {
		if got := response.Header.Get(name); response.StatusCode != http.StatusNoContent || got != want {
			t.Errorf("%s, %s: %q, want %q", response.Status, name, got, want)
		}
	}
}

// An app with server.enableCORS=false admits every origin. The gateway does not, not even to responses in the browser's
// cache.
func TestGateway_AdmitsNoOtherOrigin(t *testing.T) {
	app := newFakeApp(t)
	app.start()
	r := newRig(t, app)
	resp, _ := r.get("/seen")
	if h := resp.Header; h.Get("Access-Control-Allow-Origin") != "" || h.Get("Access-Control-Allow-Credentials") != "" || !slices.Equal(h["Cross-Origin-Resource-Policy"], []string{"same-origin"}) {
		t.Errorf("%v", h)
	}
	if policy := resp.Header.Get("Content-Security-Policy"); policy != "frame-ancestors 'self' vscode-webview: vscode-file:" {
		t.Errorf("frames: %q", policy)
	}
	resp, _ = r.get("/seen", "Origin", "https://evil.example")
	if resp.StatusCode != http.StatusForbidden || resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%s %v", resp.Status, resp.Header)
	}
	app.stop()
	if resp, _ = r.get("/", "Accept", "text/html"); !strings.HasPrefix(resp.Header.Get("Content-Security-Policy"), "frame-ancestors 'self'") || len(resp.Header["Content-Security-Policy"]) != 2 {
		t.Errorf("the page that stands in: %v", resp.Header)
	}
}
