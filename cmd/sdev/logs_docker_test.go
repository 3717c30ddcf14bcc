//go:build docker

package main

import (
	"os"
	"path/filepath"
	"testing"

	"sdev/dev"
)

func TestDockerLogs_WarnIfNoUpIsRunningToRebuild(t *testing.T) {
	p := scaffolded(t)
	p.up()
	logs := p.follow()
	dockerfile, err := os.ReadFile(filepath.Join(p.dir, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	awaitEvent[dev.LogLine](t, logs)
	p.write("Dockerfile", string(dockerfile)+"# changed\n")
	if w := awaitEvent[dev.Warning](t, logs); w.Code != dev.CodeRebuildPending || w.Hint != "run: sdev up -d" {
		t.Errorf("warning = %+v", w)
	}

	// A running "sdev up" rebuilds, and there is no warning.
	up := p.attend()
	awaitEvent[dev.Ready](t, up)
	p.write("Dockerfile", string(dockerfile)+"# changed again\n")
	awaitEvent[dev.BuildDone](t, up)
	p.run(0, "down")
	for s := range logs.lines {
		if w, ok := s.Event.(dev.Warning); ok && w.Code == dev.CodeRebuildPending {
			t.Errorf("warned although sdev up was there: %+v", w)
		}
		if st, ok := s.Event.(dev.ServiceState); ok && st.Service == "sdev-gateway" && st.State == dev.Removed {
			break
		}
	}
}
