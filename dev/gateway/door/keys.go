package door

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Key is a key with which a front door signs tokens.
type Key struct {
	ID          string
	Signer      crypto.Signer
	Since       time.Time // when it was created
	Certificate []byte    // X.509 in DER, for front doors that publish certificates; else nil
}

// KeyKind describes the keys of a front door.
type KeyKind struct {
	RSA   bool          // RSA with 2048 bits, else ECDSA with P-256
	NewID func() string // the id of a new key, in the form of the product
	// Certificate makes a certificate for a new key; nil if there is none.
	Certificate func(Key) ([]byte, error)
	Spare       bool          // the next key is published before it signs
	Overlap     time.Duration // how long a replaced key stays published; 0 for ever
}

// Keys are the keys of a front door, and the key of its cookies. They are safe for concurrent use.
type Keys struct {
	*Sealer

	kind KeyKind
	file File

	mu   sync.Mutex // guards ring
	ring []ringKey  // newest first; the spare one, if there is one, comes before the one that signs
	seal []byte
}

// ringKey is a key of the ring and its times.
type ringKey struct {
	Key
	retired time.Time // zero while it signs, or before
}

// storedKeys is the file. Source of the keys' form: PKCS #8 (RFC 5208) in DER.
type storedKeys struct {
	Seal []byte      `json:"seal"`
	Keys []storedKey `json:"keys"`
}

type storedKey struct {
	ID          string    `json:"id"`
	Private     []byte    `json:"private"`
	Since       time.Time `json:"since"`
	Retired     time.Time `json:"retired,omitzero"`
	Certificate []byte    `json:"certificate,omitempty"`
}

// LoadKeys reads the keys of a front door from its state directory, and creates missing ones. name is the front door's.
// A damaged file is replaced: people then have to sign in again.
func LoadKeys(state, name string, kind KeyKind, now time.Time) (*Keys, error) {
	k := &Keys{kind: kind, file: NewFile(state, "door-"+name+"-keys.json", "its keys")}
	err := k.read()
	if err != nil {
		return nil, err
	}
	created := k.seal == nil || len(k.ring) == 0
	if k.seal == nil {
		k.seal = make([]byte, sealKeySize)
		_, _ = rand.Read(k.seal) // never fails
	}
	if k.Sealer, err = newSealer(k.seal); err != nil {
		return nil, err
	}
	for created && len(k.ring) < k.kind.live() {
		if err := k.add(now); err != nil {
			return nil, err
		}
	}
	if !created {
		return k, nil
	}
	return k, k.write()
}

// live is the number of keys that are not retired.
func (kind KeyKind) live() int {
	if kind.Spare {
		return 2
	}
	return 1
}

// read reads the file, if it is there and undamaged.
func (k *Keys) read() error {
	var stored storedKeys
	if ok, err := k.file.Read(&stored); err != nil || !ok || len(stored.Seal) != sealKeySize {
		return err
	}
	var ring []ringKey
	for _, s := range stored.Keys {
		private, err := x509.ParsePKCS8PrivateKey(s.Private)
		signer, ok := private.(crypto.Signer)
		if err != nil || !ok || s.ID == "" {
			return nil
		}
		ring = append(ring, ringKey{Key{ID: s.ID, Signer: signer, Since: s.Since, Certificate: s.Certificate}, s.Retired})
	}
	k.seal, k.ring = stored.Seal, ring
	return nil
}

func (k *Keys) write() error {
	stored := storedKeys{Seal: k.seal}
	for _, r := range k.ring {
		private, err := x509.MarshalPKCS8PrivateKey(r.Signer)
		if err != nil {
			return fmt.Errorf("store a key: %w", err)
		}
		stored.Keys = append(stored.Keys, storedKey{r.ID, private, r.Since, r.retired, r.Certificate})
	}
	return k.file.Write(stored)
}

// add creates a key and puts it at the front of the ring.
func (k *Keys) add(now time.Time) error {
	key := Key{ID: k.kind.NewID(), Since: now}
	var err error
	if k.kind.RSA {
		key.Signer, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		key.Signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err == nil && k.kind.Certificate != nil {
		key.Certificate, err = k.kind.Certificate(key)
	}
	if err != nil {
		return fmt.Errorf("create a key: %w", err)
	}
	k.ring = slices.Insert(k.ring, 0, ringKey{Key: key})
	return nil
}

// Signing returns the key that signs now.
func (k *Keys) Signing() Key {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ring[k.kind.live()-1].Key
}

// Published returns the keys that verifiers get, newest first.
func (k *Keys) Published(now time.Time) []Key {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []Key
	for _, r := range k.ring {
		if r.retired.IsZero() || k.kind.Overlap == 0 || now.Before(r.retired.Add(k.kind.Overlap)) {
			out = append(out, r.Key)
		}
	}
	return out
}

// Unpublished returns a new key that no verifier knows. It is not stored: it is for a fault.
func (k *Keys) Unpublished(now time.Time) (Key, error) {
	other := Keys{kind: k.kind}
	if err := other.add(now); err != nil {
		return Key{}, err
	}
	return other.ring[0].Key, nil
}

// Rotate replaces the key that signs. The old one stays published for a while, so that its tokens stay valid.
func (k *Keys) Rotate(now time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	before := slices.Clone(k.ring)
	k.ring[k.kind.live()-1].retired = now
	if err := k.add(now); err != nil {
		k.ring = before
		return err
	}
	k.ring = k.ring[:min(len(k.ring), mostKeys)]
	return k.write()
}

// mostKeys limits the number of keys after many rotations.
const mostKeys = 10
