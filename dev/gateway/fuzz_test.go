package gateway

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
)

// FuzzHosts requests any path under any host name: the gateway serves only the app's own names, and redirects only to
// the app.
func FuzzHosts(f *testing.F) {
	for _, host := range []string{"localhost:8501", "LOCALHOST.:8501", "127.0.0.1:8501", "[::1]:8501", "streamlit:1", "evil.example:8501", "localhost:8501@evil.example", "localhost", "[::ffff:127.0.0.1]:8501", ":8501", "127.1:8501", "localhost:08501", "localhost\x00:8501"} {
		f.Add(host, "/First_App?a=1")
	}
	f.Add("127.0.0.1:8501", "//evil.example/")
	f.Add("127.0.0.1:8501", "/\\evil.example")
	f.Add("127.0.0.1:8501", "*")
	f.Add("127.0.0.1:8501", "x:@evil.example")
	h := newHosts(Config{Host: "localhost", Port: 8501, Listen: ":8501", Aliases: []string{"streamlit"}})
	f.Fuzz(func(t *testing.T, host, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		r := &http.Request{Method: http.MethodGet, Host: host, URL: u, RemoteAddr: "172.18.0.1:4000", Header: http.Header{"Accept": {"text/html"}}}
		verdict, to := h.check(r)
		name, port := splitHost(host)
		switch {
		case verdict == serve && name != "streamlit" && (name != "localhost" || port != "8501"):
			t.Fatalf("%q is answered", host)
		case verdict == redirect && (!isLoopback(name) || port != "8501"):
			t.Fatalf("%q is led to the app", host)
		case verdict != redirect:
			return
		}
		if led, err := url.Parse(to); err != nil || led.Host != "localhost:8501" || led.Scheme != "http" || led.User != nil {
			t.Fatalf("%q of %q leads to %q", target, host, to)
		}
	})
}

// FuzzOrigin makes requests from any origin: only the app's own page and listed ones are admitted, and messages about
// others are plain text.
func FuzzOrigin(f *testing.F) {
	for _, origin := range []string{"http://localhost:8501", portal, "null", "", "http://localhost:8501.evil.example", "http://localhost:8501@evil.example", "https://evil.example\r\nX: y", "http://[::1", "\x1b]0;x\x07", "http://a\u202eb"} {
		f.Add(origin, "/_stcore/stream", "cross-site", "websocket", "websocket")
	}
	f.Add("http://localhost:8601", "/callback", "same-site", "navigate", "document")
	f.Add("http://localhost:8501", "/auth/%6cogout", "same-origin", "no-cors", "image")
	f.Fuzz(func(t *testing.T, origin, path, site, mode, dest string) {
		var events recorder
		p := somePages(events.emit)
		r := pageRequest(http.MethodPut, "/", "Origin", origin, "Sec-Fetch-Site", site, "Sec-Fetch-Mode", mode, "Sec-Fetch-Dest", dest)
		r.URL.Path = path
		from, in := p.admit(r)
		own := origin == "http://localhost:8501"
		if in == nil && !own && from != origin || from != "" && !slices.Contains(p.listed, from) {
			t.Fatalf("%q is let in as %q", origin, from)
		}
		if in == nil {
			return
		}
		w := httptest.NewRecorder()
		p.refuse(w, in)
		e := events.events[0].(dev.Warning)
		for _, text := range []string{e.Message, e.Hint, w.Body.String()} {
			if strings.ContainsAny(text, "\x1b\r\x07\u202e") || len(text) > 1000 {
				t.Fatalf("%q appears as %q", origin, text)
			}
		}
	})
}

// FuzzCookies strips cookies from any header: the others stay, in order, and even the most lenient parser finds none of
// the provider's or of an identity proxy's among them.
func FuzzCookies(f *testing.F) {
	for _, line := range []string{"a=1; " + ourCookie + "=s", ourCookie, "__Host-" + ourCookie + "=1", `a="; ` + ourCookie + `=1"`, ";;=;a", "\xa0CF_Authorization\x85=1", "SDEV_0A1B2C3D_FORM=1", "__Host-__Secure-" + ourCookie + "=1"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		h := http.Header{"Cookie": {line}}
		stripCookies(h)
		rest := strings.Split(line, ";")
		for _, left := range h["Cookie"] {
			for pair := range strings.SplitSeq(left, "; ") {
				name, _, _ := strings.Cut(pair, "=")
				if isForeignCookie(strings.ToLower(strings.Trim(name, " \t\""))) {
					t.Fatalf("%q comes through in %q", pair, line)
				}
				at := slices.IndexFunc(rest, func(s string) bool { return strings.TrimSpace(s) == pair })
				if at < 0 {
					t.Fatalf("%q was not in %q", pair, line)
				}
				rest = rest[at+1:]
			}
		}
		out := http.Header{"Set-Cookie": {line}}
		if dropProviderCookies(out); len(out["Set-Cookie"]) == 1 && strings.HasPrefix(out.Get("Set-Cookie"), "sdev_0a1b2c3d_") {
			t.Fatalf("the app sets %q", line)
		}
	})
}

