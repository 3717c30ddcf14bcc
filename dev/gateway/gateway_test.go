package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/awslocal"
	"sdev/dev/devtest"
)

func TestGateway_PassesPagesOn(t *testing.T) {
	devtest.Leaks(t)
	app := newFakeApp(t)
	app.start()
	r := newRig(t, app)
	resp, body := r.get("/First_App?a=1", "Accept", "text/html")
	if want := "page /First_App?a=1 of " + r.host; resp.StatusCode != http.StatusOK || body != want {
		t.Errorf("%s %q, want %q", resp.Status, body, want)
	}
}

func TestGateway_StreamsUploads(t *testing.T) {
	devtest.Leaks(t)
	app := newFakeApp(t)
	app.start()
	r := newRig(t, app)
	body, file := io.Pipe()
	transport := &http.Transport{DisableKeepAlives: true}
	began := make(chan struct{})
	go func() {
		// The test sends the second half only after the answer to the first, so a gateway that buffers the
		// whole body would wait for ever.
		_, _ = file.Write([]byte("first"))
		<-began
		_, _ = file.Write([]byte("second"))
		file.Close()
	}()
	resp, err := transport.RoundTrip(r.request(http.MethodPut, "/upload", body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, len("got first"))
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "got first" {
		t.Fatalf("%q, %v", first, err)
	}
	close(began)
	rest, err := io.ReadAll(resp.Body)
	if err != nil || string(rest) != "got second" {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestGateway_RefusesForeignNames(t *testing.T) {
	app := newFakeApp(t)
	app.start()
	r := newRig(t, app)
	req := r.request(http.MethodGet, "/", nil)
	req.Host = "rebound.example:8501"
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("%s", resp.Status)
	}
}

func TestGateway_RedirectsPagesToTheCanonicalOrigin(t *testing.T) {
	app := newFakeApp(t)
	r := newRig(t, app)
	req := r.request(http.MethodGet, "/First_App?a=1", nil, "Accept", "text/html")
	req.Host = r.addr
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if want := "http://" + r.host + "/First_App?a=1"; resp.StatusCode != http.StatusTemporaryRedirect || resp.Header.Get("Location") != want {
		t.Errorf("%s to %q, want %q", resp.Status, resp.Header.Get("Location"), want)
	}
}

func TestGateway_ServesTheHoldPageForTheApp(t *testing.T) {
	devtest.Leaks(t)
	r := newRig(t, newFakeApp(t))
	tests := []struct {
		expect dev.Announcement
		want   []string
	}{
		{dev.Announcement{How: dev.AnnounceStart}, []string{"Starting the app"}},
		{dev.Announcement{How: dev.AnnounceRebuild, Trigger: "requirements.txt", Text: "step 3 of 7"}, []string{"Rebuilding the app", "because requirements.txt changed", "step 3 of 7"}},
		{dev.Announcement{How: dev.AnnounceRestart, Trigger: "<b>.py"}, []string{"Restarting the app", "&lt;b&gt;.py"}},
		{dev.Announcement{How: dev.AnnounceExit, Text: "exit code 3"}, []string{"The app has stopped", "exit code 3"}},
		{dev.Announcement{How: dev.AnnounceNothing}, []string{"does not answer"}},
	}
	for _, tt := range tests {
		r.call(Request{Do: DoAnnounce, Announce: tt.expect})
		resp, page := r.get("/First_App", "Accept", "text/html")
		if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" ||
			!strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %s %v", tt.expect.How, resp.Status, resp.Header)
		}
		for _, want := range append(tt.want, "http-equiv=\"refresh\"") {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page lacks %q", tt.expect.How, want)
			}
		}
		if strings.Contains(page, "http://") || strings.Contains(page, "https://") {
			t.Errorf("%s: the page refers to other origins", tt.expect.How)
		}
	}
	resp, text := r.get("/static/main.js", "Sec-Fetch-Mode", "no-cors")
	if resp.StatusCode != http.StatusServiceUnavailable || strings.Contains(text, "<") {
		t.Errorf("a script gets %s %q", resp.Status, text)
	}
}

func TestGateway_HoldsATabUntilTheAppIsBack(t *testing.T) {
	devtest.Leaks(t)
	app := newFakeApp(t)
	r := newRig(t, app)
	type answer struct {
		status int
		err    error
	}
	answers := make(chan answer, 1)
	req := r.request(http.MethodGet, "/base/_stcore/health", nil)
	go func() {
		resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
		if err != nil {
			answers <- answer{err: err}
			return
		}
		resp.Body.Close()
		answers <- answer{status: resp.StatusCode}
	}()
	// Once the hold page has answered a later request, the earlier one has found the app down.
	r.get("/", "Accept", "text/html")
	select {
	case a := <-answers:
		t.Fatalf("answered while the app is away: %+v", a)
	default:
	}
	app.start()
	if a := <-answers; a.err != nil || a.status != http.StatusOK {
		t.Errorf("%+v", a)
	}
}

