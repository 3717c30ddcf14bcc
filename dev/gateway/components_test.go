package gateway

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// Headers of requests that Chromium makes for a component. Its sandboxed page names no origin but "null", and no page.
func framed(site string) []string {
	return []string{"Sec-Fetch-Site", site, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}
}

func loads(mode, dest string, more ...string) []string {
	return append([]string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", mode, "Sec-Fetch-Dest", dest}, more...)
}

// isolated is a gateway that isolates components, in front of a fake app below a base path.
func isolated(t *testing.T, base string) *rig {
	t.Helper()
	app := newFakeApp(t)
	app.start()
	return newRigWith(t, app, func(c *Config) { c.Isolate, c.Base = true, base })
}

// lead requests a component's page as the app's page does, and returns the path to which the gateway leads it.
func (r *rig) lead(path string) string {
	r.t.Helper()
	resp, _ := r.get(path, framed("same-origin")...)
	if resp.StatusCode != http.StatusTemporaryRedirect || resp.Header.Get("Cache-Control") != "no-store" {
		r.t.Fatalf("%s: %s %v", path, resp.Status, resp.Header)
	}
	to, err := resp.Request.URL.Parse(resp.Header.Get("Location"))
	if err != nil {
		r.t.Fatal(err)
	}
	return to.RequestURI()
}

func isSandboxed(h http.Header) bool {
	all := strings.Join(h.Values("Content-Security-Policy"), "; ")
	return strings.Contains(all, "sandbox ") && strings.Contains(all, "allow-scripts") && !strings.Contains(all, "allow-same-origin")
}

func TestComponents_AFrameIsLedToAnAddressUnderWhichItGetsItsFiles(t *testing.T) {
	for _, base := range []string{"", "/team/app"} {
		r := isolated(t, base)
		page := r.lead(base + "/component/a.b%20c/sub/index.html?streamlitUrl=x%26y")
		dir := strings.TrimSuffix(page, "sub/index.html?streamlitUrl=x%26y")
		if !strings.HasPrefix(dir, base+"/component/a.b%20c/~") || dir == page {
			t.Fatalf("led to %s", page)
		}
		resp, body := r.get(page, framed("same-origin")...)
		if want := "page " + base + "/component/a.b%20c/sub/index.html?streamlitUrl=x%26y of " + r.host; body != want || !isSandboxed(resp.Header) {
			t.Errorf("the app is asked for %q, want %q; %v", body, want, resp.Header)
		}
		reported := resp.Header.Get("Content-Security-Policy-Report-Only")
		if !strings.Contains(reported, "default-src http://"+r.host+dir+" https:") || !strings.Contains(reported, "report-uri ./../~report") {
			t.Errorf("reports %q", reported)
		}
		for file, header := range map[string][]string{
			"main.js":      loads("no-cors", "script"),
			"module.js":    loads("cors", "script", "Origin", "null"),
			"font.woff2":   loads("cors", "font", "Origin", "null"),
			"data.json":    loads("cors", "empty", "Origin", "null"),
			"inner.html":   loads("navigate", "iframe"),
			"own-page.js":  {"Sec-Fetch-Site", "same-origin", "Origin", "http://" + r.host},
			"old-browsers": nil,
		} {
			resp, body := r.get(dir+file, header...)
			wants := ""
			if strings.Contains(strings.Join(header, " "), "Origin null") {
				wants = "null"
			}
			if body != "page "+base+"/component/a.b%20c/"+file+" of "+r.host || resp.Header.Get("Access-Control-Allow-Origin") != wants ||
				resp.Header.Get("Access-Control-Allow-Credentials") != "" || resp.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" || resp.Header.Get("Vary") != "Origin" || !isSandboxed(resp.Header) {
				t.Errorf("%s: %s %q %v", file, resp.Status, body, resp.Header)
			}
		}
		// A gateway that was restarted has other keys.
		old := strings.Replace(page, dir, base+"/component/a.b%20c/~"+strings.Repeat("0", keyLen)+"/", 1)
		if got := r.lead(old); got != page {
			t.Errorf("%s leads to %s", old, got)
		}
	}
}

