// Clients that others wrote keep their connections open after a test.

//go:build !docker && !foreign

package oidc

import (
	"testing"

	"go.uber.org/goleak"
)

// No test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
