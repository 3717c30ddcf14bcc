// Package tunnel forwards a port of this machine to one that only a remote container engine can reach.
//
// Many connections share one [io.ReadWriteCloser], the carrier: here a command in the gateway's container, so
// that nothing has to listen on a network. [Forward] is the end with the browser, [Serve] the end with the app. Each
// blocks until its context or its carrier ends, and until every goroutine that it started has ended.
package tunnel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/hashicorp/yamux"
)

// settings are the library's defaults, without its log.
func settings() *yamux.Config {
	c := yamux.DefaultConfig()
	c.LogOutput = io.Discard
	c.MaxStreamWindowSize = 1 << 20 // much data is in flight during the round trip to a remote engine
	return c
}

// Serve connects streams that arrive over the carrier to an address. It returns nil when the carrier ends.
func Serve(ctx context.Context, carrier io.ReadWriteCloser, address string) error {
	session, err := yamux.Server(carrier, settings())
	if err != nil {
		return fmt.Errorf("tunnel: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = session.Close() })()
	defer session.Close() //nolint:errcheck // ends every stream
	var streams sync.WaitGroup
	defer streams.Wait()
	var dialer net.Dialer
	for {
		stream, err := session.AcceptStream()
		if err != nil {
			if ctx.Err() != nil || session.IsClosed() {
				return nil
			}
			return fmt.Errorf("tunnel: %w", err)
		}
		streams.Go(func() {
			conn, err := dialer.DialContext(ctx, "tcp", address)
			if err != nil {
				_ = stream.Close() // the other end sees a closed connection
				return
			}
			join(stream, conn)
		})
	}
}

// Forward forwards the connections that a listener accepts, until ctx ends. open creates the carrier, for the first
// connection and after it broke. A broken carrier cuts all open connections, and new ones are cut as long as
// open fails.
func Forward(ctx context.Context, listener net.Listener, open func(context.Context) (io.ReadWriteCloser, error)) error {
	n := &near{open: open}
	var conns sync.WaitGroup
	defer conns.Wait()
	defer n.close()
	defer context.AfterFunc(ctx, func() {
		_ = listener.Close()
		n.close()
	})()
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("tunnel: %w", err)
		}
		conns.Go(func() {
			stream, err := n.stream(ctx)
			if err != nil {
				_ = conn.Close()
				return
			}
			join(stream, conn)
		})
	}
}

// near owns the current session.
type near struct {
	open func(context.Context) (io.ReadWriteCloser, error)

	mu      sync.Mutex
	session *yamux.Session
	ended   bool
}

func (n *near) stream(ctx context.Context) (*yamux.Stream, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ended {
		return nil, net.ErrClosed
	}
	if n.session != nil && !n.session.IsClosed() {
		if s, err := n.session.OpenStream(); err == nil {
			return s, nil
		}
		_ = n.session.Close()
	}
	carrier, err := n.open(ctx)
	if err != nil {
		return nil, err
	}
	if n.session, err = yamux.Client(carrier, settings()); err != nil {
		return nil, errors.Join(err, carrier.Close())
	}
	return n.session.OpenStream()
}

func (n *near) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ended = true
	if n.session != nil {
		_ = n.session.Close()
	}
}

// join copies in both directions until both have ended. It passes on a half-closed connection.
func join(stream *yamux.Stream, conn net.Conn) {
	var both sync.WaitGroup
	both.Go(func() {
		_, err := io.Copy(conn, stream)
		if tcp, ok := conn.(interface{ CloseWrite() error }); ok && err == nil {
			_ = tcp.CloseWrite()
			return
		}
		_ = conn.Close()
	})
	both.Go(func() {
		if _, err := io.Copy(stream, conn); err != nil {
			_ = conn.Close()
		}
		_ = stream.Close() // its own half
	})
	both.Wait()
	_ = conn.Close()
}
