package access

import (
	"context"
	"encoding/json"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
	"sdev/dev/oidc"
)

const (
	alice = "alice@example.com" // of marketing
	sam   = "sam@example.com"   // of sales
	greta = "greta@example.org"

	clientID = "sdev-access"
)

func people() []dev.Person {
	return []dev.Person{
		{Email: alice, Name: "Alice Müller", Groups: []string{"marketing"}, Claims: map[string]any{"hd": "example.com"}},
		{Email: sam, Name: "Sam", Groups: []string{"sales"}},
		{Email: greta, Name: "Greta"},
	}
}

// departments are the policies of the document "marketing sees /marketing but not /sales".
func departments() []dev.Policy {
	return []dev.Policy{
		{Path: "/marketing/*", Allow: dev.Allow{Groups: []string{"marketing"}}, Origin: "compose.yaml:7"},
		{Path: "/sales/*", Allow: dev.Allow{Groups: []string{"sales"}}, Origin: "compose.yaml:8"},
	}
}

// rig is a door between a provider and an app, all behind real servers.
type rig struct {
	t        testing.TB
	door     *Door
	provider *oidc.Provider
	cfg      door.Config
	origin   string // of the app
	issuer   string
	client   *http.Client // a browser that follows nothing by itself

	mu     sync.Mutex // guards the fields below
	events []dev.Event
	passed []passed
}

// passed is a request that reached the app.
type passed struct {
	door.Pass
	path   string
	header http.Header // as the gateway got it
}

// faults takes the faults of the provider.
type faults struct{ p *oidc.Provider }

func (f faults) Take(user string) door.Acting {
	return f.p.DoorFaults(dev.AccessLogin, clientID, user)
}

// sharedKeys is a directory with keys of a door and a provider, because making RSA keys takes longest.
var sharedKeys = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "sdev-access")
	if err != nil {
		panic(err)
	}
	a := dev.NewAccess("shop")
	if _, err := New(door.Config{State: dir, Now: time.Now, FrontDoor: dev.FrontDoor{Access: &a}}); err != nil {
		panic(err)
	}
	if _, err := oidc.New(oidc.Config{State: dir, Issuer: "http://localhost:1"}); err != nil {
		panic(err)
	}
	return dir
})

func TestMain(m *testing.M) {
	m.Run() // its result becomes the exit code when TestMain returns
	_ = os.RemoveAll(sharedKeys())
}

// inMemory is a setting without a directory for keys.
func inMemory(c *door.Config) { c.State = "" }

// newRig starts all with settings that change may change.
func newRig(t testing.TB, change ...func(*door.Config)) *rig {
	t.Helper()
	r := &rig{t: t}
	app := httptest.NewUnstartedServer(http.HandlerFunc(r.serveApp))
	idp := httptest.NewUnstartedServer(http.HandlerFunc(r.serveProvider))
	r.origin, r.issuer = localhost(app.Listener), localhost(idp.Listener)
	a, state := dev.NewAccess("shop"), t.TempDir()
	if err := os.CopyFS(state, os.DirFS(sharedKeys())); err != nil {
		t.Fatal(err)
	}
	r.cfg = door.Config{Project: "shop", State: state, Origin: r.origin, Issuer: r.issuer, Emit: r.emit,
		FrontDoor: dev.FrontDoor{Access: &a, Client: dev.Client{ID: clientID, Secret: "secret", RedirectURIs: []string{r.issuer + dev.AccessCallback}}}}
	for _, c := range change {
		c(&r.cfg)
	}
	var err error
	if r.provider, err = oidc.New(oidc.Config{Issuer: r.issuer, Project: "shop", State: state, People: people(), Clients: []dev.Client{r.cfg.Client}}); err != nil {
		t.Fatal(err)
	}
	r.cfg.People, r.cfg.Faults, r.cfg.Now = r.provider, faults{r.provider}, r.provider.Now
	r.restart()
	for _, s := range []*httptest.Server{app, idp} {
		s.Start()
		t.Cleanup(s.Close)
	}
	r.client = r.browser()
	return r
}

