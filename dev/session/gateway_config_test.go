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
	far := engine.Project{StateDir: t.TempDir()} // nothing is kept where this machine sees it
	if got := s.requests(far); len(got) != 0 {
		t.Fatalf("before anything is known: %+v", got)
	}
	s.pushed()
	s.setLogin(dev.Login{Mode: dev.AppLogin, Current: "bob@example.com"})
	got := s.requests(far)
	if len(got) != 2 || got[0].Do != gateway.DoLogin || got[1].Do != gateway.DoAuth || got[1].Auth.Do != oidc.DoUse || got[1].Auth.Email != "bob@example.com" {
		t.Errorf("told %+v", got)
	}
	s.pushed()
	if got := s.requests(far); len(got) != 1 || got[0].Do != gateway.DoLogin {
		t.Errorf("told again %+v", got)
	}
	asks := &gatewayConfig{}
	asks.setLogin(dev.Login{Mode: dev.AppLogin})
	if got := asks.requests(far); len(got) != 1 {
		t.Errorf("without the flag told %+v", got)
	}
}
