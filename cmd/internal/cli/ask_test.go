package cli

import (
	"os"
	"path/filepath"
	"testing"

	"sdev/dev"
	"sdev/dev/devtest"
)

// A question is asked once: later commands use the answer.
func TestUp_AsksWhichScriptOrServiceIsTheAppAndStoresIt(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nowhere/engine.sock")
	for name, c := range map[string]struct {
		files            map[string]string
		question, stored string
		answer           string
	}{
		"which script":  {map[string]string{"a.py": script, "b.py": script}, "Which script is the app?", ".sdev/entry", "b.py\n"},
		"which service": {map[string]string{"compose.yaml": "services:\n  a:\n    image: streamlit\n  b:\n    image: streamlit\n"}, "Which service is the Streamlit app?", ".sdev/app", "b\n"},
	} {
		dir := devtest.Project(t, c.files)
		for range 2 {
			if code, out := runOnTerminal(t, dir, "2\n", "up", "--plain"); code != dev.ExitEngine {
				t.Errorf("%s: exit %d: %s", name, code, out)
			} else if _, err := os.Stat(filepath.Join(dir, c.stored)); err != nil {
				t.Errorf("%s: %v, asked:\n%s", name, err, out)
			}
		}
		if b, err := os.ReadFile(filepath.Join(dir, c.stored)); err != nil || string(b) != c.answer {
			t.Errorf("%s: kept %q, %v", name, b, err)
		}
		code, out := runOnTerminal(t, dir, "", "up", "--plain")
		if code != dev.ExitEngine || out != "" {
			t.Errorf("%s, again: exit %d: %s", name, code, out)
		}
	}
}
