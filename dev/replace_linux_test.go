package dev_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"sdev/dev"
)

// asNobody runs f as an unprivileged user, even if the tests run as root. On Linux, file permissions are checked
// against the user of the thread.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		const nobody = 65534
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := syscall.Setfsuid(nobody); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := syscall.Setfsuid(0); err != nil {
				t.Error(err)
			}
		}()
	}
	f()
}

func TestReplaceFile_InADirectoryThatIsNotWritableFailsAndLeavesNothing(t *testing.T) {
	for how, replace := range replacers() {
		t.Run(how, func(t *testing.T) {
			dir := t.TempDir()
			for parent := dir; parent != os.TempDir() && parent != "/"; parent = filepath.Dir(parent) {
				if err := os.Chmod(parent, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			name := filepath.Join(dir, "state.json")
			if err := os.WriteFile(name, []byte("old"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(dir, 0o555); err != nil {
				t.Fatal(err)
			}
			asNobody(t, func() {
				if err := replace(name, []byte("new"), 0o600); !errors.Is(err, fs.ErrPermission) {
					t.Errorf("error: %v", err)
				}
			})
			fileIs(t, name, "old", 0o644)
			holds(t, dir, "state.json")
		})
	}
}

func TestReplaceFile_OnAFullDiskFailsAndLeavesNothing(t *testing.T) {
	// A limit on file sizes imitates a full disk: the write fails half-way.
	dir := t.TempDir()
	name := filepath.Join(dir, "state.json")
	if err := os.WriteFile(name, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	const most = 1 << 20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: most, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	err := dev.ReplaceFile(name, make([]byte, most+1), 0o600)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, syscall.EFBIG) {
		t.Errorf("error: %v", err)
	}
	fileIs(t, name, "old", 0o644)
	holds(t, dir, "state.json")
}
