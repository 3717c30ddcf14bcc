package access

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"time"

	"sdev/dev/gateway/door"
)

// overlap is how long a replaced key stays published. Source: Cloudflare, "Validate JWTs".
const overlap = 7 * 24 * time.Hour

// rotation is how long a key signs. Source: the same.
const rotation = 6 * 7 * 24 * time.Hour

// rotateIfDue replaces keys that have signed for too long.
func (d *Door) rotateIfDue() error {
	d.rotating.Lock()
	defer d.rotating.Unlock()
	now := d.cfg.Now()
	for now.Sub(d.keys.Signing().Since) >= rotation { // twice, if the next key is as old
		if err := d.keys.Rotate(now); err != nil {
			return err
		}
	}
	return nil
}

// certificate makes the self-signed certificate in which a key is published.
func certificate(k door.Key) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "cloudflareaccess.com", Organization: []string{"local stand-in"}},
		NotBefore: k.Since.Add(-time.Hour), NotAfter: k.Since.AddDate(10, 0, 0)}
	return x509.CreateCertificate(rand.Reader, template, template, k.Signer.Public(), k.Signer)
}

// publishedKey is a key as a JWK (RFC 7517).
type publishedKey struct {
	ID       string `json:"kid"`
	Type     string `json:"kty"`
	Alg      string `json:"alg"`
	Use      string `json:"use"`
	Exponent string `json:"e"`
	Modulus  string `json:"n"`
}

// publishedCert is a key as a certificate in PEM.
type publishedCert struct {
	ID   string `json:"kid"`
	Cert string `json:"cert"`
}

// serveCerts serves the keys with which verifiers check tokens. Source: Cloudflare, "Validate JWTs".
func (d *Door) serveCerts(w http.ResponseWriter, _ *http.Request) {
	var out struct {
		Keys  []publishedKey  `json:"keys"`
		Cert  publishedCert   `json:"public_cert"`
		Certs []publishedCert `json:"public_certs"`
	}
	signing := d.keys.Signing().ID
	for _, k := range d.keys.Published(d.cfg.Now()) {
		public, ok := k.Signer.Public().(*rsa.PublicKey)
		if !ok {
			continue // a damaged file can hold another kind of key; no token is signed with it
		}
		text := base64.RawURLEncoding.EncodeToString
		out.Keys = append(out.Keys, publishedKey{k.ID, "RSA", "RS256", "sig", text(big.NewInt(int64(public.E)).Bytes()), text(public.N.Bytes())})
		cert := publishedCert{k.ID, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.Certificate}))}
		if out.Certs = append(out.Certs, cert); k.ID == signing {
			out.Cert = cert
		}
	}
	w.Header().Set("Cache-Control", "public, max-age=60")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	serveJSON(w, http.StatusOK, out)
}

// serveJSON writes a JSON answer.
func serveJSON(w http.ResponseWriter, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may have gone
}
