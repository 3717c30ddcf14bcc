package gateway

import (
	"context"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// dial connects to the app and acknowledges its packets at once.
//
// Streamlit's server leaves Nagle's algorithm on (it makes its listening socket with protocol 0, for which asyncio does
// not set TCP_NODELAY). So of two writes in a row, such as a response's head and body or two messages of a run, the
// second waits until the first is acknowledged, and a kernel delays acknowledgements by up to 40 ms (tcp(7),
// TCP_QUICKACK). dial avoids that delay. A unix socket has none.
func dial(ctx context.Context, app appAddress) (net.Conn, error) {
	c, err := app.connect(ctx, net.Dialer{Timeout: dialTimeout})
	if err != nil {
		return nil, err
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c, nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c, nil // the connection works, only slower
	}
	return &quickackConn{Conn: c, raw: raw}, nil
}

// quickackConn hides the methods of net.TCPConn beyond net.Conn: every byte has to pass through Read.
type quickackConn struct {
	net.Conn
	raw syscall.RawConn
}

func (c *quickackConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	// The kernel may return to delayed acknowledgements at any time, so each read sets the option. If that fails,
	// the connection is only slower.
	_ = c.raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
	})
	return n, err
}
