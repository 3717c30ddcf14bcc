package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"sync"

	"sdev/dev"
	"sdev/dev/awslocal"
	"sdev/dev/oidc"
	"sdev/dev/streamlit"
)

// loginServer owns the login: the local provider, and the stand-in for the parameter store in which an app finds its
// client. It stores the last login in the state directory, so that a restarted gateway continues with it.
//
// As an [http.Handler] it serves the provider's origin, in every mode, so that a change of the mode does not
// recreate the gateway. While the login is bypassed it says so.
type loginServer struct {
	project    string
	state      string // the state directory; "" keeps everything in memory
	hosts      hosts
	origin     string // the app's
	base       string // the app's path prefix
	emit       func(dev.Event)
	parameters awslocal.Parameters
	told       toldUsers

	mu       sync.Mutex // guards the fields below
	login    dev.LoginSettings
	provider *oidc.Provider // nil in modes without a login
	front    frontDoor      // nil in modes without a front door
}

func newLoginServer(cfg Config, emit func(dev.Event)) *loginServer {
	own := Config{Listen: fmt.Sprintf(":%d", cfg.ProviderPort), Host: "localhost", Port: cfg.ProviderPort}
	return &loginServer{project: cfg.Project, state: cfg.State, hosts: newHosts(own), emit: emit, login: dev.LoginSettings{Mode: dev.Local},
		origin: newHosts(cfg).origin, base: cfg.Base}
}

func (s *loginServer) file() string { return filepath.Join(s.state, dev.LoginFile) }

// load applies the login that the last gateway stored. If it cannot, it removes the file, so that the host sends its
// login again; until then nobody can sign in.
func (s *loginServer) load() error {
	if s.state == "" {
		return nil
	}
	b, err := dev.ReadFile(s.file())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var login dev.LoginSettings
	if err == nil {
		err = json.Unmarshal(b, &login)
	}
	if err == nil {
		err = s.apply(login)
	}
	if err != nil {
		_ = os.Remove(s.file()) // the host sends nothing if this file is the same as its own login
		return fmt.Errorf("the login settings in %s cannot be read: %w", dev.LoginFile, err)
	}
	return nil
}

// set applies and stores a login. It reports whether the mode has changed.
func (s *loginServer) set(ctx context.Context, login dev.LoginSettings) (switched bool, err error) {
	before := s.mode()
	if err := s.apply(login); err != nil {
		return false, explainStateError(err)
	}
	// The people of the project's files replace those that commands have set since.
	if p := s.current(); p != nil {
		if _, err := p.Do(ctx, oidc.Command{Do: oidc.DoPeople, People: login.People}); err != nil {
			return false, explainStateError(err)
		}
	}
	if err := s.store(login); err != nil {
		return false, stateError(err)
	}
	return before != login.Mode, nil
}

// stateError reports that the state directory cannot be written. If it was removed while the gateway ran,
// only a new container mounts it again.
func stateError(err error) error {
	return &dev.Error{Code: dev.CodeAuthState, Exit: dev.ExitFailed, Cause: err, Message: "the gateway cannot write to " + dev.StateDir + "/" + dev.LoginDir,
		Hint: "if the directory was removed while the project ran: sdev down, then sdev up; otherwise make it writable"}
}

// explainStateError replaces the provider's state error, which holds a path in the container, by our own.
func explainStateError(err error) error {
	if e, ok := errors.AsType[*dev.Error](err); ok && e.Code == dev.CodeAuthState {
		return stateError(e)
	}
	return err
}

// store writes a login to the state directory. The next gateway loads it, and the host compares it with its own.
func (s *loginServer) store(login dev.LoginSettings) error {
	if s.state == "" {
		return nil
	}
	b, err := json.Marshal(login)
	if err != nil {
		return err
	}
	return dev.ReplaceFile(s.file(), b, 0o600)
}

// apply makes a login the current one. A provider with unchanged settings stays; a new one takes over its keys
// and sessions, which are on disk.
func (s *loginServer) apply(login dev.LoginSettings) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.provider != nil && reflect.DeepEqual(s.login, login) {
		return nil
	}
	var provider *oidc.Provider
	if login.Mode.SignsIn() {
		var err error
		provider, err = oidc.New(oidc.Config{Issuer: login.Issuer, Project: s.project, Profile: login.Profile, People: login.People,
			Clients: login.Clients, Current: login.Current, Mapped: login.Mapped, State: s.state, Emit: s.emit})
		if err != nil {
			return err
		}
	}
	front, err := s.newDoor(login, provider)
	if err != nil {
		return err
	}
	if s.login.Mode != login.Mode {
		s.told.clear()
	}
	s.provider, s.front, s.login = provider, front, login
	s.parameters.Set(login.Parameters)
	return nil
}

func (s *loginServer) mode() dev.Mode {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.login.Mode
}

// user returns the e-mail address of the user who makes a request, according to the app's cookies; "" if unknown.
func (s *loginServer) user(r *http.Request) string {
	s.mu.Lock()
	secret := s.login.Cookies
	s.mu.Unlock()
	return streamlit.User(secret, r)
}

// leadTo returns the address at the local provider for one where people sign in at another provider, in app mode; any
// other address stays as it is. The start-up shim changes the addresses on the app's pages; this is for redirects.
func (s *loginServer) leadTo(address string) string {
	s.mu.Lock()
	mapped := s.login.Mapped != nil
	s.mu.Unlock()
	u, err := url.Parse(address)
	if !mapped || err != nil || !dev.IsIdentityAddress(address) || dev.IdentityRole(u.Hostname(), u.Path) == "" {
		return address
	}
	return s.hosts.origin + dev.AtPath + u.Hostname() + u.RequestURI()
}

// issuer returns the provider's origin; "" in modes without a login.
func (s *loginServer) issuer() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.login.Mode.SignsIn() {
		return ""
	}
	return s.hosts.origin
}

func (s *loginServer) current() *oidc.Provider {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.provider
}

// do runs a command of the provider; without a provider the state is empty.
func (s *loginServer) do(ctx context.Context, c oidc.Command) (oidc.State, error) {
	p := s.current()
	if p == nil && c.Do == oidc.DoState {
		return oidc.State{}, nil
	}
	if p == nil {
		return oidc.State{}, errors.New("nobody signs in here in local mode; to run the app with its login: sdev up --with-auth")
	}
	state, err := p.Do(ctx, c)
	if d := s.door(); err == nil && c.Do == oidc.DoRotate && d != nil {
		err = d.Rotate()
	}
	if err != nil || c.Do != oidc.DoPeople {
		return state, err
	}
	// The people are part of the settings, which now differ from those that the host sent last.
	s.mu.Lock()
	s.login.People = c.People
	login := s.login
	s.mu.Unlock()
	return state, s.store(login)
}

// ServeHTTP serves the provider's origin. It has one host name; requests of other containers or foreign pages
// under another name are refused.
func (s *loginServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	verdict, to := s.hosts.check(r)
	p := s.current()
	switch {
	case verdict == refuse:
		plainText(w, http.StatusMisdirectedRequest, "The sign-in page is at "+s.hosts.origin+" and answers under no other name.\n")
	case verdict == redirect:
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, to, http.StatusTemporaryRedirect)
	case p == nil:
		plainText(w, http.StatusServiceUnavailable, "There is no sign-in page now, because the app runs in local mode.\n\nTo run the app with its login: sdev up --with-auth\n")
	default:
		if d := s.door(); d != nil && d.ServeSignIn(w, r) {
			return
		}
		p.ServeHTTP(w, r)
	}
}

func plainText(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // the client may have gone
}
