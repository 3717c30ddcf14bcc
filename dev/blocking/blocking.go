// Package blocking calls functions that block and know no context.
//
// It promises that [Call] returns once its context ends. The function then continues in a goroutine that nobody
// waits for, because nothing can interrupt a read of a terminal or of a pipe. That goroutine ends at the latest with
// the program. Apart from the goroutine in which cmd/sdev waits for signals, sdev leaves no other one behind.
package blocking

import "context"

// Call calls a function and returns its result. If ctx ends first, Call returns ctx's error, and the result is
// lost.
func Call[T any](ctx context.Context, work func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := work()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
