package docker

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"
	bk "github.com/moby/buildkit/client"
)

// apiHTTP2 is the first engine API that serves BuildKit over HTTP/2 on the engine's own socket. It deprecates the
// endpoints /grpc and /session, which older engines have instead. Source: moby/moby, api/docs/CHANGELOG.md.
const apiHTTP2 = "1.53"

// http2Timeout limits how long an engine may take to answer over HTTP/2: a proxy in between may only know HTTP/1.1.
const http2Timeout = 10 * time.Second

// connectBuildKit connects to the engine's BuildKit: over HTTP/2 if the engine serves that, otherwise over /grpc and
// /session. The caller closes the connection.
func (e *Engine) connectBuildKit(ctx context.Context) (*bk.Client, error) {
	if builder := e.connectHTTP2(ctx); builder != nil {
		return builder, nil
	}
	builder, err := bk.New(ctx, "",
		bk.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return e.api.DialHijack(ctx, "/grpc", "h2c", nil)
		}),
		bk.WithSessionDialer(func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
			return e.api.DialHijack(ctx, "/session", proto, meta)
		}))
	if err != nil {
		return nil, engineError("start a build", err)
	}
	return builder, nil
}

// connectHTTP2 connects over HTTP/2, where the session is one of BuildKit's own calls. It returns nil if the engine or a
// proxy in front of it does not serve that.
func (e *Engine) connectHTTP2(ctx context.Context) *bk.Client {
	if versions.LessThan(e.newestAPI, apiHTTP2) {
		return nil
	}
	builder, err := bk.New(ctx, "", bk.WithContextDialer(e.dialHTTP2))
	if err != nil {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, http2Timeout)
	defer cancel()
	if _, err := builder.Info(bounded); err != nil {
		_ = builder.Close()
		return nil
	}
	return builder
}

// dialHTTP2 connects to the engine. Without TLS, the client begins with HTTP/2 and asks nothing first.
func (e *Engine) dialHTTP2(ctx context.Context, _ string) (net.Conn, error) {
	if e.tls == nil {
		return e.api.Dialer()(ctx)
	}
	address, err := client.ParseHostURL(e.endpoint.Host)
	if err != nil {
		return nil, err
	}
	config := e.tls.Clone()
	config.NextProtos = []string{"h2"}
	return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address.Host)
}

// keepTLS stores the TLS configuration that the options before it have chosen, if any.
func keepTLS(to **tls.Config) client.Opt {
	return func(c *client.Client) error {
		if transport, ok := c.HTTPClient().Transport.(*http.Transport); ok {
			*to = transport.TLSClientConfig
		}
		return nil
	}
}

// hasBuildKit reports whether the engine accepts a BuildKit connection.
func (e *Engine) hasBuildKit(ctx context.Context) bool {
	if builder := e.connectHTTP2(ctx); builder != nil {
		_ = builder.Close()
		return true
	}
	conn, err := e.api.DialHijack(ctx, "/grpc", "h2c", nil)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
