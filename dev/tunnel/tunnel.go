// Package tunnel brings a port that only a container engine far away can reach to this machine.
//
// Whatever carries bytes both ways will do, since many connections share one [io.ReadWriteCloser]:
// here it is a command in the gateway's container, so that nothing has to listen on a network.
// [Near] is the end with the browser, [Far] the end with the app. Each blocks until its context
// ends, or its carrier does, and until every goroutine it started has ended.
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

// settings are the library's own, except that it keeps quiet: what it would print goes to nobody.
func settings() *yamux.Config {
	c := yamux.DefaultConfig()
	c.LogOutput = io.Discard
	c.MaxStreamWindowSize = 1 << 20 // an engine far away has a round trip in which much can be under way
	return c
}

// Far connects what arrives over the carrier to an address, until the carrier ends, which is no
// error.
func Far(ctx context.Context, carrier io.ReadWriteCloser, address string) error {
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
				_ = stream.Close() // whoever is at the other end sees a connection that ended
				return
			}
			join(stream, conn)
		})
	}
}

// Near carries the connections that a listener accepts, until ctx ends. open makes the carrier, at
// the first connection and again after it broke: connections that were under way are cut then, and
// while it cannot be made new ones are.
func Near(ctx context.Context, listener net.Listener, open func(context.Context) (io.ReadWriteCloser, error)) error {
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

// near owns the session of the moment.
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

// join copies both ways until both have ended. An end that only says that it will send no more is
// passed on as such.
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