// A page of the app may be named as the stream was up to Streamlit 1.17.
func TestReconnect_APageIsNoTab(t *testing.T) {
	for path, want := range map[string]struct{ plain, upgrade bool }{
		"/_stcore/health": {true, true}, "/healthz": {true, true}, "/stream": {false, true}, "/base/_stcore/stream": {false, true}, "/": {false, false},
	} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		if got := isReconnect(r); got != want.plain {
			t.Errorf("%s: %t", path, got)
		}
		r.Header.Set("Upgrade", "websocket")
		if got := isReconnect(r); got != want.upgrade {
			t.Errorf("%s with an upgrade: %t", path, got)
		}
	}
}

func TestReconnectTransport_GivesUpBeforeTheFrontendDoes(t *testing.T) {
	if reconnectWait >= 15*time.Second {
		t.Errorf("requests are held for %v; the frontend waits for 15 s", reconnectWait)
	}
	app := newFakeApp(t)
	up := newUpstream(appAddress{addr: app.addr}, func(bool) {}, nil)
	p := &reconnectTransport{next: &http.Transport{}, up: up, limit: 30 * time.Millisecond}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+app.addr+"/_stcore/health", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := p.RoundTrip(req); !isRefused(err) {
		t.Errorf("%v, %v", resp, err)
	}
}

func TestGateway_ReportsASaveThatIsLive(t *testing.T) {
	devtest.Leaks(t)
	app := newFakeApp(t)
	app.start()
	r := newRig(t, app)
	tab := r.connect("")
	await(r, anyOf[dev.SessionOpened])
	r.ask(tab, captured(t, "167-rerun"))

	devtest.Write(t, filepath.Join(r.root, "Home.py"), "two")
	app.rerun("167-heading", "167-finished")
	r.readRun(tab)
	changed := await(r, anyOf[dev.FileChanged])
	reloaded := await(r, anyOf[dev.AppReloaded])
	if changed.Paths[0] != "Home.py" || reloaded.Trigger != "Home.py" || reloaded.Sessions != 1 || reloaded.How != dev.ReloadMount {
		t.Errorf("%+v, then %+v", changed, reloaded)
	}

	devtest.Write(t, filepath.Join(r.root, "Home.py"), "three")
	app.rerun("167-heading", "167-exception", "167-finished")
	// In either order: on a busy machine the gateway notices the save after its run.
	var e dev.AppException
	noticed := false
	devtest.Await(t, r.events, func(ev dev.Event) bool {
		_, saved := ev.(dev.FileChanged)
		raised, ok := ev.(dev.AppException)
		if noticed = noticed || saved; ok {
			e = raised
		}
		return noticed && e.Exception != ""
	})
	if want := (dev.AppException{Exception: "ZeroDivisionError", Message: "division by zero", File: "Home.py", Line: 11}); e != want {
		t.Errorf("%+v", e)
	}
	// A file that is written in place may be noticed twice. The tracker's tests check what counts as a reload.
	if st := r.call(Request{Do: DoStatus}); !st.Up || st.Sessions != 1 || st.Reloads < 1 || st.Exception != e || st.Watches == 0 || st.How != dev.ReloadMount {
		t.Errorf("status %+v", st)
	}

	tab.CloseNow()
	if closed := await(r, anyOf[dev.SessionClosed]); closed.Sessions != 0 {
		t.Errorf("%+v", closed)
	}
}

func TestGateway_BringsATabBackToANewApp(t *testing.T) {
	devtest.Leaks(t)
	app := newFakeApp(t)
	app.start()
	r := newRig(t, app)
	tab := r.connect("")
	r.ask(tab, captured(t, "167-rerun"))
	devtest.Write(t, filepath.Join(r.root, "requirements.txt"), "streamlit\npandas")
	await(r, anyOf[dev.FileChanged])
	r.call(Request{Do: DoAnnounce, Announce: dev.Announcement{How: dev.AnnounceRebuild, Trigger: "requirements.txt"}})

	app.stop()
	await(r, anyOf[dev.SessionClosed])
	app.start()
	back := r.connect("session-1-0")
	if got, want := string(<-app.requests), string(captured(t, "167-rerun-replay")); got != want {
		t.Errorf("the new app gets the request %q, want %q", got, want)
	}
	r.readRun(back)
	got := await(r, anyOf[dev.AppReloaded])
	if got.Trigger != "requirements.txt" || got.How != dev.ReloadRebuild || got.Sessions != 1 {
		t.Errorf("%+v", got)
	}
	if st := r.call(Request{Do: DoStatus}); st.Generation != 2 || st.Announced != (dev.Announcement{}) {
		t.Errorf("status %+v", st)
	}
}

