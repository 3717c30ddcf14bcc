//go:build docker

package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// clone copies the project to another directory, which is then a project of the same name.
func (p *project) clone(t *testing.T) *project {
	t.Helper()
	other := *p
	other.dir = filepath.Join(t.TempDir(), p.name)
	if err := os.CopyFS(other.dir, os.DirFS(p.dir)); err != nil {
		t.Fatal(err)
	}
	return &other
}

// isLeftAlone runs every command that works on a running project from another clone, and checks that none of them
// touches this one.
func (p *project) isLeftAlone(t *testing.T) {
	t.Helper()
	second := p.clone(t)
	before := p.ids()
	named := *second
	named.env = append(slices.Clone(second.env), "COMPOSE_PROJECT_NAME="+p.name) // without it, up takes a name of its own
	for _, line := range []string{"up -d", "up --plain", "down"} {
		out, errs, code := named.result(strings.Fields(line)...)
		if code != 3 || !strings.Contains(errs, "already runs from "+p.dir) || !strings.Contains(errs, "COMPOSE_PROJECT_NAME") {
			t.Errorf("%s from a clone with the same name: exit code %d\n%s%s", line, code, out, errs)
		}
	}
	for _, line := range []string{
		"down", "down --volumes", "restart", "rebuild", "shell -- true", "logs", "logs -f", "open",
		"auth use alice@example.com", "auth check", "auth env", "auth fault set deny", "auth fault clear", "auth clock +1h", "auth rotate-keys",
	} {
		out, errs, code := second.result(strings.Fields(line)...)
		if code != 3 || out != "" || !strings.Contains(errs, "already runs from "+p.dir) || !strings.Contains(errs, "hint: stop that project (sdev -C "+p.dir+" down)") {
			t.Errorf("%s from a clone: exit code %d\n%s%s", line, code, out, errs)
		}
	}
	var status struct {
		Services  []any
		URL       string
		Elsewhere string
	}
	if err := json.Unmarshal([]byte(second.run(0, "status", "--json")), &status); err != nil || len(status.Services) > 0 || status.URL != "" || !strings.Contains(status.Elsewhere, p.dir) {
		t.Errorf("status from a clone: %+v, %v", status, err)
	}
	if text := second.run(0, "status"); !strings.Contains(text, "not running here") || strings.Contains(text, "running  127") {
		t.Errorf("status from a clone:\n%s", text)
	}
	if after := p.ids(); !maps.Equal(before, after) {
		t.Errorf("containers were %v, are %v", before, after)
	}
	// A link to the directory leads to the project itself.
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(p.dir, link); err != nil {
		t.Fatal(err)
	}
	if text := second.run(0, "-C", link, "shell", "--", "echo", "in the app"); strings.TrimSpace(text) != "in the app" {
		t.Errorf("through a link: %q", text)
	}
}
