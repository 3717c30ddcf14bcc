package iap

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net"
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
	"sdev/dev/gateway/door"
	"sdev/dev/oidc"
)

// The people of the project.
const (
	alice = "alice@example.com"
	bob   = "bob@example.com"
	greta = "greta@example.org"
)

const doorClient = "123456789012-iap.apps.googleusercontent.com"

func people() []dev.Person {
	return []dev.Person{
		{Email: alice, Name: "Alice", Groups: []string{"sales"}},
		{Email: bob, Name: "Bob", Claims: map[string]any{"google": map[string]any{"access_levels": []any{"accessPolicies/1/accessLevels/office"}}}},
		{Email: greta, Name: "Greta", Claims: map[string]any{"customer": "acme"}},
	}
}

func policies() []dev.Policy {
	return []dev.Policy{{Path: "/sales/*", Allow: dev.Allow{Groups: []string{"sales"}}, Origin: "compose.yaml:9"}}
}

// settings are those of document 002: colleagues with Google, guests with e-mail and password from a known network.
func settings() dev.IAP {
	return dev.IAP{External: &dev.IAPExternal{
		Host: "guests.localhost", Tenant: "guests-1", Passwords: map[string]string{greta: "correct horse"},
		Armor: []dev.ArmorRule{{Priority: 1000, Action: dev.ArmorAllow, Ranges: []string{"203.0.113.0/24"}, Origin: "compose.yaml:20"}},
	}}.WithDefaults("shop")
}

// rig is the proxy with an app behind it and the local provider beside it, and a browser that follows nothing by itself.
type rig struct {
	t        testing.TB
	d        *Door
	provider *oidc.Provider
	app      *httptest.Server // the app's origin, with the proxy in front of it
	issuer   string
	browser  *http.Client

	mu     sync.Mutex
	last   door.Pass // of the last request that reached the app
	events []dev.Event
}

// newRig starts it. change may change the configuration.
func newRig(t testing.TB, change ...func(*door.Config)) *rig {
	t.Helper()
	r := &rig{t: t}
	origin := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if !r.d.ServeSignIn(w, q) {
			r.provider.ServeHTTP(w, q)
		}
	}))
	r.app = httptest.NewUnstartedServer(http.HandlerFunc(r.serveApp))
	local := func(s *httptest.Server) string {
		return "http://" + strings.Replace(s.Listener.Addr().String(), "127.0.0.1", "localhost", 1)
	}
	r.issuer = local(origin)
	client := dev.Client{ID: doorClient, Name: "Identity-Aware Proxy", Secret: "door-secret", RedirectURIs: []string{r.issuer + dev.IAPCallback(doorClient)}}
	var err error
	r.provider, err = oidc.New(oidc.Config{Issuer: r.issuer, Project: "shop", People: people(), Clients: []dev.Client{client}, Mapped: &dev.MappedLogin{}, Alg: "ES256", Emit: r.emit})
	if err != nil {
		t.Fatal(err)
	}
	iap := settings()
	cfg := door.Config{FrontDoor: dev.FrontDoor{Client: client, Policies: policies(), IAP: &iap}, Project: "shop", Origin: local(r.app), Issuer: r.issuer,
		Emit: r.emit, People: r.provider, Faults: faults{r.provider}, Now: r.provider.Now}
	for _, c := range change {
		c(&cfg)
	}
	if r.d, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	origin.Start()
	r.app.Start()
	t.Cleanup(func() { r.app.Close(); origin.Close() })
	r.browser = r.newBrowser()
	return r
}

type faults struct{ p *oidc.Provider }

func (f faults) Take(user string) door.Acting {
	return f.p.DoorFaults(dev.IAPLogin, doorClient, user)
}

// serveApp is the app: it remembers what it was told.
func (r *rig) serveApp(w http.ResponseWriter, q *http.Request) {
	pass, ok := r.d.Admit(w, q)
	if !ok {
		return
	}
	r.mu.Lock()
	r.last = pass
	r.mu.Unlock()
	for name, values := range pass.Header {
		w.Header()["Seen-"+name] = values
	}
	if q.Header.Get(door.SourceHeader) != "" {
		w.Header().Set("Seen-Source", "yes")
	}
	_, _ = io.WriteString(w, "the app")
}

