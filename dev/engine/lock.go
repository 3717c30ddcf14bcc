package engine

import (
	"os"
	"syscall"

	"github.com/gofrs/flock"
)

// lockOn returns a lock on a file. O_NONBLOCK keeps it from hanging if somebody put a named pipe there.
func lockOn(file string) *flock.Flock {
	return flock.New(file, flock.SetFlag(os.O_CREATE|os.O_RDONLY|syscall.O_NONBLOCK))
}
