package engine

import (
	"context"
	"os"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// lockOn returns a lock on a file. O_NONBLOCK keeps it from hanging if somebody put a named pipe there.
func lockOn(file string) *flock.Flock {
	return flock.New(file, flock.SetFlag(os.O_CREATE|os.O_RDONLY|syscall.O_NONBLOCK))
}

// LockFile waits for the lock on a file, which it creates if it does not exist.
func LockFile(ctx context.Context, file string) (release func(), err error) {
	l := lockOn(file)
	if ok, err := l.TryLockContext(ctx, 5*time.Millisecond); err != nil || !ok {
		_ = l.Unlock() // closes the file
		return nil, lockError(file, err)
	}
	return func() { _ = l.Unlock() }, nil // the lock ends with the process in any case
}
