package cli

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/devtest"
)

// Without a container engine, --runtime auto says once that the app is a process. The list of this project is one that only
// conda installs, so nothing is downloaded.
func TestUp_AutoSaysThatNoEngineAnswers(t *testing.T) {
	const sentence = "no container engine answers, so the app runs as a process of this machine"
	dir := devtest.Project(t, map[string]string{"Home.py": "import streamlit as st\n", "environment.yml": "dependencies: [streamlit]\n"})
	home := t.TempDir()
	for _, output := range []string{"--plain", "--json"} {
		s, out, errs := console.Buffers(map[string]string{"HOME": home, "XDG_STATE_HOME": filepath.Join(home, "state")})
		s.OpenEngine = func(context.Context, string) (console.Engine, error) {
			return console.Engine{}, &dev.Error{Code: dev.CodeEngineUnreachable, Exit: dev.ExitEngine, Message: "no engine answers", Hint: "start it"}
		}
		code := Main(t.Context(), t.Context(), s, []string{"-C", dir, "up", "--runtime", "auto", output})
		if said := out.String() + errs.String(); code != dev.ExitFailed || strings.Count(said, sentence) != 1 || !strings.Contains(said, "install Docker") || !strings.Contains(said, "only conda can") {
			t.Errorf("%s: exit %d\n%s%s", output, code, out, errs)
		}
	}
}
