//go:build unix

package terminal

import (
	"context"
	"os"
	"syscall"
	"testing"
)

func TestResized_FollowsTheSignal(t *testing.T) {
	changed, stop := Resized(os.Stdout)
	for range 2 {
		if err := syscall.Kill(os.Getpid(), syscall.SIGWINCH); err != nil {
			t.Fatal(err)
		}
		<-changed
	}
	stop()
	stop() // a second call does nothing
}

func TestHungUp_EndsWithItsContext(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if HungUp(ctx, w) {
		t.Error("an open pipe has hung up")
	}
}

func TestHungUp_SeesThatTheOtherEndHasClosed(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if !HungUp(t.Context(), w) {
		t.Error("nobody noticed")
	}
}

func TestHasCursorControl_NeedsAName(t *testing.T) {
	for term, want := range map[string]bool{"": false, "dumb": false, "xterm": true} {
		if HasCursorControl(term) != want {
			t.Errorf("TERM=%q: %t", term, !want)
		}
	}
}
