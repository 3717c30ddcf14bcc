package oidc

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// unsignedToken is a token before it is signed. Faults change it.
type unsignedToken struct {
	kind          string // "id_token", "access_token", …
	typ           string // header typ
	alg           string // "none" leaves it unsigned
	kid           string // header kid; "" is the signing key's
	claims        claims
	rawUnicode    bool         // non-ASCII characters stay unescaped
	badSignature  bool         // the signature gets invalidated
	beforeSigning func() error // runs before it is signed
}

// idToken signs an ID token, after faults have changed it.
func (rc *requestContext) idToken(alg string, c claims) (string, error) {
	t := &unsignedToken{kind: "id_token", typ: "JWT", alg: alg, claims: c}
	for _, f := range rc.p.takeFaults(rc, atClaims) {
		f.kind.claims(t.claims, f.Params)
	}
	for _, f := range rc.p.takeFaults(rc, atSigning) {
		f.kind.token(rc, t, f.Params)
	}
	return rc.p.sign(t)
}

// sign returns the compact form of a token (RFC 7515).
func (p *Provider) sign(t *unsignedToken) (string, error) {
	if t.beforeSigning != nil {
		if err := t.beforeSigning(); err != nil {
			return "", fmt.Errorf("%s: %w", t.kind, err)
		}
	}
	encode := asciiJSON
	if t.rawUnicode {
		encode = plainJSON
	}
	payload, err := encode(t.claims)
	if err != nil {
		return "", fmt.Errorf("%s: %w", t.kind, err)
	}
	if t.alg == "none" {
		head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"` + t.typ + `"}`))
		return head + "." + base64.RawURLEncoding.EncodeToString(payload) + ".", nil
	}
	k, err := p.keyFor(t.alg)
	if err != nil {
		return "", fmt.Errorf("%s: %w", t.kind, err)
	}
	private := k.Private
	if t.kid != "" {
		private.KeyID = t.kid
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(t.alg), Key: private}, (&jose.SignerOptions{}).WithType(jose.ContentType(t.typ)))
	if err != nil {
		return "", fmt.Errorf("%s: %w", t.kind, err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("%s: %w", t.kind, err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("%s: %w", t.kind, err)
	}
	if t.badSignature {
		token = breakSignature(token)
	}
	return token, nil
}

// breakSignature replaces the signature by an invalid one of the same length.
func breakSignature(token string) string {
	i := strings.LastIndexByte(token, '.')
	b, err := base64.RawURLEncoding.DecodeString(token[i+1:])
	if err != nil || len(b) == 0 {
		return token + "A"
	}
	b[len(b)/2] ^= 0xff
	return token[:i+1] + base64.RawURLEncoding.EncodeToString(b)
}

// verifyToken verifies one of our own tokens and returns its claims; the caller checks the expiry.
func (p *Provider) verifyToken(token string) (claims, bool) {
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{algRS, algES})
	if err != nil || len(signed.Signatures) != 1 {
		return nil, false
	}
	for _, k := range p.allKeys() {
		if k.ID != signed.Signatures[0].Header.KeyID {
			continue
		}
		payload, err := signed.Verify(k.Private.Public())
		if err != nil {
			return nil, false
		}
		var c claims
		return c, json.Unmarshal(payload, &c) == nil && (c["iss"] == p.cfg.Issuer || p.cfg.Mapped != nil)
	}
	return nil, false
}

// halfHash is at_hash (OpenID Connect Core 3.1.3.6); both of our algorithms use SHA-256.
func halfHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
