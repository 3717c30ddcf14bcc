//go:build wine

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestWine runs the transcripts in testdata/wine: sdev for Windows, in wine, on a machine without a container engine.
// "linux" is sdev for Linux, with which files are compared. .ci/wine sets wine up, and prints the variables.
//
// Wine's file system is that of Linux: it has no named pipes of engines, and wine 8 cannot remove a file as Windows 10
// does. So the transcripts show paths, files and errors, and not how files are locked.
func TestWine(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "sdev.exe")
	build := exec.CommandContext(t.Context(), "go", "build", "-tags", "embedgateway", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=windows", "GOARCH=amd64")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build sdev for Windows: %v\n%s", err, out)
	}
	wine := os.Getenv("SDEV_WINE")
	if _, err := exec.LookPath(wine); err != nil {
		t.Fatalf("no wine: %v; run: eval \"$(.ci/wine)\"", err)
	}
	keepRunning(t, wine)
	start := fmt.Sprintf(startInWine, wine, program)
	for name, act := range map[string]func(string) error{
		"sdev":  func(name string) error { return os.WriteFile(name, []byte(start), 0o755) },
		"linux": func(name string) error { return os.Symlink(os.Getenv(programVariable), name) },
	} {
		if err := act(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/wine",
		Setup: func(env *testscript.Env) error {
			// Wine's server is found by the temporary directory: all programs use the one of keepRunning.
			env.Vars = append(env.Vars, "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"), "TMPDIR="+os.TempDir())
			for _, v := range os.Environ() {
				if strings.HasPrefix(v, "WINE") {
					env.Vars = append(env.Vars, v)
				}
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// startInWine runs a program with its output in files. Any program may be the one with which wine starts a program of its
// own, which lives on and inherits the output: whoever reads a pipe to its end would wait for that.
const startInWine = `#!/bin/sh
out=$(mktemp) errs=$(mktemp)
%q %q "$@" </dev/null >"$out" 2>"$errs"
code=$?
cat "$out"
cat "$errs" >&2
rm -f "$out" "$errs"
exit "$code"
`

// keepRunning keeps wine's server running until the test is over, so that each program starts at once.
func keepRunning(t *testing.T, wine string) {
	t.Helper()
	first := exec.CommandContext(t.Context(), wine, "cmd") // reads commands until its input ends
	in, err := first.StdinPipe()
	if err == nil {
		err = first.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = first.Wait() // its exit code is that of no command
	})
}
