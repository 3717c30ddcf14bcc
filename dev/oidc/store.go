package oidc

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sdev/dev"
)

// Lifetimes, by the provider's clock.
const (
	codeLifetime    = 10 * time.Minute // the maximum of RFC 6749 4.1.2, for the sake of debuggers
	tokenLifetime   = time.Hour
	refreshLifetime = 30 * 24 * time.Hour
	sessionLifetime = 12 * time.Hour
)

// The files in the State directory.
const (
	keysFile   = "provider-keys.json"
	loginsFile = "provider-logins.json"
)

// data is all state that changes while a provider runs, except its keys. Secrets are map keys, as hashes.
type data struct {
	Clock   time.Duration `json:"clock"`
	Faults  []Fault       `json:"faults"`
	People  []dev.Person  `json:"people"`
	Current string        `json:"current"`
	// Configured is what the settings said about People and Current. Changes by command stay until
	// the settings change.
	Configured configured                  `json:"given"`
	Sessions   map[string]session          `json:"sessions"`
	Codes      map[string]ticket           `json:"codes"`
	Grants     map[string]grant            `json:"grants"` // by id
	Refresh    map[string]ticket           `json:"refresh"`
	Revoked    map[string]time.Time        `json:"revoked"` // ids of access tokens, with their expiry
	Devices    map[string]device           `json:"devices"`
	Pushed     map[string]pushedRequest    `json:"pushed"`
	Registered map[string]registeredClient `json:"self_made"` // clients that registered themselves, by id
	UsedOnce   map[string]time.Time        `json:"spent"`     // keys of useOnce, until when to remember them
}

type configured struct {
	People  []dev.Person `json:"people"`
	Current string       `json:"current"`
}

// session is a user's session at the provider, stored under the hash of its cookie.
type session struct {
	ID      string     `json:"id"` // the claim sid
	Person  dev.Person `json:"person"`
	At      time.Time  `json:"at"` // when the user signed in
	Expires time.Time  `json:"expires"`
	Clients []string   `json:"clients"` // ids of the clients that got tokens in it
}

// grant is what a client may do, and for whom. Codes and tokens refer to it and end with it.
type grant struct {
	Client   string        `json:"client"`
	Person   *dev.Person   `json:"person,omitempty"` // nil: the client acts for itself
	Scope    []string      `json:"scope"`
	Session  string        `json:"session,omitempty"`
	At       time.Time     `json:"at"` // when the person signed in
	Nonce    string        `json:"nonce,omitempty"`
	ACR      string        `json:"acr,omitempty"`
	Claims   claimsRequest `json:"claims,omitzero"`
	Offline  bool          `json:"offline"`          // it includes a refresh token
	Open     bool          `json:"open,omitempty"`   // no tokens were issued for it yet: the login is in progress
	Touched  time.Time     `json:"touched,omitzero"` // when it was created, or last used to get tokens
	Expires  time.Time     `json:"expires"`
	Audience string        `json:"audience,omitempty"`
	Actor    string        `json:"actor,omitempty"` // subject of the party that acts on the person's behalf
}

// load reads the state that the last provider stored. It renames a damaged file, with a warning: a lost login
// is better than a provider that does not start.
func (p *Provider) load() error {
	ring, keysWarning, err := readState[keyRing](p.store, keysFile)
	if err != nil {
		return err
	}
	data, loginsWarning, err := readState[data](p.store, loginsFile)
	if err != nil {
		return err
	}
	for _, w := range []dev.Warning{keysWarning, loginsWarning} {
		if w.Code != "" {
			p.emit(w)
		}
	}
	data.fill()
	if !sameJSON(p.cfg.People, data.Configured.People) {
		data.Configured.People, data.People = p.cfg.People, p.cfg.People
	}
	if p.cfg.Current != data.Configured.Current {
		data.Configured.Current, data.Current = p.cfg.Current, p.cfg.Current
	}
	if _, ok := personIn(data.People, data.Current); !ok {
		data.Current = ""
	}
	data.Faults = slices.DeleteFunc(data.Faults, func(f Fault) bool { return p.checkFault(f) != nil })
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys, p.data = ring, data
	return nil
}

