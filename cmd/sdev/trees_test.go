package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"sdev/dev/devtest"
)

// Every tree on which dev/detect is tested leads to a model that can run, both unchanged and adopted, and none of its
// files changes.
func TestTrees_CanAllBeAdopted(t *testing.T) {
	trees, err := filepath.Glob("../../dev/detect/testdata/trees/*.txtar")
	if err != nil || len(trees) < 14 {
		t.Fatalf("%d trees, %v", len(trees), err)
	}
	for _, tree := range trees {
		name := strings.TrimSuffix(filepath.Base(tree), ".txtar")
		if name == "none" {
			continue // contains nothing to adopt
		}
		t.Run(name, func(t *testing.T) {
			dir, files := unpacked(t, tree)
			sdev := func(want string, args ...string) {
				t.Helper()
				cmd := exec.CommandContext(t.Context(), os.Getenv(programVariable), args...)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "DOCKER_HOST=unix:///nowhere/engine.sock", "HOME="+filepath.Dir(dir))
				if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), want) {
					t.Errorf("sdev %s: %v, want %q in\n%s", strings.Join(args, " "), err, want, out)
				}
			}
			adopt := []string{"init", "--yes"}
			if name == "ambiguous" {
				adopt = append(adopt, "--entry", "main.py")
			}
			sdev("network_mode: service:sdev-gateway", "config")
			sdev("adopted", adopt...)
			sdev("LOCAL_STREAMLIT: \"1\"", "config")
			sdev("nothing to do", "init", "--yes")
			for name, content := range files {
				if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != content {
					t.Errorf("%s was changed (%v)", name, err)
				}
			}
		})
	}
}

// unpacked writes a tree to a temporary directory. Scripts are executable, as in a repository.
func unpacked(t testing.TB, tree string) (dir string, files map[string]string) {
	t.Helper()
	archive, err := txtar.ParseFile(tree)
	if err != nil {
		t.Fatal(err)
	}
	files = map[string]string{}
	for _, f := range archive.Files {
		files[f.Name] = string(f.Data)
	}
	dir = devtest.Project(t, files)
	for name := range files {
		if strings.HasSuffix(name, ".sh") {
			if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir, files
}
