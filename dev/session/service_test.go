package session

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/devtest"
)

const page = "import streamlit as st\n\nst.title('page')\n"

func host(dir string, files ...string) Host {
	return Host{Dir: dir, Files: files, Getenv: func(string) string { return "" }}
}

// A compose file in a directory of its own builds what is above it.
func TestLoad_FindsTheAppInAContextAboveTheProject(t *testing.T) {
	dir := devtest.Project(t, map[string]string{
		"deploy/compose.yaml":  "services:\n  db: {image: postgres}\n  front: {build: {context: .., dockerfile: deploy/ui.Dockerfile}}\n  back: {build: {context: ../api}}\n",
		"deploy/ui.Dockerfile": "FROM python:3.12\nWORKDIR /app\nCOPY . .\nCMD [\"sh\", \"start.sh\"]\n",
		"start.sh":             "exec streamlit run ui/board.py\n",
		"ui/board.py":          page + "st.login()\n",
		"requirements.txt":     "streamlit==1.20.0\n",
		"api/Dockerfile":       "FROM python:3.12\nCMD uvicorn app:app\n",
		"api/app.py":           "import fastapi\n",
	})
	p, err := Load(t.Context(), host(filepath.Join(dir, "deploy")), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if p.App != "front" || p.AppWhy != "its command starts start.sh, which runs Streamlit (../start.sh:1)" {
		t.Errorf("app %s: %s", p.App, p.AppWhy)
	}
	found, err := Inspect(t.Context(), p, EntryChoice{Required: true})
	if err != nil || found.Streamlit.Value != "1.20.0" || found.Streamlit.Place() != "../requirements.txt:1" || found.Auth[0].Value != "native" || found.Auth[0].Place() != "../ui/board.py:4" {
		t.Errorf("Streamlit %+v, login %+v, %v", found.Streamlit, found.Auth, err)
	}
}

// The facts are those of the app that runs, whichever way it was chosen.
func TestInspect_JudgesTheAppThatRuns(t *testing.T) {
	files := map[string]string{
		"compose.yaml":     "services:\n  old: {build: ./old}\n  new: {build: ./new}\n  odd: {image: x, command: streamlit run app.py}\n",
		"requirements.txt": "streamlit==1.30.0\n", "app.py": page,
	}
	for dir, version := range map[string]string{"old": "1.20.0", "new": "1.67.0"} {
		files[dir+"/Dockerfile"] = "FROM python:3.12\nWORKDIR /app\nCOPY . .\nCMD streamlit run app.py\n"
		files[dir+"/requirements.txt"] = "streamlit==" + version + "\n"
		files[dir+"/app.py"] = page
	}
	for name, c := range map[string]struct{ app, entry, want, version string }{
		"a service":                       {"old", "", "old/app.py", "1.20.0"},
		"another one":                     {"new", "", "new/app.py", "1.67.0"},
		"one without a build":             {"odd", "", "app.py", "1.30.0"},
		"a script":                        {"", "new/app.py", "new/app.py", "1.67.0"},
		"a service with another's script": {"new", "old/app.py", "old/app.py", "1.20.0"},
	} {
		dir := devtest.Project(t, files)
		check := func(h Host, keep bool) {
			t.Helper()
			p, err := Load(t.Context(), h, Options{Entry: EntryChoice{Required: true, Keep: keep}})
			if err != nil {
				t.Fatal(err)
			}
			found, err := Inspect(t.Context(), p, EntryChoice{Required: true})
			if err != nil {
				t.Fatal(err)
			}
			if e, _ := found.Entry(); e.Path != c.want || found.Streamlit.Value != c.version {
				t.Errorf("%s: %s with Streamlit %s", name, e.Path, found.Streamlit.Value)
			}
		}
		h := host(dir)
		h.App, h.Entry = c.app, c.entry
		check(h, true)
		check(host(dir), false) // the choice was kept
	}
}

func TestLoad_KeepsAChoiceOnlyWhereItIsAskedTo(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"compose.yaml": "services:\n  a: {image: x, command: streamlit run a.py}\n  b: {image: x, command: streamlit run b.py}\n", "a.py": page, "b.py": page})
	stored := func() string {
		b, _ := os.ReadFile(filepath.Join(dir, dev.StateDir, serviceFile)) // it may not exist
		return strings.ReplaceAll(string(b), "\n", "|")
	}
	for _, c := range []struct {
		app, entry string
		keep       bool
		want       string
	}{
		{"a", "", false, ""},
		{"a", "", true, "a|"},
		{"b", "a.py", false, "a|"},
		{"b", "a.py", true, "b|a.py|"},
		{"", "", true, "b|a.py|"},
		{"", "a.py", true, "a|"}, // whose command has the script
		{"a", "", true, "a|"},
	} {
		h := host(dir)
		h.App, h.Entry = c.app, c.entry
		if _, err := Load(t.Context(), h, Options{Entry: EntryChoice{Keep: c.keep}}); err != nil {
			t.Fatal(err)
		}
		if got := stored(); got != c.want {
			t.Errorf("%+v: stored %q", c, got)
		}
	}
	// A script that is gone is forgotten, and so is a service.
	if err := os.Remove(filepath.Join(dir, "a.py")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, dev.StateDir, serviceFile), []byte("b\na.py\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if app, entry := earlier(dir); app != "b" || entry != "" {
		t.Errorf("earlier: %q %q", app, entry)
	}
}
