package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"path/filepath"
	"slices"
	"time"

	"sdev/dev"
)

// AuthorityFile is the name of the file, in the login directory, with the authority's certificate alone: for browsers.
const AuthorityFile = "authority.pem"

// authorityFor is how long a project's certificate authority is valid, and authorityRenew how long before its end a new
// one replaces it.
const (
	authorityFor   = 5 * 365 * 24 * time.Hour
	authorityRenew = 365 * 24 * time.Hour
)

// authorityDomains are the only domains for which certificates of a project's authority are valid, besides the addresses of
// this machine: even with its key, nobody can imitate any other host.
func authorityDomains() []string {
	return []string{"localhost", "amazonaws.com", "amazonaws.com.cn", "gstatic.com", "google.com", "googleapis.com", "cloudflareaccess.com"}
}

// Authority returns the project's certificate authority, and creates it if there is none, or if it is damaged or about to
// expire. Only the app's container trusts it, in modes with a front door. It is in the login directory, with mode 0600.
func (p *Project) Authority(now time.Time) (dev.Authority, error) {
	dir, err := p.LoginDir()
	if err != nil {
		return dev.Authority{}, err
	}
	file := filepath.Join(dir, "authority.json")
	var a dev.Authority
	if b, err := dev.ReadFile(file); err == nil && json.Unmarshal(b, &a) == nil && isUsable(a, now) {
		return a, nil
	}
	if a, err = newAuthority(p.Name, now); err != nil {
		return a, err
	}
	b, err := json.Marshal(a)
	if err != nil {
		return a, fmt.Errorf("store the certificate authority: %w", err)
	}
	if err := writePrivate(filepath.Join(dir, AuthorityFile), a.Certificate); err != nil {
		return a, err
	}
	return a, writePrivate(file, b)
}

// loopback returns the addresses of this machine. Without them, a certificate for any address would be valid: constraints
// of names do not apply to addresses (RFC 5280, section 4.2.1.10).
func loopback() []*net.IPNet {
	return []*net.IPNet{{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)}, {IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)}}
}

// isUsable reports whether an authority can be read, is valid for a while, and has the constraints of this version of sdev.
func isUsable(a dev.Authority, now time.Time) bool {
	block, _ := pem.Decode(a.Certificate)
	if block == nil {
		return false
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	key, _ := pem.Decode(a.Key)
	if err != nil || key == nil || now.Before(cert.NotBefore) || now.Add(authorityRenew).After(cert.NotAfter) {
		return false
	}
	if !slices.Equal(cert.PermittedDNSDomains, authorityDomains()) || len(cert.PermittedIPRanges) != len(loopback()) {
		return false
	}
	private, err := x509.ParsePKCS8PrivateKey(key.Bytes)
	signer, ok := private.(*ecdsa.PrivateKey)
	return err == nil && ok && signer.PublicKey.Equal(cert.PublicKey)
}

func newAuthority(project string, now time.Time) (dev.Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return dev.Authority{}, fmt.Errorf("create a certificate authority: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return dev.Authority{}, fmt.Errorf("create a certificate authority: %w", err)
	}
	cert := x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "sdev: " + project + " (this machine only)", Organization: []string{"sdev"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(authorityFor), IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: authorityDomains(), PermittedIPRanges: loopback(),
	}
	der, err := x509.CreateCertificate(rand.Reader, &cert, &cert, key.Public(), key)
	if err != nil {
		return dev.Authority{}, fmt.Errorf("create a certificate authority: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return dev.Authority{}, fmt.Errorf("create a certificate authority: %w", err)
	}
	return dev.Authority{
		Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}, nil
}
