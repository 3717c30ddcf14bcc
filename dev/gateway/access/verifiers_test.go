package access

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"sdev/dev"
	"sdev/dev/gateway/door"
	provider "sdev/dev/oidc"
)

// teamServer serves the team's host over TLS, as the gateway does inside the app's network namespace. It returns the port
// and the file of its authority's certificate.
func (r *rig) teamServer() (port int, authority string, roots *x509.CertPool) {
	r.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		r.t.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of a test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: r.cfg.Hosts(), NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		r.t.Fatal(err)
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), key)
	if err != nil {
		r.t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
	authority = filepath.Join(r.t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, text, 0o600); err != nil {
		r.t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	s := httptest.NewUnstartedServer(http.HandlerFunc(r.door.ServeHost))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leafDER}, PrivateKey: key}}}
	s.StartTLS()
	r.t.Cleanup(s.Close)
	return s.Listener.Addr().(*net.TCPAddr).Port, authority, roots
}

// verdicts are tokens as the app gets them, and who a verifier must find in each; "" is nobody.
type verdicts struct {
	tokens map[string]string
	want   map[string]string
	aud    string
}

// judge makes tokens: good ones, and one with each fault.
func (r *rig) judge() verdicts {
	r.t.Helper()
	v := verdicts{map[string]string{}, map[string]string{}, r.door.apps[0].Audience}
	add := func(name, who string) {
		r.t.Helper()
		v.tokens[name], v.want[name] = r.last().Header.Get(headerToken), who
	}
	r.signIn(alice, "/").want(r.t, http.StatusOK, "the app")
	add("a person", alice)
	r.get("/", "CF-Access-Client-Id", ciID, "CF-Access-Client-Secret", ciSecret).want(r.t, http.StatusOK, "the app")
	add("a program", ciID)
	r.visit("/other").want(r.t, http.StatusOK, "the app")
	add("another application", "")
	for _, name := range []string{dev.DoorAudience, dev.DoorIssuer, dev.DoorExpired, dev.DoorKey, dev.DoorSignature} {
		r.fault(name, nil)
		r.get("/").want(r.t, http.StatusOK, "the app")
		add(name, "")
		r.do(provider.Command{Do: provider.DoClear})
	}
	r.fault(dev.DoorClaims, map[string]string{"bytes": "6000"})
	r.get("/").want(r.t, http.StatusOK, "the app")
	add(dev.DoorClaims, alice) // a large token is a good one
	r.do(provider.Command{Do: provider.DoClear})
	v.tokens[dev.DoorHeader], v.want[dev.DoorHeader] = "", ""
	return v
}

// forVerifiers has two applications, and a service token.
func forVerifiers(c *door.Config) {
	withTokens(false)(c)
	service := dev.AccessPolicy{Decision: dev.AccessService, Include: []dev.AccessRule{{Kind: dev.RuleAnyToken}}}
	c.Access.Applications = []dev.AccessApplication{{Policies: append(everybody(), service)}, {Path: "/other", Policies: everybody()}}
}

// TestVerifier_GoOIDC has a library fetch the keys from the team's host, over TLS.
func TestVerifier_GoOIDC(t *testing.T) {
	r := newRig(t, forVerifiers)
	cases := r.judge()
	port, _, roots := r.teamServer()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}).String())
	}}
	t.Cleanup(transport.CloseIdleConnections)
	issuer := r.door.access.Issuer()
	ctx := oidc.ClientContext(t.Context(), &http.Client{Transport: transport})
	keys := oidc.NewRemoteKeySet(ctx, issuer+"/cdn-cgi/access/certs")
	verifier := oidc.NewVerifier(issuer, keys, &oidc.Config{ClientID: cases.aud})
	for name, raw := range cases.tokens {
		got := ""
		if found, err := verifier.Verify(ctx, raw); err == nil {
			var c token
			if err := found.Claims(&c); err != nil {
				t.Fatal(err)
			}
			got = c.Email + c.CommonName
		}
		if got != cases.want[name] {
			t.Errorf("%s: go-oidc finds %q, want %q", name, got, cases.want[name])
		}
	}
	// A verifier that has the keys already fetches them again for a token of the next one.
	if err := r.door.Rotate(); err != nil {
		t.Fatal(err)
	}
	r.client = r.browser()
	r.signIn(sam, "/").want(t, http.StatusOK, "the app")
	if _, err := verifier.Verify(ctx, r.last().Header.Get(headerToken)); err != nil {
		t.Errorf("after a rotation: %v", err)
	}
}
