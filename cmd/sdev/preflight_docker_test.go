//go:build docker

package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
)

// An image on the engine contains a key that a later layer deletes, and the shim of a development container. The
// preflight finds both, and removes its temporary files.
func TestDocker_PreflightWalksAnImageOfTheEngine(t *testing.T) {
	p := &project{t: t, dir: t.TempDir(), home: t.TempDir()}
	key := "AKIA" + "QYLPMN5HHHFPZAM2" // opens nothing
	p.write("key.txt", key+"\n")
	p.write("Dockerfile", "FROM python:3.11-slim\nCOPY key.txt /app/\nRUN rm /app/key.txt && mkdir -p /opt/sdev/shim && touch /opt/sdev/shim/sitecustomize.py\nENV LOCAL_STREAMLIT=1\nUSER 10001\nCMD [\"streamlit\", \"run\", \"app.py\"]\n")
	ref := "preflight-" + strings.ToLower(filepath.Base(p.home)) + ":1"
	docker(t, "build", "-q", "-t", ref, p.dir)
	t.Cleanup(func() { _ = exec.Command("docker", "image", "rm", ref).Run() })
	p.dir = t.TempDir() // without a project
	cache := p.home + "/cache"
	p.env = []string{"XDG_CACHE_HOME=" + cache}
	var r struct{ Findings []dev.Finding }
	out := p.run(1, "preflight", "--json", "--image", ref)
	if err := json.Unmarshal([]byte(out), &r); err != nil || strings.Contains(out, key) {
		t.Fatalf("%v: %s", err, out)
	}
	var ids []string
	for _, f := range r.Findings {
		ids = append(ids, f.ID)
		if f.ID == "secret.layer" && (!strings.HasPrefix(f.Where, "layer 2 (COPY ") || !strings.Contains(f.Where, "; layer 3 deletes or replaces it")) {
			t.Errorf("the key is in %s", f.Where)
		}
	}
	if want := []string{"bypass.image", "mock.layer", "secret.layer", "image.health"}; !slices.Equal(ids, want) {
		t.Errorf("found %q, want %q", ids, want)
	}
	if left, err := filepath.Glob(cache + "/sdev/image-*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
	if _, errs, code := p.result("preflight", "--image", "nobody/has-this:1"); code != 1 || !strings.Contains(errs, "nobody/has-this:1") {
		t.Errorf("exit %d: %s", code, errs)
	}
}
