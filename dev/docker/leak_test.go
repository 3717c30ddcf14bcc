// With an engine, the idle connections of its client outlive a test.

//go:build !docker

package docker

import (
	"testing"

	"go.uber.org/goleak"
)

// No test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
