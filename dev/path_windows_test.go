package dev_test

import (
	"testing"

	"sdev/dev"
)

func TestPaths_OfDrives(t *testing.T) {
	for _, c := range []struct {
		dir, path string
		want      bool
	}{{`C:\`, `C:\shop`, true}, {`C:\shop`, `C:\shop\pages`, true}, {`C:\shop`, `C:\shopping`, false}, {`\\server\share\`, `\\server\share\x`, true}} {
		if got := dev.IsWithin(c.dir, c.path); got != c.want {
			t.Errorf("%s is within %s: %t", c.path, c.dir, got)
		}
	}
	for name, want := range map[string]bool{`C:\shop`: true, "/var/run/docker.sock": true, `shop\a.py`: false, `C:a.py`: false} {
		if dev.IsAbs(name) != want {
			t.Errorf("%s is absolute: %t", name, !want)
		}
	}
	for name, want := range map[string]bool{`C:\`: true, `C:\shop`: false, `\\server\share\`: true} {
		if dev.IsTop(name) != want {
			t.Errorf("%s is a top: %t", name, !want)
		}
	}
}