// FuzzHeaders spells a header's name in other ways: the filter treats all of them alike.
func FuzzHeaders(f *testing.F) {
	for _, name := range []string{"X-Amzn-Oidc-Data", "remote_user", "X-Forwarded", "User-Agent", "x--user", "É-user"} {
		f.Add(name)
	}
	forged := newIdentityFilter(Config{}, func(dev.Event) {})
	f.Fuzz(func(t *testing.T, name string) {
		h := http.Header{name: {"mallory"}}
		forged.strip(h, false)
		for _, other := range []string{strings.ReplaceAll(name, "-", "_"), strings.ReplaceAll(name, "_", "-"), strings.ReplaceAll(name, "-", ".")} {
			o := http.Header{other: {"mallory"}}
			if forged.strip(o, false); len(o) != len(h) {
				t.Fatalf("%q and %q are not judged alike", name, other)
			}
		}
	})
}

// sides is a connection to an app: it sends the Reader's bytes and stores the bytes that it receives.
type sides struct {
	io.Reader
	bytes.Buffer
}

func (s *sides) Read(p []byte) (int, error) { return s.Reader.Read(p) }
func (s *sides) Close() error               { return nil }

// FuzzStream passes any bytes in both directions, split anywhere: they arrive unchanged, except for the one request that
// the gateway inserts between two messages.
func FuzzStream(f *testing.F) {
	for _, name := range []string{"158-rerun", "167-rerun", "167-exception", "167-new-session", "167-status"} {
		f.Add(wsFrame(wholeMessage, 0x01020304, string(captured(f, name))), wsFrame(wholeMessage, 0, string(captured(f, name))), 3)
	}
	f.Add(wsFrame(deflated, 1, "abc"), wsFrame(ends, 0, "abc"), 1)
	f.Add(slices.Concat(wsFrame(begins, 1, "\x5a"), wsFrame(ping, 1, "p"), wsFrame(ends, 1, "\x00")), []byte{wholeMessage, 127, 0xff, 0xff}, 2)
	d := newEventLoop(func(string) (dev.Rule, bool) { return dev.Rule{}, false }, nil, io.Discard)
	ctx, cancel := context.WithCancel(context.Background())
	go d.run(ctx)
	f.Cleanup(func() { cancel(); <-d.done })
	up := newUpstream(appAddress{addr: "127.0.0.1:1"}, func(bool) {}, nil)
	f.Fuzz(func(t *testing.T, fromTab, fromApp []byte, size int) {
		size = max(size, 1)
		app := &sides{Reader: bytes.NewReader(fromApp)}
		s := newStream(app, up, d, "a session of the app before", "")
		s.replayDue()
		for piece := range slices.Chunk(fromTab, size) {
			if _, err := s.Write(piece); err != nil {
				t.Fatal(err)
			}
		}
		read, err := io.ReadAll(io.LimitReader(s, int64(len(fromApp))+1))
		if err != nil || !bytes.Equal(read, fromApp) {
			t.Fatalf("the app sent %q, and the tab received %q, %v", fromApp, read, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		put := maskedFrame([]byte("\x5a\x00"))
		if got := app.Bytes(); !bytes.Equal(got, fromTab) && !bytes.Equal(bytes.Replace(got, put, nil, 1), fromTab) {
			t.Fatalf("the tab sent %q, and the app received %q", fromTab, got)
		}
	})
}

// FuzzComponents requests any path: the gateway leads no browser away from the component, and whatever the app would take
// for a component's file has the policy. Only a request with the right key passes by the check of its page.
func FuzzComponents(f *testing.F) {
	for _, target := range []string{
		"/component/a.b/index.html?x=y", "/base/component/a.b/sub/x.html", "/component/a//evil.example/", "//evil.example/component/a/x", "/component/~0123456789abcdef0123456789abcdef/x/y",
		"/component/a/~0123456789abcdef0123456789abcdef/../../x", "/component/%2e%2e/x", "/component/a%2fb/x", `/component/a/\evil`, "/%63omponent/a/x", "/component/a/x:y@z/", "*", "/component/a/~/~report",
	} {
		f.Add(target)
	}
	c := newComponents(Config{Isolate: true, Base: "/base", Port: 8501}, "http://localhost:8501", func() string { return "" }, func(dev.Event) {})
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || u.Host != "" || u.Scheme != "" {
			return
		}
		r := &http.Request{Method: http.MethodGet, Host: "localhost:8501", URL: u, Header: http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Site": {"same-origin"}}}
		w := httptest.NewRecorder()
		if c.hasKey(r) {
			t.Fatalf("%q has a key", target)
		}
		led := c.lead(w, r)
		if path := strings.TrimPrefix(u.Path, "/base"); strings.HasPrefix(path, "/component/") && !isSandboxed(w.Header()) {
			t.Fatalf("%q has no policy", target)
		}
		if !led {
			return
		}
		to, err := (&url.URL{Scheme: "http", Host: r.Host, Path: u.Path, RawPath: u.RawPath}).Parse(w.Header().Get("Location"))
		if err != nil || to.Host != r.Host || to.Scheme != "http" || to.User != nil {
			t.Fatalf("%q leads to %v, %v", target, to, err)
		}
		if strings.Contains(u.EscapedPath(), "/.") { // browsers resolve it before they request it
			return
		}
		again := &http.Request{Method: http.MethodGet, Host: r.Host, URL: to, Header: r.Header}
		if !c.hasKey(again) {
			t.Fatalf("%q leads to %s, which has no key", target, to)
		}
	})
}
