package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// The algorithms that tokens are signed with.
const (
	algRS = "RS256"
	algES = "ES256"
)

// keyOverlap is how long a retired key stays published: longer than the lifetime of ID tokens and than
// verifiers cache a key set.
const keyOverlap = 24 * time.Hour

// mostKeys limits the number of keys after many rotations: five generations.
const mostKeys = 10

// keyRing holds the provider's keys, newest first. Each algorithm has one signing key.
type keyRing struct {
	Keys []key `json:"keys"`
	// Forms is the key of the tokens in the provider's own forms.
	Forms []byte `json:"forms,omitempty"`
}

type key struct {
	ID      string          `json:"id"`
	Alg     string          `json:"alg"`
	Since   time.Time       `json:"since"`
	Shown   time.Time       `json:"shown,omitzero"`   // not published before this time
	Retired time.Time       `json:"retired,omitzero"` // when it stopped signing; zero while it signs
	Private jose.JSONWebKey `json:"private"`
}

func (k key) published(now time.Time) bool {
	return !now.Before(k.Shown) && (k.Retired.IsZero() || now.Before(k.Retired.Add(keyOverlap)))
}

// keyFor returns the key that signs with alg. Keys are generated on first use, so that a provider starts fast.
func (p *Provider) keyFor(alg string) (key, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.ensureKeysLocked(); err != nil {
		return key{}, err
	}
	for _, k := range p.keys.Keys {
		if k.Alg == alg && k.Retired.IsZero() {
			return k, nil
		}
	}
	return key{}, fmt.Errorf("no key for %s", alg)
}

// published returns the public keys for verifiers.
func (p *Provider) published() (jose.JSONWebKeySet, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	if err := p.ensureKeysLocked(); err != nil {
		return set, err
	}
	now := p.nowLocked()
	for _, k := range p.keys.Keys {
		if k.published(now) {
			set.Keys = append(set.Keys, k.Private.Public())
		}
	}
	return set, nil
}

// allKeys returns every key that may have signed a token, published or not.
func (p *Provider) allKeys() []key {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keys.Keys
}

func (p *Provider) ensureKeysLocked() error {
	if len(p.keys.Keys) > 0 {
		return nil
	}
	return p.rotateLocked(0)
}

// rotateLocked creates new signing keys, publishes them after hidden, and retires the old ones.
func (p *Provider) rotateLocked(hidden time.Duration) error {
	now := p.nowLocked()
	var keys []key
	for _, alg := range []string{algRS, algES} {
		k, err := newKey(alg, now)
		if err != nil {
			return err
		}
		if hidden > 0 {
			k.Shown = now.Add(hidden)
		}
		keys = append(keys, k)
	}
	for _, k := range p.keys.Keys {
		if k.Retired.IsZero() {
			k.Retired = now
		}
		if now.Before(k.Retired.Add(keyOverlap)) {
			keys = append(keys, k)
		}
	}
	keys = keys[:min(len(keys), mostKeys)]
	p.keys.Keys = keys // a new slice: others may still read the old one
	return p.store.saveKeys(p.keys)
}

func (p *Provider) rotate(hidden time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rotateLocked(hidden)
}

func newKey(alg string, now time.Time) (key, error) {
	var (
		private crypto.PrivateKey
		err     error
	)
	if alg == algES {
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	} else {
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		return key{}, fmt.Errorf("make a key: %w", err)
	}
	jwk := jose.JSONWebKey{Key: private, Algorithm: alg, Use: "sig"}
	sum, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return key{}, fmt.Errorf("name a key: %w", err)
	}
	jwk.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	return key{ID: jwk.KeyID, Alg: alg, Since: now, Private: jwk}, nil
}
