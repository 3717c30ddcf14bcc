package engine

import (
	"path/filepath"
	"syscall"
	"testing"
)

func TestLockOn_NeverWaitsForWhatLiesThere(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	l := lockOn(name)
	defer l.Unlock() //nolint:errcheck // the test is over
	if got, err := l.TryLock(); err != nil || !got {
		t.Errorf("%v, %v", got, err)
	}
}
