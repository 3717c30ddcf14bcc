//go:build unix

package process_test

import (
	"os"
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
