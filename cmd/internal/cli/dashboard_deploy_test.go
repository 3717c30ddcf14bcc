package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sdev/cmd/internal/tui"
	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/preflight"
)

// A dashboard hands over without an engine: it renders files and reads what there is.
func TestDashboard_ChecksAndRendersForATarget(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"app.py": script, "requirements.txt": "streamlit==1.58.0\n"})
	if code, _, errs := runLine(t, dir, "init", "--yes"); code != dev.ExitOK {
		t.Fatalf("exit %d: %s", code, errs)
	}
	streams, out, errs := Buffers(map[string]string{"HOME": t.TempDir(), "PATH": os.Getenv("PATH")})
	d := &dashboard{app: &app{Streams: streams, now: time.Now, dir: dir}}
	targets, err := d.Targets(t.Context())
	if err != nil || len(targets) < 5 || targets[0].Name != "ecs" || targets[0].Status != "" || targets[0].Bundle != "deploy/ecs" || targets[0].About == "" {
		t.Fatalf("targets %+v, %v", targets, err)
	}
	checks, err := d.Check(t.Context(), "ecs")
	if err != nil || checks.Rules != len(preflight.Rules()) || !dev.Block(checks.Findings) || exists(dir, "deploy") {
		t.Errorf("checks %+v, %v", checks, err)
	}
	said, err := d.Do(t.Context(), tui.Action{Do: tui.Render, Target: "ecs"})
	if err != nil || !strings.Contains(said, "values are missing") {
		t.Errorf("%q, %v", said, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "deploy", "ecs", "README.md")); err != nil {
		t.Error(err)
	}
	if targets, err = d.Targets(t.Context()); err != nil || targets[0].Status != "incomplete" {
		t.Errorf("targets %+v, %v", targets, err)
	}
	if _, err := d.Check(t.Context(), "nowhere"); dev.AsError(err).Exit != dev.ExitUsage {
		t.Errorf("an unknown target: %v", err)
	}
	if out.Len()+errs.Len() > 0 {
		t.Errorf("printed over the screen: %s%s", out, errs)
	}
}
