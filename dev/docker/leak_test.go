// Not with the tag docker: the idle connections of the engine's client outlive a test.

//go:build !docker

package docker

import (
	"testing"

	"go.uber.org/goleak"
)

// No test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
