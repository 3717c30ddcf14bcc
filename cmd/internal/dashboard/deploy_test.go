package dashboard

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sdev/cmd/internal/console"
	"sdev/cmd/internal/tui"
	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/preflight"
)

// A dashboard hands over without an engine: it renders files and reads what there is.
func TestDashboard_ChecksAndRendersForATarget(t *testing.T) {
	dir := devtest.Project(t, map[string]string{
		"app.py": "import streamlit as st\n", "requirements.txt": "streamlit==1.58.0\n",
		"Dockerfile":         "FROM python:3.11-slim\nWORKDIR /app\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY app.py .\nUSER 1000\nCMD [\"streamlit\", \"run\", \"app.py\"]\n",
		"docker-compose.yml": "services:\n  streamlit:\n    build: .\n    ports: [\"8501:8501\"]\n",
	})
	streams, out, errs := console.Buffers(map[string]string{"HOME": t.TempDir(), "PATH": os.Getenv("PATH")})
	d := &host{console: &console.Console{Streams: streams, Now: time.Now, Dir: dir}}
	targets, err := d.Targets(t.Context())
	if err != nil || len(targets) < 5 || targets[0].Name != "ecs" || targets[0].Status != "" || targets[0].Bundle != "deploy/ecs" || targets[0].About == "" {
		t.Fatalf("targets %+v, %v", targets, err)
	}
	checks, err := d.Check(t.Context(), "ecs")
	if err != nil || checks.Rules != len(preflight.Rules()) || !dev.AnyBlocks(checks.Findings) {
		t.Errorf("checks %+v, %v", checks, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "deploy")); !os.IsNotExist(err) {
		t.Errorf("a check has written: %v", err)
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
