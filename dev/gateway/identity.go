package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"sync"

	"sdev/dev"
	"sdev/dev/awslocal"
	"sdev/dev/oidc"
	"sdev/dev/streamlit"
)

// identity is how people sign in: the local provider, and the stand-in for the parameter store that
// tells an app of it. What it was told last it keeps in the state directory, so that a gateway that was
// restarted goes on without being told again.
//
// As an [http.Handler] it is the provider's origin. It is there in every mode, so that a change of
// the mode leaves the gateway as it is; where nobody signs in it says so.
type identity struct {
	project    string
	state      string // the directory where all is kept; "" keeps it in memory
	hosts      hosts
	emit       func(dev.Event)
	parameters awslocal.Parameters

	mu       sync.Mutex // guards what follows
	login    dev.Login
	provider *oidc.Provider // nil in modes without a login
}

func newIdentity(cfg Config, emit func(dev.Event)) *identity {
	own := Config{Listen: fmt.Sprintf(":%d", cfg.Identity), Host: "localhost", Port: cfg.Identity}
	return &identity{project: cfg.Project, state: cfg.State, hosts: newHosts(own), emit: emit, login: dev.Login{Mode: dev.Local}}
}

func (i *identity) file() string { return filepath.Join(i.state, dev.LoginFile) }

// recall goes on where the last gateway was. Where that cannot be, nobody signs in until the host,
// which sees that something else is kept than it wants, sends it again.
func (i *identity) recall() error {
	if i.state == "" {
		return nil
	}
	b, err := dev.ReadFile(i.file())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var login dev.Login
	if err == nil {
		err = json.Unmarshal(b, &login)
	}
	if err == nil {
		err = i.use(login)
	}
	if err != nil {
		_ = os.Remove(i.file()) // so that the host sends it again, also where it wants the same
		return fmt.Errorf("how people sign in cannot be read from %s: %w", dev.LoginFile, err)
	}
	return nil
}

// set makes a login the one in force, and keeps it. It reports whether the mode is another one now.
func (i *identity) set(ctx context.Context, login dev.Login) (switched bool, err error) {
	before := i.mode()
	if err := i.use(login); err != nil {
		return false, inWords(err)
	}
	// A provider keeps people that it was told of meanwhile. Those of the project's files now are these.
	if p := i.current(); p != nil {
		if _, err := p.Do(ctx, oidc.Command{Do: oidc.DoPeople, People: login.People}); err != nil {
			return false, inWords(err)
		}
	}
	if err := i.keep(login); err != nil {
		return false, unkept(err)
	}
	return before != login.Mode, nil
}

// unkept is the error of a state directory that nothing can be written to. A directory that was removed while
// the gateway runs comes back for the next one only.
func unkept(err error) error {
	return &dev.Error{Code: dev.CodeAuthState, Exit: dev.ExitFailed, Cause: err, Message: "the gateway cannot write to " + dev.StateDir + "/" + dev.LoginDir,
		Hint: "was it removed while the project ran? run: sdev down, then sdev up again; else make it writable"}
}

// inWords makes the provider's error of its state directory, which it knows by its path in here, ours.
func inWords(err error) error {
	if e, ok := errors.AsType[*dev.Error](err); ok && e.Code == dev.CodeAuthState {
		return unkept(e)
	}
	return err
}

// keep writes a login down, for the gateway after this one and for the host, which compares.
func (i *identity) keep(login dev.Login) error {
	if i.state == "" {
		return nil
	}
	b, err := json.Marshal(login)
	if err != nil {
		return err
	}
	return dev.ReplaceFile(i.file(), b, 0o600)
}

// use makes a login the one in force. A provider whose settings are as they were goes on as it is;
// another one takes over its keys and sessions, which are on disk.
func (i *identity) use(login dev.Login) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.provider != nil && reflect.DeepEqual(i.login, login) {
		return nil
	}
	var provider *oidc.Provider
	if login.Mode.SignsIn() {
		var err error
		provider, err = oidc.New(oidc.Config{Issuer: login.Issuer, Project: i.project, Profile: login.Profile, People: login.People,
			Clients: login.Clients, Current: login.Current, State: i.state, Emit: i.emit})
		if err != nil {
			return err
		}
	}
	i.provider, i.login = provider, login
	i.parameters.Set(login.Parameters)
	return nil
}

func (i *identity) mode() dev.Mode {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.login.Mode
}

// user is the e-mail address of who signed in where a request comes from, as far as the app's cookies
// tell.
func (i *identity) user(r *http.Request) string {
	i.mu.Lock()
	secret := i.login.Cookies
	i.mu.Unlock()
	return streamlit.User(secret, r)
}

// issuer is the provider's origin; "" where nobody signs in.
func (i *identity) issuer() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.login.Mode.SignsIn() {
		return ""
	}
	return i.hosts.origin
}

func (i *identity) current() *oidc.Provider {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.provider
}

// do carries out a command of the provider; without one the state is empty.
func (i *identity) do(ctx context.Context, c oidc.Command) (oidc.State, error) {
	p := i.current()
	if p == nil && c.Do == oidc.DoState {
		return oidc.State{}, nil
	}
	if p == nil {
		return oidc.State{}, errors.New("the login is bypassed: sdev up --with-auth")
	}
	state, err := p.Do(ctx, c)
	if err != nil || c.Do != oidc.DoPeople {
		return state, err
	}
	// The people are part of the settings, which then are others than the host told last.
	i.mu.Lock()
	i.login.People = c.People
	login := i.login
	i.mu.Unlock()
	return state, i.keep(login)
}

// ServeHTTP is the provider's origin. It has one name; what other containers or foreign pages call it
// is refused.
func (i *identity) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	verdict, to := i.hosts.judge(r)
	p := i.current()
	switch {
	case verdict == refuse:
		plainText(w, http.StatusMisdirectedRequest, "People sign in at "+i.hosts.origin+", and under no other name.\n")
	case verdict == redirect:
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, to, http.StatusTemporaryRedirect)
	case p == nil:
		plainText(w, http.StatusServiceUnavailable, "Nobody signs in here now: the app's login is bypassed.\n\nsdev up --with-auth runs it with its login.\n")
	default:
		p.ServeHTTP(w, r)
	}
}

func plainText(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // who does not wait for the answer does not want it
}
