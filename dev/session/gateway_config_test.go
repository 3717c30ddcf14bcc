package session

import (
	"testing"

	"sdev/dev"
	"sdev/dev/engine"
	"sdev/dev/gateway"
	"sdev/dev/oidc"
)

func TestGatewayConfig_TheAsFlagWinsOnceOverALaterChoice(t *testing.T) {
	s := &gatewayConfig{useCurrent: true}
	unshared := engine.Project{StateDir: t.TempDir()} // this machine does not see the gateway's stored login
	if got := s.requests(unshared); len(got) != 0 {
		t.Fatalf("before anything is known: %+v", got)
	}
	s.pushed()
	s.setLogin(dev.LoginSettings{Mode: dev.AppLogin, Current: "bob@example.com"})
	got := s.requests(unshared)
	if len(got) != 2 || got[0].Do != gateway.DoLogin || got[1].Do != gateway.DoAuth || got[1].Auth.Do != oidc.DoUse || got[1].Auth.Email != "bob@example.com" {
		t.Errorf("requests %+v", got)
	}
	s.pushed()
	if got := s.requests(unshared); len(got) != 1 || got[0].Do != gateway.DoLogin {
		t.Errorf("requests after the first ones: %+v", got)
	}
	withoutFlag := &gatewayConfig{}
	withoutFlag.setLogin(dev.LoginSettings{Mode: dev.AppLogin})
	if got := withoutFlag.requests(unshared); len(got) != 1 {
		t.Errorf("requests without the flag: %+v", got)
	}
}
