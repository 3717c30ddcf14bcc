//go:build docker

package docker_test

import (
	"bytes"
	"io"
	"os"
	"testing"

	"sdev/dev/plan"
)

// Once the command has ended, another program reads the terminal. The command must not take its first key.
func TestDockerRun_LeavesUnreadInputToTheNextProgram(t *testing.T) {
	e, name := sleeper(t, "1000")
	keys, press, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	defer press.Close()
	for _, command := range [][]string{{"true"}, {"head", "-c", "1"}} {
		var out, errs bytes.Buffer
		if command[0] == "head" {
			if _, err := press.WriteString("a"); err != nil {
				t.Fatal(err)
			}
		}
		if code, err := e.Run(t.Context(), plan.Exec{Container: name, Command: command, In: keys, Out: &out, Err: &errs}); err != nil || code != 0 {
			t.Fatalf("exit code %d, %v: %s", code, err, errs.String())
		}
		if command[0] == "head" && out.String() != "a" {
			t.Errorf("the command read %q", out.String())
		}
		if _, err := press.WriteString("b"); err != nil {
			t.Fatal(err)
		}
		var key [1]byte
		if _, err := io.ReadFull(keys, key[:]); err != nil || key[0] != 'b' {
			t.Errorf("the next reader gets %q, %v", key, err)
		}
	}
}