func (d *data) fill() {
	if d.Sessions == nil {
		d.Sessions = make(map[string]session)
	}
	if d.Codes == nil {
		d.Codes = make(map[string]ticket)
	}
	if d.Grants == nil {
		d.Grants = make(map[string]grant)
	}
	if d.Refresh == nil {
		d.Refresh = make(map[string]ticket)
	}
	if d.Revoked == nil {
		d.Revoked = make(map[string]time.Time)
	}
	if d.Devices == nil {
		d.Devices = make(map[string]device)
	}
	if d.Pushed == nil {
		d.Pushed = make(map[string]pushedRequest)
	}
	if d.Registered == nil {
		d.Registered = make(map[string]registeredClient)
	}
	if d.UsedOnce == nil {
		d.UsedOnce = make(map[string]time.Time)
	}
}

func sameJSON(a, b any) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && string(x) == string(y)
}

// save is one write of the state, shared by everybody who asked for one before it began.
type save struct {
	done chan struct{}
	err  error
}

// awaitSave returns once the state, without expired entries, is on disk. Callers that come during a write share the
// next one, so that many simultaneous logins cost few writes.
//
// The caller holds p.mu. Like [sync.Cond.Wait], awaitSave releases it while it waits, and holds it again when it
// returns: the state may have changed meanwhile. So it is the last step of a change.
func (p *Provider) awaitSave() error {
	if p.store.dir == "" {
		p.data.prune(p.nowLocked())
		return nil
	}
	s := p.next
	leads := s == nil
	if leads {
		s = &save{done: make(chan struct{})}
		p.next = s
	}
	p.mu.Unlock()
	defer p.mu.Lock()
	if leads {
		s.err = p.write()
		close(s.done)
	}
	<-s.done
	return s.err
}

// write writes the current state once no other write is active.
func (p *Provider) write() error {
	p.writing.Lock()
	defer p.writing.Unlock()
	p.mu.Lock()
	p.next = nil
	p.data.prune(p.nowLocked())
	b, err := json.Marshal(p.data)
	p.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%s: %w", loginsFile, err)
	}
	return p.store.write(loginsFile, b)
}

// store is a directory of JSON files; without a directory it stores nothing.
type store struct {
	dir string
}

func (s store) saveKeys(r keyRing) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("%s: %w", keysFile, err)
	}
	return s.write(keysFile, b)
}

// write replaces a file atomically: a reader, or a crash, sees the old or the new one.
func (s store) write(name string, b []byte) error {
	if s.dir == "" {
		return nil
	}
	file := filepath.Join(s.dir, name)
	err := os.MkdirAll(s.dir, 0o700)
	if err == nil {
		err = dev.ReplaceFile(file, b, 0o600)
	}
	if err == nil {
		return nil
	}
	return &dev.Error{
		Code: dev.CodeAuthState, Exit: dev.ExitFailed, File: file, Cause: err,
		Message: "cannot be written", Hint: "make the directory writable, and check that its disk is not full",
	}
}

// readState reads a file, which need not exist. It renames a damaged one and returns a warning.
func readState[V any](s store, name string) (V, dev.Warning, error) {
	var v, none V
	if s.dir == "" {
		return none, dev.Warning{}, nil
	}
	file := filepath.Join(s.dir, name)
	b, err := dev.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return none, dev.Warning{}, nil
	}
	if err != nil {
		return none, dev.Warning{}, &dev.Error{
			Code: dev.CodeAuthState, Exit: dev.ExitFailed, File: file, Cause: err,
			Message: "cannot be read", Hint: "make it readable, or delete it: then everybody has to sign in again",
		}
	}
	if json.Unmarshal(b, &v) == nil {
		return v, dev.Warning{}, nil
	}
	aside := file + ".broken"
	if err := os.Rename(file, aside); err != nil {
		return none, dev.Warning{}, &dev.Error{
			Code: dev.CodeAuthState, Exit: dev.ExitFailed, File: file, Cause: err,
			Message: "is damaged and cannot be renamed", Hint: "delete it: then everybody has to sign in again",
		}
	}
	return none, dev.Warning{
		Code: dev.CodeAuthState, Message: fmt.Sprintf("%s is damaged and was renamed to %s", name, filepath.Base(aside)),
		Hint: "sign in again; you can delete the damaged file",
	}, nil
}

// randomToken is a new random value that cannot be guessed.
func randomToken() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// hash is the form in which a secret value is stored.
func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
