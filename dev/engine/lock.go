package engine

import (
	"os"
	"syscall"

	"github.com/gofrs/flock"
)

// lockOn is a lock that lies in a file. Opening it never waits, whatever lies there.
func lockOn(file string) *flock.Flock {
	return flock.New(file, flock.SetFlag(os.O_CREATE|os.O_RDONLY|syscall.O_NONBLOCK))
}
