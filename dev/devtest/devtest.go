package devtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sdev/dev"
)

// Patience is how long a test waits for a state before it fails. It ends a test that hangs and measures
// nothing: a test continues as soon as the state is reached, and a slow machine needs a minute for one build.
const Patience = 3 * time.Minute

// Stream is a source of events, such as *hub.Subscription.
type Stream interface {
	Next(ctx context.Context) (dev.Stamped, error)
}

// Await reads until an event matches, and returns that event. It skips the events before, so successive calls
// assert an order. If the stream ends or nothing matches within [Patience], the test fails and prints everything
// that was read.
func Await(t testing.TB, s Stream, match func(dev.Event) bool) dev.Stamped {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	var seen strings.Builder
	for {
		e, err := s.Next(ctx)
		if err != nil {
			t.Fatalf("no event matched: %v; read:\n%s", err, seen.String())
		}
		if match(e.Event) {
			return e
		}
		fmt.Fprintf(&seen, "\t%d %s %+v\n", e.Seq, e.Event.Type(), e.Event)
	}
}

// Leaks fails the test if goroutines that it started still run at its end. Call it first, so that all other cleanup
// comes before the check.
func Leaks(t testing.TB) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// Project creates a directory with these files, whose paths have slashes, and returns the directory's real path.
func Project(t testing.TB, files map[string]string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for rel, content := range files {
		Write(t, filepath.Join(root, filepath.FromSlash(rel)), content)
	}
	return root
}

// Write writes a file, and creates missing directories above it.
func Write(t testing.TB, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Eventually polls a state that cannot be followed until it is as wanted. If that takes too long, it fails the test and
// prints the last state.
func Eventually[T any](t testing.TB, look func() T, wanted func(T) bool) {
	t.Helper()
	ask := time.NewTicker(10 * time.Millisecond)
	defer ask.Stop()
	late := time.NewTimer(Patience)
	defer late.Stop()
	for last := look(); !wanted(last); last = look() {
		select {
		case <-ask.C:
		case <-late.C:
			t.Fatalf("not as wanted within %s; the last state was %+v", Patience, last)
		}
	}
}