func (r *rig) newBrowser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	// Every name that ends in localhost is this machine, as browsers have it.
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		var d net.Dialer
		return d.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	}}
	r.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (r *rig) emit(e dev.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// told returns the events of one type.
func told[E dev.Event](r *rig) []E {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []E
	for _, e := range r.events {
		if e, ok := e.(E); ok {
			out = append(out, e)
		}
	}
	return out
}

// reply is an answer whose body has been read.
type reply struct {
	*http.Response
	body string
}

func (p reply) location() *url.URL {
	u, err := p.Location()
	if err != nil {
		return &url.URL{}
	}
	return u
}

// send sends a request. headers are pairs of name and value.
func (r *rig) send(b *http.Client, method, address string, form url.Values, headers ...string) reply {
	r.t.Helper()
	q, err := http.NewRequestWithContext(context.Background(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		r.t.Fatal(err)
	}
	if method == http.MethodPost {
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	res, err := b.Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	_ = res.Body.Close()
	return reply{res, string(body)}
}

// main and guests are addresses at the two hosts.
func (r *rig) main(path string) string { return r.d.cfg.Origin + path }
func (r *rig) guests(path string) string {
	return originOf(r.d.cfg.Origin, "guests.localhost") + path
}

// known is the network of the guests.
const known = "203.0.113.7"

func (r *rig) get(path string, headers ...string) reply {
	r.t.Helper()
	return r.send(r.browser, http.MethodGet, r.main(path), nil, headers...)
}

// getGuest requests a page at the guests' host, from their network.
func (r *rig) getGuest(path string, headers ...string) reply {
	r.t.Helper()
	return r.send(r.browser, http.MethodGet, r.guests(path), nil, append([]string{door.SourceHeader, known}, headers...)...)
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)

// follow follows redirects up to an answer that is none.
func (r *rig) follow(b *http.Client, p reply, headers ...string) reply {
	r.t.Helper()
	for range 12 {
		if p.StatusCode != http.StatusFound && p.StatusCode != http.StatusSeeOther {
			return p
		}
		p = r.send(b, http.MethodGet, p.location().String(), nil, headers...)
	}
	r.t.Fatalf("redirected again and again, at last to %s", p.location())
	return p
}

// signInAs goes from an address of the main host through the sign-in page and back.
func (r *rig) signInAs(b *http.Client, email, path string) reply {
	r.t.Helper()
	return r.follow(b, r.pick(b, r.follow(b, r.send(b, http.MethodGet, r.main(path), nil)), email))
}

// pick fills in the provider's sign-in page.
func (r *rig) pick(b *http.Client, page reply, email string) reply {
	r.t.Helper()
	return r.fill(b, page, "/signin", "pick", email)
}

// fill sends a form of the provider: its hidden fields, and pairs of name and value.
func (r *rig) fill(b *http.Client, page reply, path string, pairs ...string) reply {
	r.t.Helper()
	form := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(page.body, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	if page.StatusCode != http.StatusOK || len(form) == 0 {
		r.t.Fatalf("no form of the provider, but %s: %.500s", page.Status, page.body)
	}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return r.send(b, http.MethodPost, r.issuer+path, form)
}

// signInGuest goes through the form of Identity Platform and back.
func (r *rig) signInGuest(b *http.Client, email, password, path string) reply {
	r.t.Helper()
	page := r.follow(b, r.send(b, http.MethodGet, r.guests(path), nil, door.SourceHeader, known), door.SourceHeader, known)
	return r.follow(b, r.submit(b, page, email, password), door.SourceHeader, known)
}

var formAction = regexp.MustCompile(`<form method="post" action="([^"]*)"`)

func (r *rig) submit(b *http.Client, page reply, email, password string) reply {
	r.t.Helper()
	m := formAction.FindStringSubmatch(page.body)
	if m == nil {
		r.t.Fatalf("no form, but %s: %.800s", page.Status, page.body)
	}
	return r.send(b, http.MethodPost, r.issuer+html.UnescapeString(m[1]), url.Values{"email": {email}, "password": {password}})
}

// seen is a header that the app got.
func (p reply) seen(name string) string {
	for key, values := range p.Header {
		if strings.EqualFold(key, "Seen-"+name) {
			return values[0]
		}
	}
	return ""
}

// claims are those of the signed header that the app got.
func (p reply) claims(t testing.TB) map[string]any {
	t.Helper()
	return decode(t, p.seen(headerAssertion), 1)
}

// decode decodes a part of a token: 0 is the header, 1 the claims.
func decode(t testing.TB, token string, part int) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal(rawPart(t, token, part), &out); err != nil {
		t.Fatalf("%v: %q", err, token)
	}
	return out
}

func rawPart(t testing.TB, token string, part int) []byte {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no token: %q", token)
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[part])
	if err != nil {
		t.Fatalf("%v: %q", err, token)
	}
	return b
}

func (r *rig) do(c oidc.Command) {
	r.t.Helper()
	if _, err := r.provider.Do(context.Background(), c); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) fault(name string, params ...string) {
	r.t.Helper()
	f := oidc.Fault{Name: name, Params: map[string]string{}}
	for i := 0; i < len(params); i += 2 {
		f.Params[params[i]] = params[i+1]
	}
	r.do(oidc.Command{Do: oidc.DoFault, Fault: f})
}

func (r *rig) later(d time.Duration) { r.do(oidc.Command{Do: oidc.DoClock, Clock: d}) }

// isApp fails unless the app has answered.
func isApp(t testing.TB, p reply) {
	t.Helper()
	if p.StatusCode != http.StatusOK || p.body != "the app" {
		t.Fatalf("not the app, but %s at %s: %.500s", p.Status, p.Request.URL, p.body)
	}
}

// isGenerated fails unless the proxy itself has answered, with a status.
func isGenerated(t testing.TB, p reply, status int) {
	t.Helper()
	if p.StatusCode != status || p.Header.Get(headerGenerated) != "true" {
		t.Fatalf("want %d of the proxy, got %s, marked %q: %.300s", status, p.Status, p.Header.Get(headerGenerated), p.body)
	}
}

// cookie is a cookie that an answer sets, whose name begins with a text.
func (p reply) cookie(prefix string) *http.Cookie {
	for _, c := range p.Cookies() {
		if strings.HasPrefix(c.Name, prefix) {
			return c
		}
	}
	return nil
}

func text(v any) string { return fmt.Sprint(v) }

// frozen is a cookie jar that keeps nothing new.
type frozen struct{ http.CookieJar }

func (frozen) SetCookies(*url.URL, []*http.Cookie) {}
