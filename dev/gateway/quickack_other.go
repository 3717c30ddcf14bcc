//go:build !linux

package gateway

import (
	"context"
	"net"
)

// dial connects to the app. Only Linux can acknowledge packets at once.
func dial(ctx context.Context, app appAddress) (net.Conn, error) {
	return app.connect(ctx, net.Dialer{Timeout: dialTimeout})
}
