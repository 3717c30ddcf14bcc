//go:build !linux

package gateway

import (
	"context"
	"net"
	"time"
)

// dial connects to the app. Only Linux can acknowledge packets at once.
func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second}
	return d.DialContext(ctx, network, addr)
}
