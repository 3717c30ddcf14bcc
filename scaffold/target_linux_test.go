package scaffold_test

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"sdev/dev"
)

// asNobody runs f as a user without permissions, even if the tests run as root. It changes the user of only this thread:
// Linux checks file permissions against that.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		const nobody = 65534
		runtime.LockOSThread()
		if err := syscall.Setfsuid(nobody); err != nil {
			t.Fatal(err)
		}
		defer runtime.UnlockOSThread()
		defer func() {
			if err := syscall.Setfsuid(0); err != nil {
				t.Error(err)
			}
		}()
	}
	f()
}

func TestApply_RefusesAReadOnlyDirectory(t *testing.T) {
	dir := t.TempDir()
	for parent := dir; parent != os.TempDir() && parent != "/"; parent = filepath.Dir(parent) {
		if err := os.Chmod(parent, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	asNobody(t, func() {
		err := newPlan(t, source(), dir, false).Apply(t.Context())
		wantCode(t, err, dev.CodeScaffoldTarget, "permission denied", "may write to")
		err = newPlan(t, source(), filepath.Join(dir, "new", "shop"), false).Apply(t.Context())
		wantCode(t, err, dev.CodeScaffoldTarget, "permission denied", "may write to")
	})
	if left := listing(t, dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
