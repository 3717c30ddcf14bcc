package door

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// Sealer encrypts the values of a front door's cookies. Nobody without its key can read or make one.
type Sealer struct {
	aead cipher.AEAD
}

// sealKeySize is the size of a key in bytes: AES-256.
const sealKeySize = 32

// newSealer creates a sealer with a key of sealKeySize bytes.
func newSealer(key []byte) (*Sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("cookie key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("cookie key: %w", err)
	}
	return &Sealer{aead}, nil
}

// Seal returns a value as the text of a cookie. purpose separates kinds of values: a value that was sealed for one
// purpose cannot be opened for another.
func (s *Sealer) Seal(purpose string, value any) (string, error) {
	plain, err := plainJSON(value) // shorter, and cookies have a limited size
	if err != nil {
		return "", fmt.Errorf("seal %s: %w", purpose, err)
	}
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, plain, []byte(purpose))), nil
}

// ErrSeal is the error of a text that this sealer has not sealed for the purpose: it is damaged, forged, or of another
// project on the same host name.
var ErrSeal = errors.New("this gateway has not set the cookie")

// Open reads a sealed value into to, a pointer. It returns [ErrSeal] for any other text.
func (s *Sealer) Open(purpose, text string, to any) error {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return ErrSeal
	}
	plain, err := s.aead.Open(nil, nil, sealed, []byte(purpose))
	if err != nil || json.Unmarshal(plain, to) != nil {
		return ErrSeal
	}
	return nil
}

// RandomText returns n random characters of an alphabet.
func RandomText(alphabet string, n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b)
}

// Hex is the alphabet of hexadecimal digits.
const Hex = "0123456789abcdef"
