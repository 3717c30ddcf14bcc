package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"sdev/dev"
	"sdev/dev/awslocal"
)

// identity is how people sign in: the local provider, and the stand-in for the parameter store that
// tells an app of it. What it was told last it keeps in the state folder, so that a gateway that was
// restarted goes on without being told again.
type identity struct {
	file       string // where the login is kept; "" where nothing is
	parameters awslocal.Parameters
	handler    http.Handler // in front of the provider: who may ask for it by which name

	mu    sync.Mutex // guards what follows
	login dev.Login
}

// newIdentity goes on where the last gateway was. What cannot be read any more is as good as not
// there: the host sees that it differs from what it wants, and tells anew.
func newIdentity(cfg Config) (*identity, error) {
	i := &identity{login: dev.Login{Mode: dev.Local}}
	if cfg.State == "" {
		return i, nil
	}
	i.file = filepath.Join(cfg.State, dev.LoginFile)
	b, err := os.ReadFile(i.file)
	if errors.Is(err, fs.ErrNotExist) {
		return i, nil
	}
	var login dev.Login
	if err == nil {
		err = json.Unmarshal(b, &login)
	}
	if err == nil {
		err = i.use(login)
	}
	if err != nil {
		return i, fmt.Errorf("how people sign in, from %s: %w", i.file, err)
	}
	return i, nil
}

// set makes a login the one in force, and keeps it.
func (i *identity) set(login dev.Login) error {
	if err := i.use(login); err != nil {
		return err
	}
	if i.file == "" {
		return nil
	}
	b, err := json.Marshal(login)
	if err != nil {
		return err
	}
	beside := i.file + ".new"
	if err := os.WriteFile(beside, b, 0o600); err != nil {
		return fmt.Errorf("keep how people sign in: %w", err)
	}
	return os.Rename(beside, i.file)
}

func (i *identity) use(login dev.Login) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.login = login
	i.parameters.Set(login.Parameters)
	return nil
}

func (i *identity) mode() dev.Mode {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.login.Mode
}
