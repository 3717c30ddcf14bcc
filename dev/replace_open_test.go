package dev

import (
	"errors"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"
)

// A rename waits for another program that has the file open, but not for ever, and not for other errors.
func TestWhileOpen_WaitsForOthersToCloseTheFile(t *testing.T) {
	sharing, full := errors.New("it is open elsewhere"), errors.New("the disk is full")
	for name, c := range map[string]struct {
		err      error
		closedAt time.Duration
		want     error
		longest  time.Duration
	}{
		"closed soon":   {sharing, 50 * time.Millisecond, nil, 100 * time.Millisecond},
		"closed before": {sharing, 0, nil, 0},
		"never closed":  {sharing, time.Hour, sharing, renameWithin},
		"another error": {full, time.Hour, full, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				err := whileOpen(func() error {
					if time.Since(start) < c.closedAt {
						return &fs.PathError{Op: "rename", Path: "x", Err: c.err}
					}
					return nil
				}, func(err error) bool { return errors.Is(err, sharing) }, renameWithin)
				if !errors.Is(err, c.want) || time.Since(start) > c.longest {
					t.Errorf("%v after %v", err, time.Since(start))
				}
			})
		})
	}
}
