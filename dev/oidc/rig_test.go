package oidc

import (
	"context"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/devtest"
)

const (
	appURL  = "http://localhost:8501/oauth2callback"
	appHome = "http://localhost:8501/"
	// verifier and its challenge are those of RFC 7636, appendix B.
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	appSecret = "app-secret+with/odd%20characters"
)

func people() []dev.Person {
	return []dev.Person{
		{Email: "alice@example.com", Name: "Alice Müller", Groups: []string{"admin", "marketing"}},
		{Email: "bob@example.com", Name: "Bob", Claims: map[string]any{"department": "sales"}},
	}
}

func clients() []dev.Client {
	return []dev.Client{
		{ID: "app", Name: "The app", Secret: appSecret, RedirectURIs: []string{appURL, appHome}, PostLogout: []string{appURL}},
		{ID: "public", RedirectURIs: []string{appURL}},
		{ID: "outside", Secret: "outside-secret", Loopback: true},
	}
}

// testRing is keys that all tests share, since making RSA keys is what takes longest.
var testRing = sync.OnceValue(func() keyRing {
	var r keyRing
	for _, alg := range []string{algRS, algES} {
		k, err := newKey(alg, time.Now())
		if err != nil {
			panic(err)
		}
		r.Keys = append(r.Keys, k)
	}
	return r
})

// rig is a provider behind a real server, and a browser that follows nothing by itself.
type rig struct {
	t       testing.TB
	p       *Provider
	server  *httptest.Server
	browser *http.Client

	mu     sync.Mutex
	events []dev.Event
}

// newRig starts a provider whose issuer is the server's own address.
func newRig(t testing.TB, change ...func(*Config)) *rig {
	t.Helper()
	devtest.Leaks(t)
	r := &rig{t: t}
	r.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { r.p.ServeHTTP(w, q) }))
	cfg := Config{Issuer: "http://" + strings.Replace(r.server.Listener.Addr().String(), "127.0.0.1", "localhost", 1), Project: "shop", People: people(), Clients: clients(), Emit: r.emit}
	for _, c := range change {
		c(&cfg)
	}
	if r.open(cfg); cfg.State == "" {
		r.p.keys = testRing()
	}
	r.server.Start()
	t.Cleanup(r.server.Close)
	r.browser = r.newBrowser()
	return r
}

// open makes a provider for the same server, as a process does that starts again.
func (r *rig) open(cfg Config) {
	r.t.Helper()
	p, err := New(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	r.p = p
}

func (r *rig) newBrowser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	transport := &http.Transport{}
	r.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (r *rig) emit(e dev.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *rig) told() []dev.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]dev.Event(nil), r.events...)
}

// reply is an answer whose body has been read.
type reply struct {
	*http.Response
	body string
}

func (r *rig) send(req *http.Request) reply {
	r.t.Helper()
	res, err := r.browser.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		r.t.Fatal(err)
	}
	return reply{res, string(b)}
}

func (r *rig) request(method, path string, body url.Values) *http.Request {
	r.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, r.p.cfg.Issuer+path, strings.NewReader(body.Encode()))
	if err != nil {
		r.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return req
}

func (r *rig) get(path string) reply { return r.send(r.request(http.MethodGet, path, nil)) }

func (r *rig) post(path string, form url.Values) reply {
	return r.send(r.request(http.MethodPost, path, form))
}

// asked is a good authorization request, changed by pairs of name and value; an empty value takes
// the parameter out.
func asked(pairs ...string) url.Values {
	v := url.Values{
		"client_id": {"app"}, "redirect_uri": {appURL}, "response_type": {"code"}, "scope": {"openid email profile"},
		"state": {"the-state"}, "nonce": {"the-nonce"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	return with(v, pairs...)
}

func with(v url.Values, pairs ...string) url.Values {
	for i := 0; i < len(pairs); i += 2 {
		if v.Del(pairs[i]); pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}

func (r *rig) authorize(v url.Values) reply { return r.get("/authorize?" + v.Encode()) }

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)

// hidden are the fields of a page's form that nobody fills in.
func hidden(page string) url.Values {
	v := make(url.Values)
	for _, m := range hiddenField.FindAllStringSubmatch(page, -1) {
		v.Set(m[1], html.UnescapeString(m[2]))
	}
	return v
}

// pick fills in the sign-in page.
func (r *rig) pick(page reply, pairs ...string) reply {
	r.t.Helper()
	if page.StatusCode != http.StatusOK {
		r.t.Fatalf("no sign-in page, but %s: %s", page.Status, page.body)
	}
	return r.post("/signin", with(hidden(page.body), pairs...))
}

// sentBack gives what the app is told, which must be at its redirect_uri.
func (r *rig) sentBack(res reply) url.Values {
	r.t.Helper()
	u, err := res.Location()
	if err != nil {
		r.t.Fatalf("%s, not a redirect: %s", res.Status, res.body)
	}
	q := u.Query()
	if u.RawQuery = ""; u.String() != appURL {
		r.t.Fatalf("sent to %s", u)
	}
	return q
}

// signIn goes all the way to a code.
func (r *rig) signIn(email string, pairs ...string) string {
	r.t.Helper()
	back := r.sentBack(r.pick(r.authorize(asked(pairs...)), "pick", email))
	if back.Get("code") == "" {
		r.t.Fatalf("no code: %v", back)
	}
	return back.Get("code")
}

// token asks the token endpoint as the client "app".
func (r *rig) token(pairs ...string) reply {
	r.t.Helper()
	req := r.request(http.MethodPost, "/token", with(url.Values{}, pairs...))
	req.SetBasicAuth(url.QueryEscape("app"), url.QueryEscape(appSecret))
	return r.send(req)
}

func (r *rig) redeem(code string, pairs ...string) reply {
	r.t.Helper()
	return r.token(append([]string{"grant_type", "authorization_code", "code", code, "redirect_uri", appURL, "code_verifier", verifier}, pairs...)...)
}

// tokens goes all the way to tokens.
func (r *rig) tokens(email string, pairs ...string) tokenAnswer {
	r.t.Helper()
	return r.read(r.redeem(r.signIn(email, pairs...)))
}

func (r *rig) read(res reply) tokenAnswer {
	r.t.Helper()
	var a tokenAnswer
	if res.StatusCode != http.StatusOK || json.Unmarshal([]byte(res.body), &a) != nil {
		r.t.Fatalf("no tokens: %s %s", res.Status, res.body)
	}
	return a
}

// claimsOf reads a token as an app does that verifies nothing.
func (r *rig) claimsOf(token string) claims {
	r.t.Helper()
	return decode[claims](r.t, payload(r.t, token))
}

func (r *rig) do(c Command) State {
	r.t.Helper()
	s, err := r.p.Do(context.Background(), c)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

func (r *rig) fault(name string, times int, params ...string) {
	r.t.Helper()
	f := Fault{Name: name, Times: times, Params: make(map[string]string)}
	for i := 0; i < len(params); i += 2 {
		f.Params[params[i]] = params[i+1]
	}
	r.do(Command{Do: DoFault, Fault: f})
}

func (r *rig) later(d time.Duration) { r.do(Command{Do: DoClock, Clock: d}) }

func decode[V any](t testing.TB, b []byte) V {
	t.Helper()
	var v V
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return v
}