// restart opens the door as a gateway does that starts again.
func (r *rig) restart() {
	r.t.Helper()
	d, err := New(r.cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	r.door = d
}

func localhost(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "http://localhost:" + port
}

func (r *rig) serveApp(w http.ResponseWriter, q *http.Request) {
	pass, ok := r.door.Admit(w, q)
	if !ok {
		return
	}
	r.mu.Lock()
	r.passed = append(r.passed, passed{pass, q.URL.Path, q.Header.Clone()})
	r.mu.Unlock()
	_, _ = io.WriteString(w, "the app")
}

func (r *rig) serveProvider(w http.ResponseWriter, q *http.Request) {
	if !r.door.ServeSignIn(w, q) {
		r.provider.ServeHTTP(w, q)
	}
}

func (r *rig) emit(e dev.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// said returns the events of a type, and forgets all.
func said[E dev.Event](r *rig) []E {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []E
	for _, e := range r.events {
		if e, ok := e.(E); ok {
			out = append(out, e)
		}
	}
	r.events = nil
	return out
}

func (r *rig) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	transport := &http.Transport{}
	r.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// answer is an answer whose body has been read.
type answer struct {
	*http.Response
	body string
}

// send sends a request; headers are pairs of name and value.
func (r *rig) send(method, address, body string, headers ...string) answer {
	r.t.Helper()
	q, err := http.NewRequestWithContext(context.Background(), method, address, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	resp, err := r.client.Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer{resp, string(b)}
}

// get requests a page of the app, or an absolute address.
func (r *rig) get(target string, headers ...string) answer {
	r.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = r.origin + target
	}
	return r.send(http.MethodGet, target, "", headers...)
}

// visit follows redirects, as a browser does.
func (r *rig) visit(target string, headers ...string) answer {
	r.t.Helper()
	got := r.get(target, headers...)
	for range 12 {
		if got.StatusCode != http.StatusFound && got.StatusCode != http.StatusSeeOther {
			return got
		}
		to, err := got.Location()
		if err != nil {
			r.t.Fatal(err)
		}
		got = r.get(to.String(), headers...)
	}
	r.t.Fatalf("the redirects from %s do not end", target)
	return got
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)

// signIn opens a page and signs in as email.
func (r *rig) signIn(email, target string) answer {
	r.t.Helper()
	page := r.visit(target)
	return r.pick(page, "pick", email)
}

// pick fills in the provider's sign-in page, and follows where that leads.
func (r *rig) pick(page answer, pairs ...string) answer {
	r.t.Helper()
	got := r.submit(page, pairs...)
	if to, err := got.Location(); err == nil {
		return r.visit(to.String())
	}
	return got
}

// submit fills in the provider's sign-in page.
func (r *rig) submit(page answer, pairs ...string) answer {
	r.t.Helper()
	form := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(page.body, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	if len(form) == 0 {
		r.t.Fatalf("no sign-in page at %s: %s %s", page.Request.URL, page.Status, page.body)
	}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return r.send(http.MethodPost, r.issuer+"/signin", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

// last returns the last request that reached the app.
func (r *rig) last() passed {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.passed) == 0 {
		r.t.Fatal("nothing reached the app")
	}
	return r.passed[len(r.passed)-1]
}

// reached returns how many requests reached the app.
func (r *rig) reached() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.passed)
}

// do runs a command of "sdev auth".
func (r *rig) do(c oidc.Command) {
	r.t.Helper()
	if _, err := r.provider.Do(context.Background(), c); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) clock(by time.Duration) { r.t.Helper(); r.do(oidc.Command{Do: oidc.DoClock, Clock: by}) }

func (r *rig) fault(name string, params map[string]string) {
	r.t.Helper()
	r.do(oidc.Command{Do: oidc.DoFault, Fault: oidc.Fault{Name: name, Params: params}})
}

// cookie returns the value of a cookie that the browser sends to an address; "" if it sends none.
func (r *rig) cookie(address, name string) string {
	r.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		r.t.Fatal(err)
	}
	all := r.client.Jar.Cookies(u)
	i := slices.IndexFunc(all, func(c *http.Cookie) bool { return c.Name == name })
	if i < 0 {
		return ""
	}
	return all[i].Value
}

// want fails unless an answer has a status and, if text is not "", contains it.
func (a answer) want(t testing.TB, status int, text string) {
	t.Helper()
	if a.StatusCode != status || !strings.Contains(a.body, text) {
		t.Fatalf("%s: %s %.500s, want %d with %q", a.Request.URL, a.Status, a.body, status, text)
	}
}

func decodeText(s string, to any) bool { return json.Unmarshal([]byte(s), to) == nil }