func TestComponents_NothingElseIsAnswered(t *testing.T) {
	r := isolated(t, "")
	page := r.lead("/component/a.b/index.html")
	dir := strings.TrimSuffix(page, "index.html")
	other := strings.Replace(dir, "/a.b/", "/a.c/", 1)
	null := []string{"Origin", "null"}
	for name, c := range map[string]struct {
		method, path string
		header       []string
	}{
		"the app":                          {http.MethodGet, "/_stcore/host-config", loads("cors", "empty", null...)},
		"the app, blindly":                 {http.MethodGet, "/_stcore/health", loads("no-cors", "image")},
		"the stream":                       {http.MethodGet, "/_stcore/stream", loads("websocket", "websocket", "Origin", "null", "Upgrade", "websocket")},
		"a stream at its own address":      {http.MethodGet, dir + "_stcore/stream", loads("websocket", "websocket", "Origin", "null", "Upgrade", "websocket")},
		"an upload":                        {http.MethodPut, "/_stcore/upload_file/a/b", loads("cors", "empty", null...)},
		"an upload to its own address":     {http.MethodPut, dir + "x", loads("cors", "empty", null...)},
		"a form to its own address":        {http.MethodPost, dir + "x", loads("navigate", "iframe", null...)},
		"a report that is none":            {http.MethodPut, dir + "~report", loads("cors", "empty", null...)},
		"its files without the key":        {http.MethodGet, "/component/a.b/main.js", loads("cors", "script", null...)},
		"its files with a wrong key":       {http.MethodGet, "/component/a.b/~" + strings.Repeat("0", keyLen) + "/main.js", loads("cors", "script", null...)},
		"files of another component":       {http.MethodGet, other + "main.js", loads("cors", "script", null...)},
		"a file of the second version":     {http.MethodGet, "/_stcore/bidi-components/a.b/main.js", loads("cors", "script", null...)},
		"its files, by a foreign page":     {http.MethodGet, dir + "main.js", loads("cors", "script", "Origin", "https://evil.example")},
		"its key in the name of a sibling": {http.MethodGet, strings.Replace(dir, "/component/", "/x/", 1) + "main.js", loads("cors", "script", null...)},
	} {
		resp, err := http.DefaultTransport.RoundTrip(r.request(c.method, c.path, nil, c.header...))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden || resp.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %s %v", name, resp.Status, resp.Header)
		}
	}
	if _, body := r.get("/_stcore/host-config", loads("cors", "empty", null...)...); !strings.Contains(body, "isolated component") || !strings.Contains(body, "x-sdev.components") {
		t.Errorf("the refusal says %s", body)
	}
	// A frame of a foreign page gets no key, and a policy that hides the page.
	resp, _ := r.get("/component/a.b/index.html", framed("cross-site")...)
	if csp := strings.Join(resp.Header.Values("Content-Security-Policy"), "; "); resp.StatusCode != http.StatusOK || !isSandboxed(resp.Header) || !strings.Contains(csp, "frame-ancestors 'self'") {
		t.Errorf("in a foreign frame: %s %v", resp.Status, resp.Header)
	}
}

// Whatever Streamlit may take for a component's address gets the policy, and the app's own page does not.
func TestComponents_ThePolicyCoversEverySpellingOfTheAddress(t *testing.T) {
	r := isolated(t, "/component/app")
	for path, want := range map[string]bool{
		"/component/app/component/x/index.html": true, "/component/x/index.html": true, "/component/app/%63omponent/x/index.html": true,
		"/component/app/component%2Fx%2Findex.html": true, "//component/x/": true, "/component/app//component//x": true, "/component/app/y/../component/x/": true, "/component/x/../../": true,
		"/component/app/_stcore/bidi-components/x/index.html": true, "/component/app/%5fstcore/bidi-components/x/i.html": true,
		"/component/app/": false, "/component/app/First_App": false, "/component/app/_stcore/health": false, "/component/app/component": false, "/component/app/static/js/index.js": false,
	} {
		resp, _ := r.get(path, "Sec-Fetch-Site", "same-origin")
		if isSandboxed(resp.Header) != want {
			t.Errorf("%s: %v", path, resp.Header.Values("Content-Security-Policy"))
		}
	}
}

