//go:build docker

package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sdev/dev"
)

// TestMatrix_ADayWithTheEngine does on one engine what people do with sdev in a day. "make test-engines" runs it on every
// engine that the README names; the steps are its table's columns. Each step needs those before it.
func TestMatrix_ADayWithTheEngine(t *testing.T) {
	page := filepath.Join("code_package", "streamlit", "Home.py")
	var p *project
	step := func(name string, do func()) {
		t.Helper()
		start := time.Now()
		do()
		t.Logf("%-12s %.1f s", name, time.Since(start).Seconds())
	}
	step("init, up", func() {
		p = scaffolded(t, "--auth", "native")
		p.awsLogin()
		p.asEngineUser()
		answers(t, p.up().URL)
	})
	step("save", func() {
		up := p.attend()
		awaitEvent[dev.Ready](t, up)
		content := home("saved on this engine")
		p.write(page, content)
		awaitEvent[dev.FileChanged](t, up)
		if got := docker(t, "exec", p.app(), "cat", "/app/"+filepath.ToSlash(page)); got != strings.TrimSpace(content) {
			t.Fatalf("the container has\n%s", got)
		}
		const made = "code_package/made"
		if got := docker(t, "exec", p.app(), "sh", "-c", "grep -c AKIAEXAMPLE ~/.aws/credentials; touch "+made); got != "1" {
			t.Errorf("inside: %q", got)
		}
		p.accept(made)
		want, _ := ownerOf(t, p.dir)
		if got, _ := ownerOf(t, filepath.Join(p.dir, made)); got != want {
			t.Errorf("the app's file belongs to %d, the project to %d", got, want)
		}
	})
	step("rebuild", func() {
		p.override("build: {args: {TODAY: monday}}\n")
		before := p.ids()["streamlit-local"]
		p.run(0, "rebuild")
		p.override("environment: {TODAY: monday}\n")
		answers(t, p.up().URL)
		if after := p.ids()["streamlit-local"]; after == "" || after == before {
			t.Errorf("the app's container was %s, is %s", before, after)
		}
	})
	step("login", func() {
		ready := p.signingIn("--with-auth")
		p.run(0, "auth", "use", "admin@example.com")
		newOutside(t, p).signsInAs("admin@example.com")
		resp, err := http.Get(ready.URL)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("the page: %s", resp.Status)
		}
	})
	step("hand-off", func() {
		p.commit()
		d := p.deploy(0, values()...)
		if d.Image.Proof == nil || !d.Image.Proof.Page {
			t.Fatalf("the image was not started: %+v", d)
		}
		again := p.deploy(0, values()...)
		if again.Image.ID != d.Image.ID {
			t.Errorf("the same commit gives the images %s and %s", d.Image.ID, again.Image.ID)
		}
		archive := filepath.Join(t.TempDir(), "image.tar")
		docker(t, "save", "-o", archive, d.Image.Ref)
		if err := os.Chmod(archive, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, image := range []string{d.Image.Ref, archive} {
			if out, errs, code := p.result("preflight", "--image", image); code > 1 || strings.Contains(out+errs, "cannot read") {
				t.Errorf("preflight of %s: exit %d\n%s%s", image, code, out, errs)
			}
		}
	})
	step("down", func() {
		p.run(0, "down", "--volumes")
		if left := p.remains(); left != "" {
			t.Errorf("left on the engine: %s", left)
		}
		if out, err := exec.Command("docker", "volume", "ls", "-q", "--filter", "name="+p.name).CombinedOutput(); err != nil || len(out) != 0 {
			t.Errorf("volumes left: %s %v", out, err)
		}
	})
}
