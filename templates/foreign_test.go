//go:build foreign

package templates_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestForeignProject_ChecksPassWithTheLockedPackages installs what a new project locks and runs the project's own linter
// and tests, without an engine. The projects with uv stand for those with pip, which lock the same versions: see
// TestProject_UvAndPipLockTheSameVersions.
func TestForeignProject_ChecksPassWithTheLockedPackages(t *testing.T) {
	// Kinds with the same packages share an environment: only the first of them installs something.
	environments := map[string]string{"native": t.TempDir(), "alb": t.TempDir()}
	environments["iap"], environments["cloudflare"] = environments["alb"], environments["alb"]
	for _, auth := range []string{"native", "alb", "iap", "cloudflare"} {
		t.Run(auth, func(t *testing.T) {
			dir := render(t, variant{auth, "uv"})
			venv := filepath.Join(environments[auth], "venv")
			uv(t, dir, venv, "sync", "--locked", "--no-config")
			for _, check := range [][]string{{"ruff", "check", "--no-cache", "."}, {"ruff", "format", "--no-cache", "--check", "."}, {"pytest", "--quiet"}} {
				program(t, dir, nil, filepath.Join(venv, "bin", check[0]), check[1:]...)
			}
		})
	}
}

// TestForeignProject_LocksAreSolved looks whether solving again, without being asked for newer versions, changes anything.
func TestForeignProject_LocksAreSolved(t *testing.T) {
	for _, auth := range []string{"native", "alb"} { // iap and cloudflare have the locks of alb
		uv(t, render(t, variant{auth, "uv"}), "", "lock", "--check", "--no-config")
		dir := render(t, variant{auth, "pip"})
		for _, name := range []string{"requirements", "requirements-dev"} {
			before, err := os.ReadFile(filepath.Join(dir, name+".txt"))
			if err != nil {
				t.Fatal(err)
			}
			uv(t, dir, "", "pip", "compile", "--no-config", "--quiet", "--python-version", "3.11", "--universal", "--generate-hashes",
				"--no-annotate", "--custom-compile-command", "make lock", "--output-file", name+".txt", name+".in")
			if after, err := os.ReadFile(filepath.Join(dir, name+".txt")); err != nil || string(after) != string(before) {
				t.Errorf("%s: `make lock` changes %s.txt (%v); renew the templates' locks", auth, name, err)
			}
		}
	}
}

// uv runs the uv that .ci/foreign installs, with an environment of its own unless venv is "".
func uv(t *testing.T, dir, venv string, args ...string) {
	t.Helper()
	path := os.Getenv("SDEV_FOREIGN_UV")
	if path == "" {
		t.Fatal("SDEV_FOREIGN_UV is not set: run eval \"$(.ci/foreign)\" first")
	}
	env := []string{"UV_PYTHON_DOWNLOADS=never"}
	if venv != "" {
		env = append(env, "UV_PROJECT_ENVIRONMENT="+venv)
	}
	program(t, dir, env, path, args...)
}

// program runs a program in a project, without the settings of this machine that would change what it does.
func program(t *testing.T, dir string, env []string, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "UV_INDEX") || strings.HasPrefix(v, "UV_FIND_LINKS") || strings.HasPrefix(v, "LOCAL_STREAMLIT=")
	})
	cmd.Env = append(cmd.Env, append(env, "PYTHONDONTWRITEBYTECODE=1")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
}
