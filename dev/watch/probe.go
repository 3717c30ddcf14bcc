package watch

import (
	"context"
	"path/filepath"
)

// Notices waits until the system reports an event for the file called name in a directory. It returns false if ctx
// ended first, and an error if the directory cannot be watched.
func Notices(ctx context.Context, dir, name string) (bool, error) {
	src, err := newSystem()
	if err != nil {
		return false, err
	}
	defer func() { _ = src.Close() }() // it was only read
	if err := src.Add(dir); err != nil {
		return false, err
	}
	for {
		select {
		case e, ok := <-src.Events():
			if !ok || filepath.Base(e.Name) == name {
				return ok, nil
			}
		case _, ok := <-src.Errors(): // an overflow of the queue: the next event may fit
			if !ok {
				return false, nil
			}
		case <-ctx.Done():
			return false, nil
		}
	}
}
