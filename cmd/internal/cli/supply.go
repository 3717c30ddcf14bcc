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
	"sdev/dev/oidc"
)

// supplies are what a gateway is given that no file or variable of its container tells. Safe for
// concurrent use.
type supplies struct {
	project *config.Project
	runtime *docker.Engine
	aws     *awsSession // nil where the app gets no keys from the host

	mu    sync.Mutex
	login *dev.Login // nil until it is known
	// insist is that the login's Current signs in from now on, whatever "sdev auth use" said since the
	// login was told last. That is said once: what is said later in the same run holds.
	insist bool
}

func (s *supplies) setLogin(l dev.Login) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.login = &l
}

// supply is engine.Engine's Supply.
func (s *supplies) supply(ctx context.Context, project engine.Project) (time.Time, error) {
	gatewayContainer := gatewayName(project.Name, project.Gateway)
	for _, req := range s.tellings(project) {
		if _, err := ask(ctx, s.runtime, gatewayContainer, req); err != nil {
			return time.Time{}, err
		}
	}
	s.insisted()
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

// tellings are what the gateway has to be told of how people sign in.
func (s *supplies) tellings(project engine.Project) (list []gateway.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.login == nil {
		return nil
	}
	if !isKept(project, *s.login) {
		list = append(list, gateway.Request{Do: gateway.DoLogin, Login: s.login})
	}
	if s.insist && s.login.Mode.SignsIn() {
		list = append(list, gateway.Request{Do: gateway.DoAuth, Auth: oidc.Command{Do: oidc.DoUse, Email: s.login.Current}})
	}
	return list
}

// insisted notes that everything was told.
func (s *supplies) insisted() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.insist = s.insist && s.login == nil
}

// isKept reports whether the gateway has that login already: it keeps what it was told last in a
// directory that it shares with this machine, where the engine mounts directories of this machine at all.
func isKept(project engine.Project, login dev.Login) bool {
	if !project.Mounted {
		return false
	}
	kept, err := dev.ReadFile(filepath.Join(project.StateDir, dev.LoginDir, dev.LoginFile))
	if os.IsNotExist(err) {
		return !login.Mode.SignsIn() // a gateway that was told nothing lets nobody sign in
	}
	wanted, merr := json.Marshal(login)
	return err == nil && merr == nil && bytes.Equal(kept, wanted)
}
