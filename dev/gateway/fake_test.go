package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/encoding/protowire"

	"sdev/dev"
	"sdev/dev/devtest"
)

// fakeApp is a fake of Streamlit: its endpoints, its stream, and frames as real servers send them. It can be stopped and
// started again at the same address, and then has no sessions.
type fakeApp struct {
	t        testing.TB
	addr     string
	socket   string           // where it listens instead of at addr; "" for nowhere
	requests chan []byte      // the requests of tabs to run their script
	seen     chan http.Header // the headers of each request for /seen and of each stream

	mu     sync.Mutex // guards the fields below
	life   int
	server *httptest.Server
	tabs   map[*websocket.Conn]string // session of each
}

func newFakeApp(t testing.TB) *fakeApp {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	a := &fakeApp{t: t, addr: l.Addr().String(), requests: make(chan []byte, 16), seen: make(chan http.Header, 16)}
	t.Cleanup(a.stop)
	return a
}

func (a *fakeApp) start() {
	a.t.Helper()
	a.startWith(func(s *httptest.Server) { s.Start() })
}

// startWith starts the app by a method of httptest.Server, with or without TLS.
func (a *fakeApp) startWith(start func(*httptest.Server)) {
	a.t.Helper()
	network, address := "tcp", a.addr
	if a.socket != "" {
		network, address = "unix", a.socket
	}
	l, err := net.Listen(network, address)
	if err != nil {
		a.t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/_stcore/health", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	mux.HandleFunc("/_stcore/stream", a.stream)
	mux.HandleFunc("PUT /upload", upload)
	mux.HandleFunc("/seen", a.show)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-App-Knows", strings.Join(slices.Concat(r.Header["X-Amzn-Oidc-Identity"], r.Header["X-Goog-Authenticated-User-Email"], r.Header["Cf-Access-Authenticated-User-Email"]), " "))
		fmt.Fprintf(w, "page %s of %s", r.URL, r.Host)
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	a.life++
	a.tabs = map[*websocket.Conn]string{}
	a.server = &httptest.Server{Listener: l, Config: &http.Server{Handler: mux, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}}
	start(a.server)
}

// stop ends the app like a killed process: every connection breaks.
func (a *fakeApp) stop() {
	a.mu.Lock()
	server, tabs := a.server, a.tabs
	a.server, a.tabs = nil, nil
	a.mu.Unlock()
	if server == nil {
		return
	}
	server.CloseClientConnections()
	server.Close()
	for c := range tabs {
		c.CloseNow()
	}
}

func (a *fakeApp) stream(w http.ResponseWriter, r *http.Request) {
	a.note(r.Header.Clone())
	w.Header().Add("Set-Cookie", ourCookie+"=junk")
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"streamlit"}, InsecureSkipVerify: true})
	if err != nil {
		return
	}
	a.mu.Lock()
	session := fmt.Sprintf("session-%d-%d", a.life, len(a.tabs))
	if a.tabs != nil {
		a.tabs[c] = session
	}
	a.mu.Unlock()
	for {
		_, msg, err := c.Read(context.Background())
		if err != nil {
			a.mu.Lock()
			delete(a.tabs, c)
			a.mu.Unlock()
			return
		}
		a.requests <- msg
		a.send(c, session, "167-heading", "167-finished")
	}
}

// rerun sends to every tab what a save causes.
func (a *fakeApp) rerun(frames ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for c, session := range a.tabs {
		a.send(c, session, frames...)
	}
}

// send sends a new_session and the given captured frames.
func (a *fakeApp) send(c *websocket.Conn, session string, frames ...string) {
	msgs := [][]byte{newSession(session)}
	for _, name := range frames {
		msgs = append(msgs, captured(a.t, name))
	}
	for _, msg := range msgs {
		if err := c.Write(context.Background(), websocket.MessageBinary, msg); err != nil {
			return
		}
	}
}

// newSession returns a ForwardMsg that begins a run: new_session{initialize{session_id}, page, main}.
func newSession(session string) []byte {
	field := func(b []byte, num protowire.Number, v []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
	}
	s := field(nil, 1, field(nil, 6, []byte(session)))
	return field(nil, 4, field(field(s, 9, []byte("main")), 11, []byte("main")))
}

func captured(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "streamlit", "testdata", name+".bin"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// upload answers each line of the body as soon as it has come.
func upload(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	if err := rc.EnableFullDuplex(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	buf := make([]byte, 100)
	for {
		n, err := r.Body.Read(buf)
		if n > 0 {
			fmt.Fprintf(w, "got %s", buf[:n])
			_ = rc.Flush()
		}
		if err != nil {
			return
		}
	}
}

// eventPipe collects the gateway's events, so that a test reads them one by one.
type eventPipe struct {
	mu     sync.Mutex // guards the fields below
	events []dev.Stamped
	more   chan struct{} // closed and replaced with every event
	read   int
}

func newEventPipe() *eventPipe { return &eventPipe{more: make(chan struct{})} }

func (p *eventPipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for line := range bytes.Lines(b) {
		var e dev.Stamped
		if err := json.Unmarshal(line, &e); err != nil {
			return 0, fmt.Errorf("not an event: %s: %w", line, err)
		}
		p.events = append(p.events, e)
	}
	close(p.more)
	p.more = make(chan struct{})
	return len(b), nil
}

// Next returns the next event in order.
func (p *eventPipe) Next(ctx context.Context) (dev.Stamped, error) {
	for {
		p.mu.Lock()
		more := p.more
		if p.read < len(p.events) {
			e := p.events[p.read]
			p.read++
			p.mu.Unlock()
			return e, nil
		}
		p.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return dev.Stamped{}, ctx.Err()
		}
	}
}

// rest returns the events that have not been read.
func (p *eventPipe) rest() []dev.Stamped {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.events[p.read:])
}

