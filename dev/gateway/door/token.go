package door

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// Token is a JWT before it is signed. Header and claims are JSON texts, because the order of their members is part of a
// product's wire format.
type Token struct {
	Header, Claims []byte
	// Padded writes base64 with padding, which RFC 7515 forbids and the load balancer of AWS uses. The signature covers it.
	Padded bool
}

// Sign returns the compact form of a token (RFC 7515, section 7.1): ES256 with an ECDSA key, RS256 with an RSA key
// (RFC 7518). The library for tokens cannot write padding, so the token is put together here.
func (t Token) Sign(k Key) (string, error) {
	encoding := base64.RawURLEncoding
	if t.Padded {
		encoding = base64.URLEncoding
	}
	text := encoding.EncodeToString(t.Header) + "." + encoding.EncodeToString(t.Claims)
	sum := sha256.Sum256([]byte(text))
	var signature []byte
	var err error
	switch private := k.Signer.(type) {
	case *ecdsa.PrivateKey:
		r, s, signErr := ecdsa.Sign(rand.Reader, private, sum[:])
		if err = signErr; err == nil {
			signature = make([]byte, 64) // r and s, 32 bytes each (RFC 7518, section 3.4)
			r.FillBytes(signature[:32])
			s.FillBytes(signature[32:])
		}
	case *rsa.PrivateKey:
		signature, err = rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, sum[:])
	default:
		err = fmt.Errorf("keys of type %T do not sign tokens", k.Signer)
	}
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return text + "." + encoding.EncodeToString(signature), nil
}

// BreakSignature changes a character in the middle of a token's signature, so that its length and encoding stay valid.
func BreakSignature(token string) string {
	i := strings.LastIndexByte(token, '.') + 20
	with := byte('A')
	if token[i] == 'A' {
		with = 'B'
	}
	return token[:i] + string(with) + token[i+1:]
}

// Member is a member of a JSON object.
type Member struct {
	Name  string
	Value any
}

// Object returns a JSON object with its members in this order. Like the products it escapes nothing but what JSON
// requires.
func Object(members ...Member) ([]byte, error) {
	out := []byte{'{'}
	for i, m := range members {
		name, err := json.Marshal(m.Name)
		if err != nil {
			return nil, fmt.Errorf("token: %w", err)
		}
		value, err := plainJSON(m.Value)
		if err != nil {
			return nil, fmt.Errorf("token: %s: %w", m.Name, err)
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, name...), ':'), value...)
	}
	return append(out, '}'), nil
}

// plainJSON encodes a value without escaping characters for HTML.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
