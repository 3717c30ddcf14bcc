package cli

import (
	"testing"

	"sdev/dev"
)

func TestAuthClock_TakesAnOffsetWithAMinus(t *testing.T) {
	if code, _, errs := runLine(t, t.TempDir(), "auth", "clock", "-30m"); code != dev.ExitProject {
		t.Errorf("exit code %d: %s", code, errs)
	}
}
