package gateway

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"sdev/dev"
)

// With up --tls the app's origin is https, with a certificate of the project's authority. The port also takes plain HTTP:
// a health check in the container and other services go on to use it, and a browser is sent to https.

// tlsListener accepts connections of both kinds.
type tlsListener struct {
	net.Listener
	config *tls.Config
}

// Accept returns a connection that finds out at its first read which kind it is.
func (l *tlsListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &eitherConn{Conn: conn, config: l.config}, nil
}

// eitherConn is a connection over TLS or a plain one. Deadlines and Close act on the connection below.
type eitherConn struct {
	net.Conn
	config *tls.Config

	once   sync.Once
	stream net.Conn // set by the first Read, before anything can be written
	secure bool
	err    error
}

// recordHandshake is the first byte of a TLS connection: the type of a record (RFC 8446, section 5.1).
const recordHandshake = 22

// Read reads what the peer sent, decrypted if it speaks TLS.
func (c *eitherConn) Read(b []byte) (int, error) {
	c.once.Do(c.begin)
	if c.err != nil {
		return 0, c.err
	}
	return c.stream.Read(b)
}

// Write answers the peer, in the way in which it speaks.
func (c *eitherConn) Write(b []byte) (int, error) {
	c.once.Do(c.begin)
	if c.err != nil {
		return 0, c.err
	}
	return c.stream.Write(b)
}

// begin looks at the first byte.
func (c *eitherConn) begin() {
	ahead := bufio.NewReaderSize(c.Conn, 16)
	first, err := ahead.Peek(1)
	if err != nil {
		c.err = err
		return
	}
	c.stream = &peekedConn{c.Conn, ahead}
	if first[0] == recordHandshake {
		c.stream, c.secure = tls.Server(c.stream, c.config), true
	}
}

// peekedConn is a connection of which some bytes have been read ahead.
type peekedConn struct {
	net.Conn
	ahead *bufio.Reader
}

// Read returns the bytes that were read ahead, and then those of the connection.
func (c *peekedConn) Read(b []byte) (int, error) { return c.ahead.Read(b) }

// pageTLS is the configuration of TLS for the app's origin.
func (g *gateway) pageTLS() *tls.Config {
	var made certificates
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		a, host := g.login.pageAuthority(), strings.ToLower(hello.ServerName)
		if host == "" { // an IP address
			host = g.hosts.name
		}
		if a == nil || host != g.hosts.name && !slices.Contains(g.doorNames(), host) {
			return nil, errNoCertificate
		}
		return made.get(*a, host)
	}}
}

// pageAuthority signs the certificates of the app's origin; nil until the host has sent it.
func (s *loginServer) pageAuthority() *dev.Authority {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.login.Page
}

// connKey is the context key for the connection of a request.
type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// isSecure reports whether a request came over TLS.
func isSecure(r *http.Request) bool {
	c, ok := r.Context().Value(connKey{}).(*eitherConn)
	return ok && c.secure
}

// schemeOf returns the beginning of the address of a request.
func schemeOf(r *http.Request) string {
	if isSecure(r) {
		return "https://"
	}
	return "http://"
}
