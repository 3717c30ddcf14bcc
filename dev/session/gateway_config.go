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

// gatewayConfig is what a gateway is configured with beyond the files and variables of its container:
// how people sign in, and AWS keys. Safe for concurrent use.
type gatewayConfig struct {
	project *config.Project
	aws     *awsKeys // nil where the app gets no keys from this machine

	mu    sync.Mutex         // guards login and as
	login *dev.LoginSettings // nil until it is known
	// as means that the login's Current signs in from now on, whatever "sdev auth use" chose since the
	// gateway was last configured. It is pushed once: a later "auth use" of the same run wins.
	as bool
}

func (c *gatewayConfig) setLogin(l dev.LoginSettings) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.login = &l
}

// requests are what the gateway has to be sent about how people sign in.
func (c *gatewayConfig) requests(p engine.Project) (list []gateway.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.login == nil {
		return nil
	}
	if !hasLogin(p, *c.login) {
		list = append(list, gateway.Request{Do: gateway.DoLogin, Login: c.login})
	}
	if c.as && c.login.Mode.SignsIn() {
		list = append(list, gateway.Request{Do: gateway.DoAuth, Auth: oidc.Command{Do: oidc.DoUse, Email: c.login.Current}})
	}
	return list
}

// pushed notes that the gateway took every request.
func (c *gatewayConfig) pushed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.as = c.as && c.login == nil
}

// hasLogin reports whether the gateway has that login already. The gateway keeps its last one in a
// directory that it shares with this machine, where the engine mounts directories of this machine at all.
func hasLogin(p engine.Project, login dev.LoginSettings) bool {
	if !p.Mounted {
		return false
	}
	kept, err := dev.ReadFile(filepath.Join(p.StateDir, dev.LoginDir, dev.LoginFile))
	if os.IsNotExist(err) {
		return !login.Mode.SignsIn() // a gateway without a login lets nobody sign in
	}
	wanted, merr := json.Marshal(login)
	return err == nil && merr == nil && bytes.Equal(kept, wanted)
}