func TestComponents_AreTrustedUnlessTheFileSaysOtherwise(t *testing.T) {
	app := newFakeApp(t)
	app.start()
	r := newRig(t, app)
	resp, body := r.get("/component/a.b/index.html", framed("same-origin")...)
	if !strings.HasPrefix(body, "page /component/a.b/index.html of ") || isSandboxed(resp.Header) || resp.Header.Get("Content-Security-Policy-Report-Only") != "" {
		t.Errorf("%q %v", body, resp.Header)
	}
	key := r.gateway.components.keyOf("a.b")
	if resp, _ := r.get("/component/a.b/~"+key+"/main.js", loads("cors", "script", "Origin", "null")...); resp.StatusCode != http.StatusForbidden {
		t.Errorf("with a key: %s", resp.Status)
	}
}

// A component that was trusted before may have left a service worker in the browser, so the first page clears the storage.
func TestComponents_TheFirstPageClearsTheStorage(t *testing.T) {
	r := isolated(t, "")
	page := []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}
	first, _ := r.get("/", page...)
	set := first.Header.Get("Set-Cookie")
	if first.Header.Get("Clear-Site-Data") != `"cache", "storage"` || !strings.Contains(set, "; HttpOnly; SameSite=Strict") {
		t.Fatalf("%v", first.Header)
	}
	mark, _, _ := strings.Cut(set, ";")
	for name, c := range map[string]struct {
		path   string
		header []string
		want   bool
	}{
		"again":                     {"/First_App", append([]string{"Cookie", "a=b; " + mark}, page...), false},
		"a mark of another gateway": {"/", append([]string{"Cookie", mark[:len(mark)-4] + "0000"}, page...), true},
		"a script's request":        {"/_stcore/health", []string{"Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "same-origin"}, false},
		"a component's page":        {"/component/a.b/x.html", framed("same-origin"), false},
	} {
		if resp, _ := r.get(c.path, c.header...); (resp.Header.Get("Clear-Site-Data") != "") != c.want || (resp.Header.Get("Set-Cookie") != "") != c.want {
			t.Errorf("%s: %v", name, resp.Header)
		}
	}
	r.get("/seen", "Cookie", "a=b; "+mark)
	if got := (<-r.app.seen).Get("Cookie"); got != "a=b" {
		t.Errorf("the app sees the cookies %q", got)
	}
}

// strictDoor is a front door that lets only a browser with its cookie pass.
type strictDoor struct{}

func (strictDoor) Admit(w http.ResponseWriter, r *http.Request) (door.Pass, bool) {
	if _, err := r.Cookie("in"); err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return door.Pass{}, false
	}
	return door.Pass{}, true
}

func (strictDoor) ServeHost(http.ResponseWriter, *http.Request)        {}
func (strictDoor) ServeSignIn(http.ResponseWriter, *http.Request) bool { return false }
func (strictDoor) Rotate() error                                       { return nil }

// A browser sends no cookie of the front door's session for the files of a sandboxed page. It has their address only if
// the door has let it pass.
func TestComponents_BehindAFrontDoor(t *testing.T) {
	r := isolated(t, "")
	r.gateway.login.mu.Lock()
	r.gateway.login.front = strictDoor{}
	r.gateway.login.mu.Unlock()
	const path = "/component/a.b/index.html"
	if resp, _ := r.get(path, framed("same-origin")...); resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("Location") != "" {
		t.Errorf("without the cookie: %s %v", resp.Status, resp.Header)
	}
	resp, _ := r.get(path, append(framed("same-origin"), "Cookie", "in=yes")...)
	to, err := resp.Request.URL.Parse(resp.Header.Get("Location"))
	if err != nil || resp.StatusCode != http.StatusTemporaryRedirect {
		t.Fatalf("with the cookie: %s, %v", resp.Status, err)
	}
	if resp, body := r.get(to.Path, loads("cors", "script", "Origin", "null")...); resp.StatusCode != http.StatusOK || !strings.HasPrefix(body, "page "+path) {
		t.Errorf("a file of the component: %s %s", resp.Status, body)
	}
	if resp, _ := r.get("/First_App", "Sec-Fetch-Site", "same-origin"); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("the app: %s", resp.Status)
	}
}

