package session

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/engine"
	"sdev/dev/gateway"
	"sdev/dev/oidc"
)

// gatewayConfig is the configuration that a running gateway gets over its control socket: the login and the AWS keys.
// Everything else is in the environment of its container. It is safe for concurrent use.
type gatewayConfig struct {
	project *config.Project
	aws     *awsKeys // nil if the app gets no keys from this machine

	mu    sync.Mutex         // guards the fields below
	login *dev.LoginSettings // nil until it is known
	// useCurrent says that login.Current signs in from now on (--as), whoever "sdev auth use" chose before. The gateway
	// is told once, so that a later "sdev auth use" during the same run wins.
	useCurrent bool
}

func (c *gatewayConfig) setLogin(l dev.LoginSettings) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.login = &l
}

// requests returns the commands that bring the gateway's login up to date.
func (c *gatewayConfig) requests(p engine.Project) (list []gateway.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.login == nil {
		return nil
	}
	if !hasLogin(p, *c.login) {
		list = append(list, gateway.Request{Do: gateway.DoLogin, Login: c.login})
	}
	if c.useCurrent && c.login.Mode.SignsIn() {
		list = append(list, gateway.Request{Do: gateway.DoAuth, Auth: oidc.Command{Do: oidc.DoUse, Email: c.login.Current}})
	}
	return list
}

// pushed records that the gateway has accepted every request.
func (c *gatewayConfig) pushed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.useCurrent = c.useCurrent && c.login == nil
}

// hasLogin reports whether the gateway has this login already. It reads the login that the gateway stored in a
// directory shared with this machine. If mounts are unusable, it cannot tell and returns false.
func hasLogin(p engine.Project, login dev.LoginSettings) bool {
	if !p.Mounted {
		return false
	}
	stored, err := dev.ReadFile(filepath.Join(p.StateDir, dev.LoginDir, dev.LoginFile))
	if os.IsNotExist(err) {
		return !login.Mode.SignsIn() && login.Page == nil // a gateway that has stored no login is in the mode without one
	}
	wanted, merr := json.Marshal(login)
	return err == nil && merr == nil && bytes.Equal(stored, wanted)
}
