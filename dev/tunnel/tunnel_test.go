package tunnel_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"sdev/dev/devtest"
	"sdev/dev/tunnel"
)

// line is a tunnel to a server. A test can break its transport.
type line struct {
	address string

	mu        sync.Mutex
	transport io.Closer
	opened    int
	dead      bool // opening a transport fails
}

func newLine(t *testing.T, target string) *line {
	t.Helper()
	devtest.Leaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	made := &line{address: l.Addr().String()}
	ctx, cancel := context.WithCancel(t.Context())
	var ends sync.WaitGroup
	ends.Go(func() {
		err := tunnel.Forward(ctx, l, func(context.Context) (io.ReadWriteCloser, error) {
			made.mu.Lock()
			defer made.mu.Unlock()
			if made.dead {
				return nil, errors.New("no engine")
			}
			near, far := net.Pipe()
			made.transport = near
			made.opened++
			ends.Go(func() {
				if err := tunnel.Serve(ctx, far, target); err != nil {
					t.Error(err)
				}
			})
			return near, nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		ends.Wait()
	})
	return made
}

func (l *line) cut(dead bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = dead
	_ = l.transport.Close()
}

func get(t *testing.T, url string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return string(b), err
}

func server(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestTunnel_CarriesManyConnectionsOverOneCarrier(t *testing.T) {
	l := newLine(t, server(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) }))
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			path := fmt.Sprintf("/%d", i)
			if got, err := get(t, "http://"+l.address+path); err != nil || got != path {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	all.Wait()
	if l.opened != 1 {
		t.Errorf("%d transports", l.opened)
	}
}

func TestTunnel_CarriesLargeDataAndOpenConnections(t *testing.T) {
	want := make([]byte, 5<<20)
	for i := range want {
		want[i] = byte(rand.Uint32())
	}
	l := newLine(t, server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/echo" {
			c, err := websocket.Accept(w, r, nil)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.CloseNow()
			for {
				kind, b, err := c.Read(r.Context())
				if err != nil || c.Write(r.Context(), kind, b) != nil {
					return
				}
			}
		}
		b, err := io.ReadAll(r.Body)
		if err == nil {
			_, err = w.Write(b)
		}
		if err != nil {
			t.Error(err)
		}
	}))
	c, _, err := websocket.Dial(t.Context(), "ws://"+l.address+"/echo", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	res, err := http.Post("http://"+l.address, "application/octet-stream", bytes.NewReader(want))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
	for _, text := range []string{"one", "two"} {
		if err := c.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, b, err := c.Read(t.Context()); err != nil || string(b) != text {
			t.Errorf("%q, %v", b, err)
		}
	}
}

// A client that closes its half of the connection still gets the answer.
func TestTunnel_PassesOnAHalfClosedConnection(t *testing.T) {
	far, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	go func() {
		conn, err := far.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		answer, _ := io.ReadAll(conn)
		_, _ = fmt.Fprintf(conn, "you said %s", answer)
	}()
	l := newLine(t, far.Addr().String())
	conn, err := net.Dial("tcp", l.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "all"); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(conn); err != nil || string(b) != "you said all" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestTunnel_ComesBackAfterItsTransportBroke(t *testing.T) {
	l := newLine(t, server(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "page") }))
	url := "http://" + l.address
	// A request is lost if the transport breaks meanwhile.
	answer := func() string {
		got, err := get(t, url)
		if err != nil {
			return err.Error()
		}
		return got
	}
	comes := func(got string) bool { return got == "page" }
	devtest.Eventually(t, answer, comes)
	l.cut(false)
	devtest.Eventually(t, answer, comes)
	l.cut(true)
	if got, err := get(t, url); err == nil {
		t.Errorf("without a transport comes %q", got)
	}
	l.cut(false)
	devtest.Eventually(t, answer, comes)
	if l.opened != 3 {
		t.Errorf("%d transports", l.opened)
	}
}

func TestTunnel_ClosesConnectionsWithoutAServer(t *testing.T) {
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	l := newLine(t, nobody.Addr().String())
	if got, err := get(t, "http://"+l.address); err == nil || strings.Contains(got, "page") {
		t.Errorf("%q", got)
	}
}
