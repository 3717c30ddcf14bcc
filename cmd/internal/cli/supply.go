package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sdev/dev"
	"sdev/dev/awslocal"
	"sdev/dev/config"
	"sdev/dev/docker"
	"sdev/dev/engine"
	"sdev/dev/gateway"
)

// supplies are what a gateway is given that no file or variable of its container tells. Safe for
// concurrent use.
type supplies struct {
	project *config.Project
	runtime *docker.Engine
	aws     *awsSession // nil where the app gets no keys from the host

	mu    sync.Mutex
	login *dev.Login // nil until it is known
}

func (s *supplies) setLogin(l dev.Login) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.login = &l
}

// supply is engine.Engine's Supply.
func (s *supplies) supply(ctx context.Context, project engine.Project) (time.Time, error) {
	gatewayContainer := gatewayName(project.Name, project.Gateway)
	s.mu.Lock()
	login := s.login
	s.mu.Unlock()
	if login != nil && !isKept(project, *login) {
		if _, err := ask(ctx, s.runtime, gatewayContainer, gateway.Request{Do: gateway.DoLogin, Login: login}); err != nil {
			return time.Time{}, err
		}
	}
	if s.aws == nil {
		return time.Time{}, nil
	}
	keys, err := s.aws.keys(ctx)
	if err != nil {
		return time.Time{}, err
	}
	req := gateway.Request{Do: gateway.DoGrant, Grant: awslocal.Grant{Authorization: s.project.AWSToken(), Keys: keys}}
	if _, err := ask(ctx, s.runtime, gatewayContainer, req); err != nil {
		return time.Time{}, err
	}
	return keys.Expires, nil
}

// isKept reports whether the gateway has that login already: it keeps what it was told last in a
// folder that it shares with this machine, where the engine mounts folders of this machine at all.
func isKept(project engine.Project, login dev.Login) bool {
	if !project.Mounted {
		return false
	}
	kept, err := os.ReadFile(filepath.Join(project.StateDir, dev.LoginFolder, dev.LoginFile))
	if os.IsNotExist(err) {
		return !login.Mode.SignsIn() // a gateway that was told nothing lets nobody sign in
	}
	wanted, merr := json.Marshal(login)
	return err == nil && merr == nil && bytes.Equal(kept, wanted)
}
