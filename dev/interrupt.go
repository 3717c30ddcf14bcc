package dev

import "context"

// Interruptible gives up waiting for work that knows no context, such as reading from a terminal, once
// ctx ends. The work then goes on in a goroutine of its own,
// which ends at the latest with the program, and its result is nobody's.
func Interruptible[T any](ctx context.Context, work func() (T, error)) (T, error) {
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
