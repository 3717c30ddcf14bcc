package alb

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/gateway/door"
	"sdev/dev/oidc"
)

const (
	alice, bob   = "alice@example.com", "bob@example.com"
	clientSecret = "the-secret-of-the-load-balancer"
)

// setup is what a test may change about its load balancer.
type setup struct {
	door     door.Config
	provider oidc.Config
}

// rig is a load balancer in front of an app, and a real provider at which people sign in. The app answers with what the
// load balancer tells it.
type rig struct {
	setup
	t      testing.TB
	idp    *oidc.Provider
	lb     *Door
	tokens atomic.Int64 // requests for the token endpoint

	mu     sync.Mutex // guards events
	events []dev.Event
}

// newRig starts a load balancer with authenticate-cognito.
func newRig(t testing.TB, change ...func(*setup)) *rig {
	t.Helper()
	devtest.Leaks(t)
	r := &rig{t: t}
	idp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if strings.HasSuffix(q.URL.Path, "/token") {
			r.tokens.Add(1)
		}
		r.idp.ServeHTTP(w, q)
	}))
	t.Cleanup(idp.Close)
	app := httptest.NewServer(r)
	t.Cleanup(app.Close)
	local := func(s *httptest.Server) string { return strings.Replace(s.URL, "127.0.0.1", "localhost", 1) }
	a := dev.NewALB("shop", "").WithProvider("shop", local(idp))
	r.door = door.Config{Project: "shop", Origin: local(app), Issuer: local(idp), Emit: r.emit}
	r.door.ALB = &a
	r.door.Client = dev.Client{ID: a.ClientID("shop"), Secret: clientSecret, RedirectURIs: []string{r.door.Origin + dev.ALBCallback}}
	r.provider = oidc.Config{Issuer: local(idp), Project: "shop", Profile: "cognito", Alg: "ES256", Emit: r.emit, Mapped: &dev.MappedLogin{},
		People: []dev.Person{{Email: alice, Name: "Alice", Groups: []string{"admin"}}, {Email: bob, Name: "Bob"}}}
	for _, c := range change {
		c(&r.setup)
	}
	r.provider.Mapped.Issuers = r.door.ALB.Issuers("shop")
	r.provider.Clients = []dev.Client{r.door.Client}
	var err error
	if r.idp, err = oidc.New(r.provider); err != nil {
		t.Fatal(err)
	}
	r.door.People, r.door.Now, r.door.Faults = r.idp, r.idp.Now, faults{r.idp, r.door.Client.ID}
	r.lb = r.open()
	return r
}

// withOIDC makes the load balancer use authenticate-oidc, at the provider's own addresses.
func withOIDC(s *setup) {
	a := dev.NewALB("shop", "")
	a.Action = dev.ALBOIDC
	a = a.WithProvider("shop", s.provider.Issuer)
	s.door.ALB, s.provider.Profile = &a, "plain"
}

// open makes a load balancer with the same settings, as a gateway does that starts again.
func (r *rig) open() *Door {
	r.t.Helper()
	d, err := New(r.door)
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

// faults are those of the provider, as the gateway hands them to the load balancer.
type faults struct {
	provider *oidc.Provider
	client   string
}

func (f faults) Take(user string) door.Acting {
	return f.provider.DoorFaults(dev.ALBLogin, f.client, user)
}

// ServeHTTP is the app's origin.
func (r *rig) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if pass, ok := r.lb.Admit(w, q); ok {
		_ = json.NewEncoder(w).Encode(pass) // the client may have gone
	}
}

