package mcp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"sdev/dev"
	"sdev/dev/live"
	"sdev/dev/reruns"
	"sdev/dev/session"
)

// fake is a project that says what a test gives it.
type fake struct {
	status   session.Status
	save     live.Save
	lines    []string
	events   []dev.Stamped
	people   []dev.Person
	findings []dev.Finding
	secrets  []string
	err      error
	panics   bool
	// hold keeps WaitUntilLive from returning until it is closed; nil keeps nothing.
	hold chan struct{}
	// waits gets a value when WaitUntilLive begins, and ended when its context has ended.
	waits, ended chan struct{}

	mu       sync.Mutex // guards what follows
	query    LogQuery
	path     string
	timeout  time.Duration
	restarts []string
}

func newFake() *fake {
	return &fake{waits: make(chan struct{}, MaxCalls), ended: make(chan struct{}, MaxCalls)}
}

func (f *fake) project() Project { return Project{f, f, f} }

func (f *fake) Status(context.Context) (session.Status, error) {
	if f.panics {
		panic("a nil map")
	}
	return f.status, f.err
}

func (f *fake) WaitUntilLive(ctx context.Context, path string, timeout time.Duration) (live.Save, error) {
	f.mu.Lock()
	f.path, f.timeout = path, timeout
	f.mu.Unlock()
	f.waits <- struct{}{}
	if f.hold == nil {
		return f.save, f.err
	}
	select {
	case <-f.hold:
		return f.save, f.err
	case <-ctx.Done():
		f.ended <- struct{}{}
		return live.Save{}, ctx.Err()
	}
}

func (f *fake) Logs(_ context.Context, q LogQuery) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.query = q
	return f.lines, f.err
}

func (f *fake) Reruns(context.Context, string) (*reruns.Log, error) {
	var log reruns.Log
	for _, s := range f.events {
		log.Add(s.Time, s.Event)
	}
	return &log, f.err
}

func (f *fake) People(context.Context) ([]dev.Person, bool, error) { return f.people, true, f.err }

func (f *fake) Preflight(context.Context) (Checks, error) {
	return Checks{Findings: f.findings, Rules: 80, Blocks: 1}, f.err
}

func (f *fake) Secrets(context.Context) []string { return f.secrets }

func (f *fake) Restart(_ context.Context, service string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.restarts = append(f.restarts, service)
	return "web", f.err
}

func (f *fake) SignInAs(_ context.Context, email string) (dev.Person, error) {
	return dev.Person{Email: email, Name: "Alice"}, f.err
}

// connected returns a client of a server, over the SDK's transport in memory.
func connected(t *testing.T, f *fake, allow ...string) *sdk.ClientSession {
	t.Helper()
	ours, theirs := sdk.NewInMemoryTransports()
	server, err := newServer(Options{Version: "1.2.3", Allow: allow}, f.project()).Connect(t.Context(), ours, nil)
	if err != nil {
		t.Fatal(err)
	}
	client, err := sdk.NewClient(&sdk.Implementation{Name: "test"}, nil).Connect(t.Context(), theirs, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.Close()
		_ = server.Wait()
	})
	return client
}

// call calls a tool that must be there.
func call(t *testing.T, c *sdk.ClientSession, tool string, arguments map[string]any) *sdk.CallToolResult {
	t.Helper()
	r, err := c.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	return r
}

func textOf(r *sdk.CallToolResult) string {
	var out []string
	for _, c := range r.Content {
		out = append(out, c.(*sdk.TextContent).Text)
	}
	return strings.Join(out, "\n")
}

// result calls a tool that must succeed, and returns its JSON and its text.
func result[T any](t *testing.T, c *sdk.ClientSession, tool string, arguments map[string]any) (value T, text string) {
	t.Helper()
	r := call(t, c, tool, arguments)
	if r.IsError {
		t.Fatalf("%s: %s", tool, textOf(r))
	}
	b, err := json.Marshal(r.StructuredContent)
	if err == nil {
		err = json.Unmarshal(b, &value)
	}
	if err != nil {
		t.Fatal(err)
	}
	return value, textOf(r)
}

// wire is the client's end of a server that [Serve] runs, line by line.
type wire struct {
	t     *testing.T
	in    *io.PipeWriter
	out   *bufio.Scanner
	stop  context.CancelFunc
	ended chan error
}

func served(t *testing.T, f *fake, allow ...string) *wire {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	w := &wire{t: t, in: toServer, out: bufio.NewScanner(fromServer), stop: stop, ended: make(chan error, 1)}
	w.out.Buffer(nil, 2*MaxAnswer)
	go func() {
		w.ended <- Serve(ctx, Options{Version: "1.2.3", Allow: allow}, f.project(), in, out)
		_ = out.Close()
	}()
	t.Cleanup(func() {
		stop()
		_ = toServer.Close()
		_ = in.Close()
		_ = fromServer.Close()
		if !errors.Is(<-w.ended, context.Canceled) {
			t.Log("the server had ended before")
		}
	})
	w.send(`{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`)
	w.read("hello")
	w.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	return w
}

// end waits for the end of Serve, and returns its error.
func (w *wire) end() error {
	err := <-w.ended
	w.ended <- err
	return err
}

func (w *wire) send(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w.in, text+"\n"); err != nil {
		w.t.Fatal(err)
	}
}

// call sends a call of a tool.
func (w *wire) call(id, tool, arguments string) {
	w.t.Helper()
	w.send(`{"jsonrpc":"2.0","id":"` + id + `","method":"tools/call","params":{"name":"` + tool + `","arguments":` + arguments + `}}`)
}

// message is a line of the server.
type message struct {
	Version string `json:"jsonrpc"`
	ID      any    `json:"id"`
	Result  struct {
		IsError bool                    `json:"isError"`
		Content []struct{ Text string } `json:"content"`
	} `json:"result"`
	Error struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// read reads the next line, which must be the answer to a call.
func (w *wire) read(id any) message {
	w.t.Helper()
	if !w.out.Scan() {
		w.t.Fatalf("no answer to %v: %v", id, w.out.Err())
	}
	var m message
	if err := json.Unmarshal(w.out.Bytes(), &m); err != nil || m.Version != "2.0" || m.ID != id {
		w.t.Fatalf("no answer to %v: %.300s", id, w.out.Text())
	}
	return m
}

func liveSave() live.Save {
	return live.Save{Dir: "/shop", Path: "Home.py", Verdict: live.Verdict{Outcome: live.Live, Reload: dev.AppReloaded{Trigger: "Home.py", MS: 74, Sessions: 2}}}
}
