package gateway

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"sdev/dev"
)

// Verification libraries have the hosts at which they fetch keys built in. In modes with a front door these names lead to
// the gateway, inside the app's network namespace only, and the gateway answers over TLS with a certificate of the
// project's authority, which only the app trusts.

// keyHosts serves those hosts.
type keyHosts struct {
	login        *loginServer
	certificates certificates
}

// listenKeys listens for TLS connections on the address of cfg.Keys.
func (g *gateway) listenKeys(ctx context.Context) error {
	l, err := listen(ctx, g.cfg.Keys)
	if err != nil {
		return err
	}
	k := &keyHosts{login: g.login}
	g.services = append(g.services, service{tls.NewListener(l, &tls.Config{GetCertificate: k.certificate, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}), k})
	return nil
}

// frontDoor returns the configuration of the front door; nil if the mode has none.
func (s *loginServer) frontDoor() *dev.FrontDoor {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.login.Door
}

// ServeHTTP passes a request to the front door, or to the local provider if the host is an identity provider's.
func (k *keyHosts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, _ := splitHost(r.Host)
	d, front, provider := k.login.frontDoor(), k.login.door(), k.login.current()
	switch {
	case d == nil || front == nil || provider == nil || !slices.Contains(d.Hosts(), host):
		plainText(w, http.StatusMisdirectedRequest, "The gateway of "+k.login.project+" does not answer for "+host+" in this mode.\n")
	case dev.IsIdentityHost(host):
		own := r.Clone(r.Context())
		issuer, err := url.Parse(k.login.hosts.origin)
		if err != nil {
			plainText(w, http.StatusInternalServerError, "the provider's address cannot be read\n")
			return
		}
		own.Host, own.URL.Path, own.URL.RawPath = issuer.Host, dev.AtPath+host+r.URL.Path, ""
		provider.ServeHTTP(w, own)
	default:
		front.ServeHost(w, r)
	}
}

// errNoCertificate makes a TLS handshake fail for any other host.
var errNoCertificate = errors.New("the gateway does not answer for this host")

// certificate returns a certificate for a host of the front door, and creates it at the first request.
func (k *keyHosts) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	d, host := k.login.frontDoor(), strings.ToLower(hello.ServerName)
	if d == nil || !slices.Contains(d.Hosts(), host) {
		return nil, errNoCertificate
	}
	return k.certificates.get(d.Authority, host)
}

// certificates are certificates by host, each made at its first use. They are safe for concurrent use.
type certificates struct {
	mu        sync.Mutex // guards the fields below
	authority string     // the certificate of the authority that signed them
	made      map[string]*tls.Certificate
}

// get returns a certificate for a host, signed by an authority.
func (c *certificates) get(a dev.Authority, host string) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.authority != string(a.Certificate) {
		c.authority, c.made = string(a.Certificate), map[string]*tls.Certificate{}
	}
	have, ok := c.made[host]
	if ok && time.Now().Before(have.Leaf.NotAfter.Add(-time.Hour)) {
		return have, nil
	}
	made, err := newCertificate(a, host, time.Now())
	if err == nil {
		c.made[host] = made
	}
	return made, err
}

// certificateFor is how long a certificate is valid. Some clients accept no more than about a year.
const certificateFor = 90 * 24 * time.Hour

// newCertificate makes a certificate for a host, signed by an authority.
func newCertificate(a dev.Authority, host string, now time.Time) (*tls.Certificate, error) {
	signer, err := tls.X509KeyPair(a.Certificate, a.Key)
	if err != nil {
		return nil, fmt.Errorf("the project's certificate authority: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("a key for %s: %w", host, err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("a certificate for %s: %w", host, err)
	}
	cert := x509.Certificate{SerialNumber: serial, DNSNames: []string{host}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateFor),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, &cert, signer.Leaf, key.Public(), signer.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("a certificate for %s: %w", host, err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("a certificate for %s: %w", host, err)
	}
	c, err := tls.X509KeyPair(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	return &c, err
}