func (r *rig) emit(e dev.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// told returns the events so far.
func (r *rig) told() []dev.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

func (r *rig) do(c oidc.Command) {
	r.t.Helper()
	if _, err := r.idp.Do(r.t.Context(), c); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) clock(ahead time.Duration) {
	r.t.Helper()
	r.do(oidc.Command{Do: oidc.DoClock, Clock: ahead})
}

// fault sets a fault, with pairs of parameter and value.
func (r *rig) fault(name string, times int, params ...string) {
	r.t.Helper()
	f := oidc.Fault{Name: name, Times: times, Params: map[string]string{}}
	for i := 0; i < len(params); i += 2 {
		f.Params[params[i]] = params[i+1]
	}
	r.do(oidc.Command{Do: oidc.DoFault, Fault: f})
}

// browser keeps cookies and follows no redirect by itself.
type browser struct {
	*http.Client
	r *rig
}

func (r *rig) browser() browser {
	r.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	transport := &http.Transport{}
	r.t.Cleanup(transport.CloseIdleConnections)
	return browser{&http.Client{Jar: jar, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, r}
}

// answer is a response whose body has been read.
type answer struct {
	*http.Response
	body string
}

func (b browser) send(q *http.Request) answer {
	b.r.t.Helper()
	resp, err := b.Do(q)
	if err != nil {
		b.r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.r.t.Fatal(err)
	}
	return answer{resp, string(text)}
}

// get requests a path of the app, or an address. header are pairs of name and value.
func (b browser) get(address string, header ...string) answer {
	b.r.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.r.door.Origin + address
	}
	q, err := http.NewRequestWithContext(b.r.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		b.r.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	return b.send(q)
}

// to returns the address of a redirect: 302 at the load balancer, and after the provider's form 303.
func (a answer) to(t testing.TB) *url.URL {
	t.Helper()
	u, err := a.Location()
	if err != nil || a.StatusCode != http.StatusFound && (a.StatusCode != http.StatusSeeOther || a.Request.URL.Path != "/signin") {
		t.Fatalf("%s instead of a redirect: %.300s", a.Status, a.body)
	}
	return u
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)

// callback goes to a path and signs in there, and returns the address at which the provider sends the browser back.
func (b browser) callback(path, email string) *url.URL {
	b.r.t.Helper()
	return b.pick(b.get(path).to(b.r.t), email)
}

// pick opens a sign-in page and picks a person.
func (b browser) pick(page *url.URL, email string) *url.URL {
	b.r.t.Helper()
	shown := b.get(page.String())
	if shown.StatusCode == http.StatusFound {
		return shown.to(b.r.t) // already signed in at the provider
	}
	form := url.Values{"pick": {email}}
	if email != alice && email != bob {
		form = url.Values{"email": {email}} // someone else
	}
	for _, m := range hiddenField.FindAllStringSubmatch(shown.body, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	q, err := http.NewRequestWithContext(b.r.t.Context(), http.MethodPost, b.r.provider.Issuer+"/signin", strings.NewReader(form.Encode()))
	if err != nil {
		b.r.t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.send(q).to(b.r.t)
}

// signIn goes to a path, signs in, and returns what the app gets in the end.
func (b browser) signIn(path, email string) door.Pass {
	b.r.t.Helper()
	back := b.get(b.callback(path, email).String())
	return b.get(back.to(b.r.t).String()).pass(b.r.t)
}

// pass returns what the app got.
func (a answer) pass(t testing.TB) door.Pass {
	t.Helper()
	var p door.Pass
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || a.StatusCode != http.StatusOK {
		t.Fatalf("%s instead of the app: %.300s", a.Status, a.body)
	}
	return p
}

// only returns the header's one value, by its exact name.
func only(t testing.TB, p door.Pass, name string) string {
	t.Helper()
	if len(p.Header[name]) != 1 {
		t.Fatalf("%s has %d values among %v", name, len(p.Header[name]), p.Header)
	}
	return p.Header[name][0]
}

// value returns the first value of a header, by its exact name; "" if there is none.
func value(p door.Pass, name string) string {
	if len(p.Header[name]) == 0 {
		return ""
	}
	return p.Header[name][0]
}

// cookie returns a cookie of the app's origin; "" if there is none.
func (b browser) cookie(name string) string {
	u, err := url.Parse(b.r.door.Origin)
	if err != nil {
		b.r.t.Fatal(err)
	}
	for _, c := range b.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// expire does what an app does that deletes cookies.
func (b browser) expire(names ...string) {
	u, err := url.Parse(b.r.door.Origin)
	if err != nil {
		b.r.t.Fatal(err)
	}
	for _, name := range names {
		b.Jar.SetCookies(u, []*http.Cookie{{Name: name, Path: "/", MaxAge: -1}})
	}
}

// session is the names of the parts of the session cookie.
func sessionParts() []string {
	const name = "AWSELBAuthSessionCookie"
	return []string{name + "-0", name + "-1", name + "-2", name + "-3"}
}
