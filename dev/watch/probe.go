package watch

import (
	"context"
	"path/filepath"
)

// Notices waits until the system tells that the file called name in directory was touched, and reports
// whether it did so before ctx ended. An error means that the directory cannot be watched.
func Notices(ctx context.Context, dir, name string) (bool, error) {
	src, err := newSystem()
	if err != nil {
		return false, err
	}
	defer func() { _ = src.Close() }() // it was only read from
	if err := src.Add(dir); err != nil {
		return false, err
	}
	for {
		select {
		case e, ok := <-src.Events():
			if !ok || filepath.Base(e.Name) == name {
				return ok, nil
			}
		case _, ok := <-src.Errors(): // a queue that overflowed: the next event may fit
			if !ok {
				return false, nil
			}
		case <-ctx.Done():
			return false, nil
		}
	}
}
