package oidc

// Documents that only one real provider has, and that its own client library asks for.

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"time"
)

// serveCertificates publishes the keys that verify tokens as X.509 certificates by key id, as Google does at
// /oauth2/v1/certs, where google-auth looks for them.
func (p *Provider) serveCertificates(rc *requestContext) error {
	if _, err := p.published(); err != nil { // creates the keys on first use
		return err
	}
	out := map[string]string{}
	for _, k := range p.allKeys() {
		if !k.published(rc.now) || k.Alg != algRS {
			continue
		}
		about := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sdev, development only"}, NotBefore: k.Since.Add(-time.Hour), NotAfter: k.Since.Add(10 * 365 * 24 * time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, &about, &about, k.Private.Public().Key, k.Private.Key)
		if err != nil {
			return fmt.Errorf("certificate of key %s: %w", k.ID, err)
		}
		out[k.ID] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	return rc.reply(http.StatusOK, out)
}

// serveInstances answers Entra's instance discovery, which msal asks for the names that one cloud has. This one has none.
func (p *Provider) serveInstances(rc *requestContext) error {
	return rc.reply(http.StatusOK, map[string]any{"api-version": "1.1", "metadata": []any{}})
}
