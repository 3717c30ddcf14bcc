//go:build unix

package process_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/plan"
	"sdev/dev/process"
)

// The state holds secrets and commands, so it must be nobody else's.
func TestState_OfOthersIsRefused(t *testing.T) {
	for name, prepare := range map[string]func(dir string) error{
		"others may enter": func(dir string) error { return os.Mkdir(dir, 0o755) },
		"a link":           func(dir string) error { return os.Symlink(t.TempDir(), dir) },
		"a file":           func(dir string) error { return os.WriteFile(dir, nil, 0o600) },
	} {
		o := options(t.TempDir())
		if err := prepare(o.State); err != nil {
			t.Fatal(err)
		}
		r := process.New(o)
		op := plan.Operation{Verb: plan.Create, Kind: plan.Network, Name: "demo_default", Network: types.NetworkConfig{Name: "demo_default"}}
		_, observed := r.Observe(t.Context(), "demo", nil)
		for _, err := range []error{observed, r.Do(t.Context(), op, plan.Labels{Project: "demo"})} {
			if e := dev.AsError(err); err == nil || e.Code != dev.CodeStateUnsafe && name != "a file" || e.Hint == "" {
				t.Errorf("%s: %+v", name, err)
			}
		}
	}
}

func TestRemove_TakesTheContainersSocketAndNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		make func(file string) error
		gone bool
	}{
		"a socket": {func(file string) error {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: file, Net: "unix"})
			if err != nil {
				return err
			}
			l.SetUnlinkOnClose(false)
			return l.Close()
		}, true},
		"a file of the user": {func(file string) error { return os.WriteFile(file, nil, 0o600) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			dir := filepath.Join(t.TempDir(), "sdev-1")
			file := filepath.Join(dir, "app.sock")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := c.make(file); err != nil {
				t.Fatal(err)
			}
			s := service("pass")
			s.Config.Labels = types.Labels{dev.LabelSocket: file}
			w.do(w.operation(plan.Create, s))
			w.clean()
			_, err := os.Lstat(file)
			_, dirErr := os.Lstat(dir)
			if gone := os.IsNotExist(err); gone != c.gone || os.IsNotExist(dirErr) != gone {
				t.Errorf("gone: %v, want %v; the directory: %v", gone, c.gone, dirErr)
			}
		})
	}
}
