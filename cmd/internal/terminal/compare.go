package terminal

import (
	"sync"
	"time"
)

// resizedBy is Resized for systems that do not report a new size: it compares the size regularly.
func resizedBy(size func() (width, height int, err error), every time.Duration) (changed <-chan struct{}, stop func()) {
	out, end := make(chan struct{}, 1), make(chan struct{})
	width, height, _ := size() // a failure is a size of 0, from which the first one that is known differs
	var compare sync.WaitGroup
	compare.Go(func() {
		ticks := time.NewTicker(every)
		defer ticks.Stop()
		for {
			select {
			case <-ticks.C:
			case <-end:
				return
			}
			if w, h, err := size(); err == nil && (w != width || h != height) {
				width, height = w, h
				token(out)
			}
		}
	})
	return out, sync.OnceFunc(func() {
		close(end)
		compare.Wait()
	})
}