// rig is a gateway in front of a fake app.
type rig struct {
	t       testing.TB
	app     *fakeApp
	events  *eventPipe
	root    string
	host    string // "localhost:PORT"
	addr    string // where it really listens
	control string
	gateway *gateway
	stop    func()
}

// newRig starts a gateway for a small project in front of a fake app, running or not.
func newRig(t testing.TB, app *fakeApp) *rig {
	t.Helper()
	return newRigWith(t, app, func(*Config) {})
}

// newRigWith is newRig with other settings.
func newRigWith(t testing.TB, app *fakeApp, change func(*Config)) *rig {
	t.Helper()
	r := newRigAt(t, app.addr, map[string]string{"Home.py": "one", "requirements.txt": "streamlit"}, "/app", change)
	r.app = app
	return r
}

// newRigAt starts a gateway for a project with files, in front of the app at addr. The app has the files in dir; "" means
// at the same paths.
func newRigAt(t testing.TB, addr string, files map[string]string, dir string, changes ...func(*Config)) *rig {
	t.Helper()
	short, err := os.MkdirTemp("", "gateway") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(short) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{
		t: t, events: newEventPipe(), addr: l.Addr().String(), control: filepath.Join(short, "run", "control.sock"),
		root: devtest.Project(t, files),
	}
	if dir == "" {
		dir = r.root
	}
	_, port, _ := strings.Cut(r.addr, ":")
	r.host = "localhost:" + port
	cfg := Config{
		Project: "shop", Service: "app", Listen: r.addr, Upstream: addr, Host: "localhost",
		Root: r.root, Control: r.control, Mounts: []dev.Mount{{Container: dir, Project: "."}},
		Rules: []dev.Rule{
			{Path: "requirements.txt", Action: dev.Rebuild, Origin: "deps"},
			{Path: ".", Action: dev.Live, Origin: "source"},
		},
	}
	if _, err := fmt.Sscan(port, &cfg.Port); err != nil {
		t.Fatal(err)
	}
	for _, change := range changes {
		change(&cfg)
	}
	control, err := listenControl(t.Context(), r.control)
	if err != nil {
		t.Fatal(err)
	}
	g, err := newGateway(cfg, r.events)
	if err != nil {
		t.Fatal(err)
	}
	r.gateway = g
	if err := g.listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.serve(ctx, l, control) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the gateway ended with %v", err)
		}
		l.Close()
		control.Close()
		g.close()
	})
	t.Cleanup(r.stop)
	return r
}

// request makes a request for the app's origin.
func (r *rig) request(method, path string, body io.Reader, header ...string) *http.Request {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://"+r.addr+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Host = r.host
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return req
}

// getAs requests a path under another host name.
func (r *rig) getAs(host, path string, header ...string) (*http.Response, string) {
	r.t.Helper()
	own := r.host
	defer func() { r.host = own }()
	r.host = host
	return r.get(path, header...)
}

// get requests a path and returns the response and its body.
func (r *rig) get(path string, header ...string) (*http.Response, string) {
	r.t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(r.request(http.MethodGet, path, nil, header...))
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp, string(body)
}

// connect opens a tab's stream. session is the session that it resumes; "" for a new one.
func (r *rig) connect(session string) *websocket.Conn {
	r.t.Helper()
	protocols := []string{"streamlit", "token"}
	if session != "" {
		protocols = append(protocols, session)
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), devtest.Patience)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws://"+r.addr+"/_stcore/stream", &websocket.DialOptions{
		Subprotocols: protocols, Host: r.host,
		HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.CloseNow() })
	c.SetReadLimit(-1)
	return c
}

// ask sends a tab's request to run its script, and reads the answer to its end.
func (r *rig) ask(c *websocket.Conn, msg []byte) {
	r.t.Helper()
	if err := c.Write(r.t.Context(), websocket.MessageBinary, msg); err != nil {
		r.t.Fatal(err)
	}
	r.readRun(c)
	<-r.app.requests
}

// readRun reads a tab's stream until a run has ended.
func (r *rig) readRun(c *websocket.Conn) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), devtest.Patience)
	defer cancel()
	last := captured(r.t, "167-finished")
	for {
		_, msg, err := c.Read(ctx)
		if err != nil {
			r.t.Fatal(err)
		}
		if bytes.Equal(msg, last) {
			return
		}
	}
}

// call sends a command to the gateway.
func (r *rig) call(req Request) Status {
	r.t.Helper()
	st, err := Call(r.t.Context(), r.control, req)
	if err != nil {
		r.t.Fatal(err)
	}
	return st
}

// await reads events until one of type T matches.
func await[T dev.Event](r *rig, match func(T) bool) T {
	r.t.Helper()
	e := devtest.Await(r.t, r.events, func(e dev.Event) bool {
		v, ok := e.(T)
		return ok && match(v)
	})
	return e.Event.(T)
}

func anyOf[T dev.Event](T) bool { return true }
