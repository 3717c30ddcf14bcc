package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/devtest"
)

const script = "import streamlit as st\n"

func TestInit_AdoptsByAskingOnATerminal(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"a.py": script, "b.py": script})
	code, out := initOnTerminal(t, dir, "2\ny\n")
	if code != dev.ExitOK || !exists(dir, "Dockerfile") {
		t.Fatalf("exit %d: %s", code, out)
	}
	wantLines(t, out, "Which script is the app?", "a.py: it imports streamlit (a.py:1)", "Write Dockerfile, docker-compose.yml", "adopted")
	compose, err := os.ReadFile(filepath.Join(dir, "docker-compose.yml"))
	if err != nil || !strings.Contains(string(compose), "entry: b.py") {
		t.Errorf("compose file %s, %v", compose, err)
	}
	if exists(dir, ".sdev") {
		t.Error("init left a state directory")
	}
}

func TestInit_WritesNothingIfTheUserDeclines(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"app.py": script})
	code, out := initOnTerminal(t, dir, "n\n")
	if code != dev.ExitOK || exists(dir, "Dockerfile") || !strings.Contains(out, "nothing was written") {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestInit_KeepsWhatADockerfileCopiesOutOfTheIgnoreFile(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"app.py": script, "Dockerfile": "FROM python:3.11-slim\nWORKDIR /app\nCOPY .env app.py ./\nCMD streamlit run app.py\n"})
	if code, _, errs := runLine(t, dir, "init", "--yes"); code != dev.ExitOK {
		t.Fatalf("exit %d: %s", code, errs)
	}
	ignored, err := os.ReadFile(filepath.Join(dir, ".dockerignore"))
	if err != nil || strings.Contains(string(ignored), ".env\n") || !strings.Contains(string(ignored), ".git\n") {
		t.Errorf(".dockerignore: %s, %v", ignored, err)
	}
}

func TestInit_MakesAProjectBesideAnAppWhenForced(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"app.py": script})
	if code, _, errs := runLine(t, dir, "init", "--force", "--no-git"); code != dev.ExitOK || !exists(dir, "code_package") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestMissingLines_KnowOtherSpellings(t *testing.T) {
	got := missingLines("/.env\n**/__pycache__\n# .aws/\nsecrets.toml\n", gitIgnored())
	if want := ".venv/ .aws/"; strings.Join(got, " ") != want {
		t.Errorf("lacking %q, want %q", got, want)
	}
}
