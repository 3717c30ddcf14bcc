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

// How long things live, by the provider's clock.
const (
	codeLife    = 10 * time.Minute // the most that RFC 6749 4.1.2 allows: a debugger may stand in between
	tokenLife   = time.Hour
	refreshLife = 30 * 24 * time.Hour
	sessionLife = 12 * time.Hour
)

// The files in the State directory.
const (
	keysFile   = "provider-keys.json"
	loginsFile = "provider-logins.json"
)

// data is all that changes while a provider runs, but for its keys. What is secret is the key of a
// map as its hash.
type data struct {
	Clock   time.Duration `json:"clock"`
	Faults  []Fault       `json:"faults"`
	People  []dev.Person  `json:"people"`
	Current string        `json:"current"`
	// Given is what the settings said about People and Current: what was changed since holds until
	// the settings say something else.
	Given    given                `json:"given"`
	Sessions map[string]session   `json:"sessions"`
	Codes    map[string]code      `json:"codes"`
	Grants   map[string]grant     `json:"grants"` // by id
	Refresh  map[string]refresh   `json:"refresh"`
	Revoked  map[string]time.Time `json:"revoked"` // ids of access tokens, until when they would have lived
	Devices  map[string]device    `json:"devices"`
	Pushed   map[string]pushed    `json:"pushed"`
	SelfMade map[string]selfMade  `json:"self_made"` // clients that registered themselves, by id
	Spent    map[string]time.Time `json:"spent"`     // what may happen once, until when it is remembered
}

type given struct {
	People  []dev.Person `json:"people"`
	Current string       `json:"current"`
}

// session is somebody who is signed in at the provider, by the hash of the cookie.
type session struct {
	ID      string     `json:"id"` // the claim sid
	Person  dev.Person `json:"person"`
	At      time.Time  `json:"at"` // when they signed in
	Expires time.Time  `json:"expires"`
	Clients []string   `json:"clients"` // who got tokens in it
}

// grant is what a client may do, and for whom. Codes and tokens refer to it, so that they end with it.
type grant struct {
	Client   string        `json:"client"`
	Person   *dev.Person   `json:"person,omitempty"` // nil: the client acts for itself
	Scope    []string      `json:"scope"`
	Session  string        `json:"session,omitempty"`
	At       time.Time     `json:"at"` // when the person signed in
	Nonce    string        `json:"nonce,omitempty"`
	ACR      string        `json:"acr,omitempty"`
	Claims   claimsRequest `json:"claims,omitzero"`
	Offline  bool          `json:"offline"`          // a refresh token comes with it
	Open     bool          `json:"open,omitempty"`   // nothing was given for it yet: somebody is in the middle of a login
	Touched  time.Time     `json:"touched,omitzero"` // when it was begun, or last traded for tokens
	Expires  time.Time     `json:"expires"`
	Audience string        `json:"audience,omitempty"`
	Actor    string        `json:"actor,omitempty"` // who acts on the person's behalf: its subject
}

// code is an authorization code, by its hash. It stays until it runs out, so that its replay is seen.
type code struct {
	Grant     string    `json:"grant"`
	Redirect  string    `json:"redirect"`
	Challenge string    `json:"challenge,omitempty"`
	Method    string    `json:"method,omitempty"`
	Used      bool      `json:"used"`
	Expires   time.Time `json:"expires"`
}

// refresh is a refresh token, by its hash.
type refresh struct {
	Grant   string    `json:"grant"`
	Used    bool      `json:"used"` // replaced by a newer one
	Expires time.Time `json:"expires"`
}

// load reads what the last provider on the same State left. What cannot be read is set aside, with a
// warning: a login is worth less than a start.
func (p *Provider) load() error {
	ring, keysWarning, err := read[ring](p.store, keysFile)
	if err != nil {
		return err
	}
	data, loginsWarning, err := read[data](p.store, loginsFile)
	if err != nil {
		return err
	}
	for _, w := range []dev.Warning{keysWarning, loginsWarning} {
		if w.Code != "" {
			p.emit(w)
		}
	}
	data.fill()
	if !sameJSON(p.cfg.People, data.Given.People) {
		data.Given.People, data.People = p.cfg.People, p.cfg.People
	}
	if p.cfg.Current != data.Given.Current {
		data.Given.Current, data.Current = p.cfg.Current, p.cfg.Current
	}
	if _, ok := personIn(data.People, data.Current); !ok {
		data.Current = ""
	}
	data.Faults = slices.DeleteFunc(data.Faults, func(f Fault) bool { return p.checkFault(f) != nil })
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ring, p.data = ring, data
	return nil
}

func (d *data) fill() {
	if d.Sessions == nil {
		d.Sessions = make(map[string]session)
	}
	if d.Codes == nil {
		d.Codes = make(map[string]code)
	}
	if d.Grants == nil {
		d.Grants = make(map[string]grant)
	}
	if d.Refresh == nil {
		d.Refresh = make(map[string]refresh)
	}
	if d.Revoked == nil {
		d.Revoked = make(map[string]time.Time)
	}
	if d.Devices == nil {
		d.Devices = make(map[string]device)
	}
	if d.Pushed == nil {
		d.Pushed = make(map[string]pushed)
	}
	if d.SelfMade == nil {
		d.SelfMade = make(map[string]selfMade)
	}
	if d.Spent == nil {
		d.Spent = make(map[string]time.Time)
	}
}

func sameJSON(a, b any) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && string(x) == string(y)
}

// save is one write of the state, for everybody who asked for one before it began.
type save struct {
	done chan struct{}
	err  error
}

// saveLocked writes what has changed, without what has run out. Whoever comes while another write is
// under way shares the next one, so that many logins at once cost few writes. The lock is given up
// meanwhile.
func (p *Provider) saveLocked() error {
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

// write writes the state as it is once no other write is under way.
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

// store is a directory of JSON files, or nothing at all.
type store struct {
	dir string
}

func (s store) saveKeys(r ring) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("%s: %w", keysFile, err)
	}
	return s.write(keysFile, b)
}

// write replaces a file in one step.
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
		Message: "cannot be written", Hint: "make the directory writable, and see that its disk is not full",
	}
}

// read gives what is in a file, which need not be there. One that makes no sense is renamed, and the
// warning says so.
func read[V any](s store, name string) (V, dev.Warning, error) {
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
			Message: "cannot be read", Hint: "make it readable, or remove it: everybody signs in again then",
		}
	}
	if json.Unmarshal(b, &v) == nil {
		return v, dev.Warning{}, nil
	}
	aside := file + ".broken"
	if err := os.Rename(file, aside); err != nil {
		return none, dev.Warning{}, &dev.Error{
			Code: dev.CodeAuthState, Exit: dev.ExitFailed, File: file, Cause: err,
			Message: "is damaged and cannot be moved away", Hint: "remove it: everybody signs in again then",
		}
	}
	return none, dev.Warning{
		Code: dev.CodeAuthState, Message: fmt.Sprintf("%s is damaged and was set aside as %s", name, filepath.Base(aside)),
		Hint: "sign in again; the damaged file can be removed",
	}, nil
}

// secret is a new random value that cannot be guessed.
func secret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// hashed is how a secret value is kept.
func hashed(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
