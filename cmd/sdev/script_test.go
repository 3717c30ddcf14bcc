package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"sdev/dev"
)

// TestScript runs the transcripts in testdata/script: the built program, as a user types it, on a machine without a
// container engine. In addition to testscript's own commands there are
//
//	exits CODE sdev ARGS…   runs it; it must end with that exit code
//	stranger CODE sdev …    does the same as a user without permissions for these files
//
// and $MISSING_ENGINE, $LOCKED_ENGINE and $OLD_ENGINE are addresses for DOCKER_HOST.
func TestScript(t *testing.T) {
	old := oldEngine(t)
	locked := lockedSocket(t)
	program := os.Getenv(programVariable)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, ".home")
			env.Vars = append(env.Vars,
				"PATH="+filepath.Dir(program)+string(os.PathListSeparator)+os.Getenv("PATH"),
				"HOME="+home, "XDG_CACHE_HOME="+filepath.Join(home, "cache"),
				"MISSING_ENGINE=unix:///nowhere/engine.sock", "DOCKER_HOST=unix:///nowhere/engine.sock",
				"OLD_ENGINE="+old, "LOCKED_ENGINE="+locked)
			// A stranger has to get as far as the project.
			return errors.Join(os.Mkdir(home, 0o755), os.Chmod(env.WorkDir, 0o755), os.Chmod(filepath.Dir(env.WorkDir), 0o755))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": func(ts *testscript.TestScript, neg bool, args []string) { exits(ts, neg, args) },
			"stranger": func(ts *testscript.TestScript, neg bool, args []string) {
				if os.Getuid() == 0 { // who may open everything
					args = append([]string{args[0], "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, args[1:]...)
				}
				exits(ts, neg, args)
			},
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// oldEngine starts an engine of a version that sdev does not support.
func oldEngine(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Api-Version", "1.24")
		w.Header().Set("Ostype", "linux")
		_, _ = fmt.Fprint(w, "OK")
	}))
	t.Cleanup(s.Close)
	return "tcp://" + s.Listener.Addr().String()
}

// lockedSocket creates an engine's socket without permission to open it.
func lockedSocket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sdev") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "engine.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(socket, 0)); err != nil {
		t.Fatal(err)
	}
	return "unix://" + socket
}

// The table of exit codes that help prints is the one that the program uses.
func TestExitCodes_AreThoseOfHelp(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), os.Getenv(programVariable), "help", "exit-codes").Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) > 1 {
			if _, err := strconv.Atoi(f[0]); err == nil {
				got = append(got, strings.Join(f, " "))
			}
		}
	}
	var want []string
	for _, c := range dev.ExitCodes() {
		want = append(want, fmt.Sprintf("%d %s", c.Code, c.About))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("help says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