// report sends a report like Chromium's.
func (c *components) report(name, body string) (status int) {
	r := httptest.NewRequest(http.MethodPost, "/component/"+name+"/~"+c.keyOf(name)+"/~report", strings.NewReader(body))
	r.Host = "localhost:8501"
	w := httptest.NewRecorder()
	c.serve(w, r, somePages(nil), http.NotFoundHandler())
	return w.Code
}

func TestComponents_ReportsBecomeOneWarningPerComponent(t *testing.T) {
	blocked := func(uri, how string) string {
		return `{"csp-report":{"document-uri":"http://x/","blocked-uri":"` + uri + `","effective-directive":"` + how + `"}}`
	}
	for name, c := range map[string]struct{ component, uri, want string }{
		"a request":              {"streamlit_oauth.authorize_button", "http://localhost:8501/_stcore/host-config", "component streamlit_oauth.authorize_button requests /_stcore/host-config of the app (connect-src)"},
		"the stream":             {"a.b", "ws://localhost:8501/_stcore/stream", "requests /_stcore/stream of the app"},
		"a frame":                {"a.b", "http://localhost:8501", "component a.b shows a page of the app"},
		"its own by a full path": {"a.b", "http://localhost:8501/component/a.b/x.js", "its own file /component/a.b/x.js by an absolute path"},
		"the provider":           {"a.b", "http://localhost:8601/signin", "requests /signin of the local provider"},
		"a name with escapes":    {"a%1b[2Jb", "http://localhost:8501/%1b[2J", "component ab requests / of the app"},
		"another site":           {"a.b", "http://intranet.example/", ""},
		"the icon of a popup":    {"a.b", "http://localhost:8501/favicon.ico", ""},
		"no address":             {"a.b", "inline", ""},
		"no address at all":      {"a.b", "http://[", ""},
	} {
		var events recorder
		comps := newComponents(Config{Isolate: true}, "http://localhost:8501", func() string { return "http://localhost:8601" }, events.emit)
		for range 3 {
			if status := comps.report(c.component, blocked(c.uri, "connect-src")); status != http.StatusNoContent {
				t.Errorf("%s: %d", name, status)
			}
		}
		if c.want == "" && len(events.events) > 0 || c.want != "" && len(events.events) != 1 {
			t.Fatalf("%s: %+v", name, events.events)
		}
		if c.want == "" {
			continue
		}
		w := events.events[0].(dev.Warning)
		if w.Code != dev.CodeComponent || !strings.Contains(w.Message, c.want) || !strings.Contains(w.Hint, "{components: trust}") {
			t.Errorf("%s: %+v", name, w)
		}
	}
	var events recorder
	comps := newComponents(Config{Isolate: true}, "http://localhost:8501", func() string { return "" }, events.emit)
	for _, body := range []string{"", "[]", `{"csp-report": 1}`, blocked(strings.Repeat("x", reportLimit), "")} {
		if status := comps.report("a.b", body); status != http.StatusBadRequest {
			t.Errorf("%.20q: %d", body, status)
		}
	}
	comps.report("a.b", blocked("http://localhost:8501/"+strings.Repeat("x", 5000), "img-src"))
	if w, ok := events.events[0].(dev.Warning); len(events.events) != 1 || !ok || len(w.Message) > 300 {
		t.Errorf("%+v", events.events)
	}
}
