package devtest

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
)

// Relay forwards connections to a Unix socket until it is closed: closing it is what an engine that goes away looks like.
type Relay struct {
	listener net.Listener

	mu    sync.Mutex // guards conns
	conns []net.Conn
}

// RelayTo forwards the connections that a listener accepts to a Unix socket. Its goroutines end when the test ends, or with
// Close.
func RelayTo(t testing.TB, l net.Listener, socket string) *Relay {
	t.Helper()
	r := &Relay{listener: l}
	t.Cleanup(r.Close)
	go func() { // ends when the listener is closed
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := (&net.Dialer{}).DialContext(context.WithoutCancel(t.Context()), "unix", socket) // clean-ups use it, too
			if err != nil {
				_ = in.Close()
				return
			}
			r.mu.Lock()
			r.conns = append(r.conns, in, out)
			r.mu.Unlock()
			go pipe(out, in)
			go func() {
				pipe(in, out)
				_, _ = in.Close(), out.Close() // the engine has closed its side
			}()
		}
	}()
	return r
}

// pipe copies in one direction until either connection is closed, and then closes the other one's half.
func pipe(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// Close closes the listener and all connections.
func (r *Relay) Close() {
	_ = r.listener.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		_ = c.Close()
	}
}
