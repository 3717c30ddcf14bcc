package cli

import (
	"strings"
	"testing"

	"sdev/cmd/internal/console"
	"sdev/dev/devtest"
	"sdev/dev/sidecar"
)

// sdev's own rules name certain files. That they do not name others explains nothing. A rule of the project that does
// not name a file is worth a line.
func TestWatch_LeavesOutTheOwnRulesThatNameOtherFiles(t *testing.T) {
	dir := devtest.Project(t, map[string]string{
		"compose.yaml": `services:
  streamlit-local:
    build: .
    command: streamlit run app/Home.py
    volumes: ["./app:/app"]
    develop:
      watch:
        - {action: sync, path: ., target: /data, include: ["*.csv"]}
`,
		"Dockerfile": "FROM python:3.11-slim\n", "app/Home.py": "import streamlit\n",
	})
	explain := func(args ...string) string {
		streams, out, errs := console.Buffers(nil)
		streams.Gateway = func(string) (sidecar.Program, error) { return sidecar.Program{Ref: "sdev-gateway:test"}, nil }
		if code := Main(t.Context(), t.Context(), streams, append([]string{"-C", dir, "watch", "--explain"}, args...)); code != 0 {
			t.Fatalf("exit code %d: %s", code, errs)
		}
		return out.String()
	}
	out := explain("app/notes.txt")
	wantLines(t, out, `not by  develop.watch[0] (compose.yaml): not matched by include ["*.csv"]`)
	if strings.Contains(out, "derived:") {
		t.Errorf("it lists rules of sdev that name other files:\n%s", out)
	}
	if out = explain("app/Home.py~"); !strings.Contains(out, "derived:") {
		t.Errorf("it lists no rule of sdev that would match if the name were not a temporary file's:\n%s", out)
	}
	if out = explain("app/notes.txt", "--json"); !strings.Contains(out, `"rule":"derived:`) || strings.Contains(out, "NotIncluded") {
		t.Errorf("the JSON form has every rule, and no more fields: %s", out)
	}
}
