package iap

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// The paths of the proxy's keys at [dev.IAPKeyHost]: PEM by key id, and a JWK set.
const (
	keysPath = "/iap/verify/public_key"
	jwksPath = "/iap/verify/public_key-jwk"
)

// overlap is how long a replaced key stays published.
const overlap = 24 * time.Hour

// newKeyID returns an id as short as those of Google's keys.
func newKeyID() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return door.RandomText(alphabet, 6)
}

// publicJWK is a public key (RFC 7517, RFC 7518, section 6.2), with its members in the order of the alphabet.
type publicJWK struct {
	Alg string `json:"alg"`
	Crv string `json:"crv"`
	Kid string `json:"kid"`
	Kty string `json:"kty"`
	Use string `json:"use"`
	X   string `json:"x"`
	Y   string `json:"y"`
}

// ServeHost serves the public keys in both forms. Verifiers may not keep them, so that a rotation takes effect at once.
func (d *Door) ServeHost(w http.ResponseWriter, r *http.Request) {
	var body any
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		door.Refuse(w, http.StatusMethodNotAllowed, "text/plain; charset=utf-8", "Keys can only be read.\n")
		return
	case r.URL.Path == keysPath:
		all := map[string]string{}
		for _, k := range d.keys.Published(d.cfg.Now()) {
			all[k.ID] = publicPEM(k)
		}
		body = all
	case r.URL.Path == jwksPath:
		all := []publicJWK{}
		for _, k := range d.keys.Published(d.cfg.Now()) {
			all = append(all, newPublicJWK(k))
		}
		body = map[string][]publicJWK{"keys": all}
	default:
		door.Refuse(w, http.StatusNotFound, "text/plain; charset=utf-8", fmt.Sprintf(
			"sdev stands in for %s with the keys of Identity-Aware Proxy only: %s and %s. It has no %.80q.\n", dev.IAPKeyHost, keysPath, jwksPath, r.URL.Path))
		return
	}
	b, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		panic(err) // texts only: cannot fail
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(b) // the client may have gone
}

// publicPEM returns a public key as PEM with a SubjectPublicKeyInfo (RFC 5280).
func publicPEM(k door.Key) string {
	der, err := x509.MarshalPKIXPublicKey(k.Signer.Public())
	if err != nil {
		panic(err) // a key on P-256: cannot fail
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func newPublicJWK(k door.Key) publicJWK {
	out := publicJWK{Alg: "ES256", Crv: "P-256", Kid: k.ID, Kty: "EC", Use: "sig"}
	if public, ok := k.Signer.Public().(*ecdsa.PublicKey); ok {
		if point, err := public.Bytes(); err == nil && len(point) == 65 { // 4, x, y
			out.X, out.Y = base64.RawURLEncoding.EncodeToString(point[1:33]), base64.RawURLEncoding.EncodeToString(point[33:])
		}
	}
	return out
}
