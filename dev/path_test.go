package dev_test

import (
	"os"
	"path/filepath"
	"testing"

	"sdev/dev"
)

func TestRealPath_ResolvesLinksAsFarAsTheyExist(t *testing.T) {
	dir := dev.RealPath(t.TempDir())
	for link, goal := range map[string]string{"link": dir, "dangling": "nowhere", "loop": "loop"} {
		if err := os.Symlink(goal, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{".": ".", "link": ".", "link/new/deep": "new/deep", "new": "new", "dangling": "dangling", "link/dangling": "link/dangling", "loop": "loop"} {
		if got := dev.RealPath(filepath.Join(dir, name)); got != filepath.Join(dir, want) {
			t.Errorf("%s: %s, want %s", name, got, filepath.Join(dir, want))
		}
	}
}

func TestIsAbs_CountsPathsOfContainers(t *testing.T) {
	for name, want := range map[string]bool{"/var/run/docker.sock": true, "src": false, "../src": false, "": false} {
		if dev.IsAbs(name) != want {
			t.Errorf("%q: %t", name, !want)
		}
	}
}

func TestIsTop_IsTheRoot(t *testing.T) {
	for name, want := range map[string]bool{"/": true, "/srv": false, ".": false, "": false} {
		if dev.IsTop(name) != want {
			t.Errorf("%q: %t", name, !want)
		}
	}
}

func TestIsWithin(t *testing.T) {
	for _, c := range []struct {
		dir, path string
		want      bool
	}{{"/app", "/app", true}, {"/app", "/app/pages", true}, {"/app", "/apple", false}, {"/app/pages", "/app", false}, {"/", "/app", true}, {"src", "src/a.py", true}} {
		if got := dev.IsWithin(c.dir, c.path); got != c.want {
			t.Errorf("%s is within %s: %t", c.path, c.dir, got)
		}
	}
}