func TestGateway_BringsATabBackThatItNeverSaw(t *testing.T) {
	app := newFakeApp(t)
	app.start()
	r := newRig(t, app)
	back := r.connect("session of a gateway before")
	if got := string(<-app.requests); got != "\x5a\x00" {
		t.Errorf("the app gets the request %q", got)
	}
	r.readRun(back)
}

func TestGateway_NoticesARestartWithoutRequests(t *testing.T) {
	app := newFakeApp(t)
	app.start()
	r := newRig(t, app)
	r.get("/_stcore/health")
	before := r.call(Request{Do: DoStatus}).Generation
	app.stop()
	app.start()
	r.get("/_stcore/health")
	if after := r.call(Request{Do: DoStatus}).Generation; after <= before {
		t.Errorf("generation %d, then %d", before, after)
	}
}

func TestGateway_EndsWithTabsOpen(t *testing.T) {
	devtest.Leaks(t)
	app := newFakeApp(t)
	app.start()
	r := newRig(t, app)
	tab := r.connect("")
	await(r, anyOf[dev.SessionOpened])
	r.stop()
	if _, _, err := tab.Read(t.Context()); err == nil {
		t.Error("the tab is still connected")
	}
}

func TestControl_IsForItsOwnerAlone(t *testing.T) {
	r := newRig(t, newFakeApp(t))
	info, err := os.Stat(r.control)
	if err != nil || info.Mode().Perm() != 0o600 || info.Mode()&fs.ModeSocket == 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if resp, _ := r.get("/control"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the origin answers for the gateway itself: %s", resp.Status)
	}
}

func TestControl_RefusesWhatItDoesNotKnow(t *testing.T) {
	r := newRig(t, newFakeApp(t))
	for _, req := range []Request{{Do: "format"}, {}, {Do: DoAnnounce, Announce: dev.Announcement{How: "soon"}}} {
		if st, err := Call(t.Context(), r.control, req); err == nil {
			t.Errorf("%+v: %+v", req, st)
		}
	}
	conn, err := net.Dial("unix", r.control)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.Contains(string(answer), "not a request") {
		t.Errorf("%q, %v", answer, err)
	}
}

func TestCall_SaysThatNoGatewayIsThere(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Call(ctx, filepath.Join(t.TempDir(), "no.sock"), Request{Do: DoStatus}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// The gateway's container runs for a moment before the gateway listens, and the host sends commands during that time.
func TestCall_WaitsForAGatewayThatIsJustStarting(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "control.sock")
	answered := make(chan error, 1)
	go func() {
		_, err := Call(t.Context(), socket, Request{Do: DoStatus})
		answered <- err
	}()
	select {
	case err := <-answered:
		t.Fatalf("before there is a gateway: %v", err)
	case <-time.After(30 * time.Millisecond):
	}
	l, err := listenControl(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- serveControl(ctx, l, func(context.Context, Request) (Status, error) { return Status{}, nil })
	}()
	if err := <-answered; err != nil {
		t.Error(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestRun_SaysThatThePortIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = Run(t.Context(), Config{Listen: l.Addr().String()}, io.Discard)
	if e, ok := errors.AsType[*dev.Error](err); !ok || e.Code != dev.CodePortTaken {
		t.Errorf("%v", err)
	}
}

func TestRun_EndsWithItsContext(t *testing.T) {
	devtest.Leaks(t)
	dir, err := os.MkdirTemp("", "gateway")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "control.sock")
	// A socket that an earlier gateway left behind is replaced.
	if err := os.WriteFile(socket, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	cfg := Config{Listen: "127.0.0.1:0", Upstream: newFakeApp(t).addr, Host: "localhost", Control: socket}
	go func() { ended <- Run(ctx, cfg, io.Discard) }()
	for {
		if _, err := Call(ctx, socket, Request{Do: DoStatus}); err == nil {
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("ended with %v", err)
		default:
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestRun_GivesTheAppWhatItWasGranted(t *testing.T) {
	devtest.Leaks(t)
	r := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	cfg := Config{Listen: "127.0.0.1:0", Upstream: newFakeApp(t).addr, Host: "localhost", Control: filepath.Join(r, "s"), Credentials: address}
	var events bytes.Buffer
	go func() { ended <- Run(ctx, cfg, &events) }()
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	grant := awslocal.Grant{Authorization: "of-this-run", Keys: dev.AWSKeys{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "very-secret", Expires: until}}
	for {
		if st, err := Call(ctx, cfg.Control, Request{Do: DoGrant, Grant: grant}); err == nil {
			if !st.AWSExpires.Equal(until) {
				t.Errorf("%+v", st)
			}
			break
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "of-this-run")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil || !strings.Contains(string(body), "ASIAEXAMPLE") {
		t.Errorf("%s %q %v", res.Status, body, err)
	}
	http.DefaultClient.CloseIdleConnections()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if strings.Contains(events.String(), "very-secret") {
		t.Errorf("events tell: %s", &events)
	}
}
