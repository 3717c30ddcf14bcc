//go:build docker

package main

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
)

// get fetches a page of a running app.
func get(t testing.TB, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// runsScript runs the app's script to its end, in the container that it runs in, as Streamlit's own
// test harness does, and gives what went wrong in it.
func (p *project) runsScript(entry string) string {
	p.t.Helper()
	return p.inside("cd /app && python -c 'import sys; from streamlit.testing.v1 import AppTest; t = AppTest.from_file(sys.argv[1], default_timeout=30).run(); print(t.exception or t.title[0].value)' " + entry + " 2>/dev/null | tail -n 1")
}

func TestDockerFlatScript_RunsWithoutAFileOfSdevs(t *testing.T) {
	p := copyTree(t, "flat")
	up := p.attend()
	var assumed []string
	for range 3 {
		w := awaitEvent[dev.Warning](t, up)
		if w.Code == dev.CodeAssumed {
			assumed = append(assumed, w.Message)
		}
	}
	for _, want := range []string{"no compose file: sdev assumes that streamlit_app.py", "no Dockerfile: sdev assumes python:3.11-slim", "sdev mounts this directory at /app"} {
		if !slices.ContainsFunc(assumed, func(m string) bool { return strings.Contains(m, want) }) {
			t.Errorf("nothing says %q: %q", want, assumed)
		}
	}
	ready := awaitEvent[dev.Ready](t, up)
	if code, body := get(t, ready.URL+"/_stcore/health"); code != http.StatusOK || body != "ok" {
		t.Errorf("health: %d %s", code, body)
	}
	if got := p.runsScript("streamlit_app.py"); got != "flat" {
		t.Errorf("the script shows %q", got)
	}
	// A second up finds nothing to do, and what others ask is answered without the first.
	out := p.run(0, "up", "-d", "--json")
	if !strings.Contains(out, `"operations":[]`) {
		t.Errorf("second up:\n%s", out)
	}
	if out := p.run(0, "status", "--json"); !strings.Contains(out, `"name":"streamlit"`) {
		t.Errorf("status: %s", out)
	}
	// What is installed follows its list.
	p.write("requirements.txt", "# the same\nstreamlit==1.58.0\n")
	if changed := awaitEvent[dev.FileChanged](t, up); changed.Action != dev.Rebuild || changed.Paths[0] != "requirements.txt" {
		t.Errorf("file.changed = %+v", changed)
	}
	awaitEvent[dev.BuildDone](t, up)
}

func TestDockerUV_RunsFromItsLock(t *testing.T) {
	p := copyTree(t, "navigation-uv")
	// The lock of the tree is only to be read; this one can be installed.
	lock := "../../templates/project/deps=uv,auth=none/uv.lock"
	content, err := os.ReadFile(lock)
	if err != nil {
		t.Fatal(err)
	}
	p.write("uv.lock", string(content))
	p.write("pyproject.toml", "[project]\nname = \"code-package\"\nversion = \"0.1.0\"\nrequires-python = \">=3.11\"\ndependencies = [\"boto3>=1.44\", \"pandas>=3.1\", \"streamlit>=1.67\"]\n\n[tool.uv]\npackage = false\n")
	p.write("app/main.py", "import streamlit as st\nfrom shop.data import load\n\nst.title(f\"loaded {load()}\")\n")
	p.up()
	if got := p.runsScript("app/main.py"); got != "loaded 1" {
		t.Errorf("the script shows %q", got)
	}
	if got := p.inside("python -c 'import sys; print(sys.prefix)'"); got != "/opt/venv" {
		t.Errorf("python runs from %s", got)
	}
}

func TestDockerComposeWithADatabase_RunsTheAppBesideIt(t *testing.T) {
	p := copyTree(t, "compose-database")
	t.Cleanup(func() { _ = exec.Command("docker", "image", "rm", p.name+"-web").Run() }) // it may never have been built
	// No registry gives the database here; what matters is a neighbour that answers.
	p.write("compose.override.yaml", "services:\n  db:\n    image: python:3.11-slim\n    init: true\n    working_dir: /srv\n    command: [sh, -c, \"echo twelve > index.html && exec python -m http.server 5432\"]\n")
	ready := p.up()
	if slices.Sort(ready.Services); !slices.Equal(ready.Services, []string{"db", "sdev-gateway", "web"}) {
		t.Errorf("services: %v", ready.Services)
	}
	if got := p.runsScript("ui/start.py"); got != "rows: twelve" {
		t.Errorf("the script shows %q", got)
	}
}

func TestDockerDockerfileOnly_RunsItsOwnCommand(t *testing.T) {
	p := copyTree(t, "dockerfile-own")
	p.up()
	if got := p.runsScript("source/board.py"); got != "board" {
		t.Errorf("the script shows %q", got)
	}
	if got := p.inside("tr '\\0' ' ' </proc/$(pgrep -o -f 'streamlit run' || echo 1)/cmdline"); !strings.Contains(got, "source/board.py") {
		t.Errorf("what runs: %s", got)
	}
	// The source is the directory's own, not the copy in the image.
	p.write("source/parts.py", "def title():\n    return \"edited\"\n")
	if got := p.runsScript("source/board.py"); got != "edited" {
		t.Errorf("after an edit the script shows %q", got)
	}
}

func TestDockerInit_AdoptsAndRuns(t *testing.T) {
	p := copyTree(t, "flat")
	before, err := os.ReadFile(filepath.Join(p.dir, "streamlit_app.py"))
	if err != nil {
		t.Fatal(err)
	}
	p.run(0, "init", "--yes")
	ready := p.up()
	if code, _ := get(t, ready.URL); code != http.StatusOK {
		t.Errorf("the page answers %d", code)
	}
	if after, err := os.ReadFile(filepath.Join(p.dir, "streamlit_app.py")); err != nil || string(after) != string(before) {
		t.Errorf("the script is now %q (%v)", after, err)
	}
}
