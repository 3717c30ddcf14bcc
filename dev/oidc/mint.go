package oidc

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// mint is a token before it is signed. Faults change it.
type mint struct {
	kind   string // "id_token", "access_token", …
	typ    string // header typ
	alg    string // "none" leaves it unsigned
	kid    string // header kid; "" is the signing key's
	claims claims
	raw    bool         // characters beyond ASCII stay as they are
	forged bool         // the signature does not fit
	before func() error // acts before it is signed
}

// idToken signs an ID token, past the faults that spoil one.
func (x *exchange) idToken(alg string, c claims) (string, error) {
	m := &mint{kind: "id_token", typ: "JWT", alg: alg, claims: c}
	for _, f := range x.p.take(x, atClaims) {
		f.kind.claims(m.claims, f.Params)
	}
	for _, f := range x.p.take(x, atMint) {
		f.kind.mint(x, m, f.Params)
	}
	return x.p.sign(m)
}

// sign gives the compact form of a token (RFC 7515).
func (p *Provider) sign(m *mint) (string, error) {
	if m.before != nil {
		if err := m.before(); err != nil {
			return "", fmt.Errorf("%s: %w", m.kind, err)
		}
	}
	encode := asciiJSON
	if m.raw {
		encode = plainJSON
	}
	payload, err := encode(m.claims)
	if err != nil {
		return "", fmt.Errorf("%s: %w", m.kind, err)
	}
	if m.alg == "none" {
		head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"` + m.typ + `"}`))
		return head + "." + base64.RawURLEncoding.EncodeToString(payload) + ".", nil
	}
	k, err := p.keyFor(m.alg)
	if err != nil {
		return "", fmt.Errorf("%s: %w", m.kind, err)
	}
	private := k.Private
	if m.kid != "" {
		private.KeyID = m.kid
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(m.alg), Key: private}, (&jose.SignerOptions{}).WithType(jose.ContentType(m.typ)))
	if err != nil {
		return "", fmt.Errorf("%s: %w", m.kind, err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("%s: %w", m.kind, err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("%s: %w", m.kind, err)
	}
	if m.forged {
		token = forge(token)
	}
	return token, nil
}

// forge replaces the signature by one of the same length that does not fit.
func forge(token string) string {
	i := strings.LastIndexByte(token, '.')
	b, err := base64.RawURLEncoding.DecodeString(token[i+1:])
	if err != nil || len(b) == 0 {
		return token + "A"
	}
	b[len(b)/2] ^= 0xff
	return token[:i+1] + base64.RawURLEncoding.EncodeToString(b)
}

// read verifies a token of our own and gives its claims; whether it has run out is for the caller.
func (p *Provider) read(token string) (claims, bool) {
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{algRS, algES})
	if err != nil || len(signed.Signatures) != 1 {
		return nil, false
	}
	for _, k := range p.known() {
		if k.ID != signed.Signatures[0].Header.KeyID {
			continue
		}
		payload, err := signed.Verify(k.Private.Public())
		if err != nil {
			return nil, false
		}
		var c claims
		return c, json.Unmarshal(payload, &c) == nil && c["iss"] == p.cfg.Issuer
	}
	return nil, false
}

// halfHash is at_hash (OpenID Connect Core 3.1.3.6); both of our algorithms use SHA-256.
func halfHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
