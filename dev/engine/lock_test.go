package engine

import (
	"path/filepath"
	"testing"

	"sdev/dev/devtest"
)

func TestLockOn_NeverWaitsForWhatLiesThere(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	if err := devtest.MakePipe(name); err != nil {
		t.Fatal(err)
	}
	l := lockOn(name)
	defer l.Unlock() //nolint:errcheck // the test is over
	if got, err := l.TryLock(); err != nil || !got {
		t.Errorf("%v, %v", got, err)
	}
}
