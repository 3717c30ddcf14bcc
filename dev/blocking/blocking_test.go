package blocking_test

import (
	"context"
	"errors"
	"testing"

	"sdev/dev/blocking"
)

func TestCall_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	hangs := make(chan struct{})
	defer close(hangs)
	_, err := blocking.Call(ctx, func() (int, error) {
		cancel()
		<-hangs // like compose-go reading from a pipe
		return 0, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if got, err := blocking.Call(t.Context(), func() (int, error) { return 3, nil }); got != 3 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
}
