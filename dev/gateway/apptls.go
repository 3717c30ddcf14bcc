package gateway

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"sdev/dev"
)

// An app may serve its page over TLS: server.sslCertFile in its config.toml, or as a variable or a flag. Only the answer
// to a request shows that. The gateway then speaks TLS with the app and goes on to speak plain HTTP with the browser. It
// does not verify the certificate, which is for another name: the app's port is on loopback in its own network
// namespace.

// tlsHandshake limits the attempt to speak TLS with the app.
const tlsHandshake = 2 * time.Second

func appTLS() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}} //nolint:gosec // loopback, see above
}

// schemeTransport passes requests to the app, over TLS if the app's port expects it.
type schemeTransport struct {
	next http.RoundTripper
	app  appAddress
	emit func(dev.Event)

	mu     sync.Mutex // guards the fields below
	tls    bool
	plain  bool // the app has answered in plain HTTP
	warned bool
}

// RoundTrip sends a request. If the app's answer is none in the scheme that worked last, it tries the other scheme, and
// repeats the request if it has no body.
func (t *schemeTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.mu.Lock()
	secure := t.tls
	t.mu.Unlock()
	resp, err := t.send(r, secure)
	doubtful := err != nil && !isRefused(err) && r.Context().Err() == nil || err == nil && !secure && t.isDoubtful(resp)
	if !doubtful || t.speaksTLS(r.Context()) == secure {
		return resp, err
	}
	if err == nil {
		resp.Body.Close()
	}
	t.switchTo(!secure)
	if r.Body != nil && r.Body != http.NoBody {
		return nil, cmp.Or(err, errOtherScheme)
	}
	return t.send(r, !secure)
}

// errOtherScheme is why a request with a body is not repeated: its body is gone.
var errOtherScheme = errors.New("the app's port expects another scheme")

// isDoubtful reports whether a response may come from a port that expects TLS: many servers answer 400 there. Once the
// app has given another answer, it speaks HTTP.
func (t *schemeTransport) isDoubtful(resp *http.Response) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.plain = t.plain || resp.StatusCode != http.StatusBadRequest
	return !t.plain
}

func (t *schemeTransport) send(r *http.Request, secure bool) (*http.Response, error) {
	if secure {
		r = r.Clone(r.Context())
		r.URL.Scheme = "https"
	}
	return t.next.RoundTrip(r)
}

// speaksTLS reports whether the app's port takes part in a TLS handshake.
func (t *schemeTransport) speaksTLS(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, tlsHandshake)
	defer cancel()
	conn, err := t.app.connect(ctx, net.Dialer{})
	if err != nil {
		return false
	}
	defer conn.Close() // nothing was sent
	config := appTLS()
	config.ServerName = "localhost"
	return tls.Client(conn, config).HandshakeContext(ctx) == nil
}

// switchTo records how to reach the app, and reports TLS once.
func (t *schemeTransport) switchTo(secure bool) {
	t.mu.Lock()
	t.tls, t.plain = secure, false
	warn := secure && !t.warned
	t.warned = t.warned || secure
	t.mu.Unlock()
	if warn {
		t.emit(dev.Warning{
			Code:    dev.CodeAppTLS,
			Message: "the app serves its page over TLS (server.sslCertFile); sdev passes it on as plain http on this machine",
			Hint:    "no action needed; the certificate is used where the app is deployed",
		})
	}
}
