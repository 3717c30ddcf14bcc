// Package tunnel forwards a port of this machine to a port that only the machine of a remote container engine can
// reach.
//
// Many connections share one [io.ReadWriteCloser], the transport. sdev uses a command in the gateway's container as
// the transport, so that nothing has to listen on a network. [Forward] runs on the browser's machine, [Serve] in the
// container. Forward blocks until its context ends, and opens a new transport after one has broken; Serve blocks until
// its context or its transport ends. Both return only when every goroutine that they started has ended.
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

// settings returns the library's defaults, but without a log and with a larger window.
func settings() *yamux.Config {
	c := yamux.DefaultConfig()
	c.LogOutput = io.Discard
	c.MaxStreamWindowSize = 1 << 20 // much data is in flight during the round trip to a remote engine
	return c
}

// Serve connects streams that arrive over the transport to an address. It returns nil when the transport ends.
func Serve(ctx context.Context, transport io.ReadWriteCloser, address string) error {
	session, err := yamux.Server(transport, settings())
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

// Forward forwards the connections that a listener accepts, until ctx ends. It calls open to get a transport, for the
// first connection and for the first one after a transport broke. All open connections break with the transport, and
// Forward closes new ones as long as open fails.
func Forward(ctx context.Context, listener net.Listener, open func(context.Context) (io.ReadWriteCloser, error)) error {
	c := &transportSession{open: open}
	var conns sync.WaitGroup
	defer conns.Wait()
	defer c.close()
	defer context.AfterFunc(ctx, func() {
		_ = listener.Close()
		c.close()
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
			stream, err := c.stream(ctx)
			if err != nil {
				_ = conn.Close()
				return
			}
			join(stream, conn)
		})
	}
}

// transportSession opens streams over the current transport, and over a new one if there is none.
type transportSession struct {
	open func(context.Context) (io.ReadWriteCloser, error)

	mu      sync.Mutex // guards the fields below
	session *yamux.Session
	closed  bool
}

func (c *transportSession) stream(ctx context.Context) (*yamux.Stream, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, net.ErrClosed
	}
	if c.session != nil && !c.session.IsClosed() {
		if s, err := c.session.OpenStream(); err == nil {
			return s, nil
		}
		_ = c.session.Close()
	}
	transport, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	if c.session, err = yamux.Client(transport, settings()); err != nil {
		return nil, errors.Join(err, transport.Close())
	}
	return c.session.OpenStream()
}

func (c *transportSession) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.session != nil {
		_ = c.session.Close()
	}
}

// join copies in both directions until both have ended. If one side closes its half of the connection, join closes that
// half on the other side.
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
		_ = stream.Close() // closes only the half in this direction
	})
	both.Wait()
	_ = conn.Close()
}
