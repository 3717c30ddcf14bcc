package dashboard

import (
	"slices"
	"testing"

	"sdev/dev"
)

func TestLastSave_SaysWhatBecameOfIt(t *testing.T) {
	saved := dev.FileChanged{Paths: []string{"Home.py", "util.py"}}
	for want, s := range map[string]dev.Snapshot{
		"":                                    {},
		"Home.py, which no tab has shown yet": {LastFile: saved, Reload: dev.ReloadStatus{Trigger: "other.py", MS: 3}},
		"Home.py, live in 74 ms":              {LastFile: saved, Reload: dev.ReloadStatus{Trigger: "Home.py", MS: 74}},
		"Home.py; the page shows ValueError at util.py:3": {LastFile: saved, Reload: dev.ReloadStatus{Trigger: "Home.py"}, Exception: dev.AppException{Exception: "ValueError", File: "util.py", Line: 3}},
		"Home.py; the page shows SyntaxError at Home.py":  {LastFile: saved, Exception: dev.AppException{Exception: "SyntaxError", File: "Home.py"}},
	} {
		if got := lastSave(s); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestRunning_LeavesOutTheGatewayAndWhatHasEnded(t *testing.T) {
	s := dev.Snapshot{Services: []dev.ServiceStatus{{Name: "db", State: dev.Healthy}, {Name: "job", State: dev.Exited}, {Name: "sdev-gateway", State: dev.Running}, {Name: "web", State: dev.Running}}}
	if got := running(s, "sdev-gateway"); !slices.Equal(got, []string{"db", "web"}) {
		t.Errorf("%v", got)
	}
}
