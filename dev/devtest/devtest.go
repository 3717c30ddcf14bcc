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

// Patience is how long anything is waited for before a test fails. It is far above what machines
// need, because a test that waits for the right state ends as soon as that is there.
const Patience = 20 * time.Second

// Stream is where events are read from; *hub.Subscription is one.
type Stream interface {
	Next(ctx context.Context) (dev.Stamped, error)
}

// Await reads on until an event matches and returns that. What comes before is passed over, so
// calls in a row assert an order. The test fails with everything that was read if the stream ends
// or nothing matches in time.
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

// Leaks fails the test if goroutines that it started, or that were started on its behalf, are
// still there when it has ended. Call it first, so that other clean-up comes before the check.
func Leaks(t testing.TB) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// Project makes a directory with these files, given by path with slashes, and gives the directory's real
// path.
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

// Write writes a file in place, and the directories above it where they are missing.
func Write(t testing.TB, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Eventually asks again and again until it is so, for what cannot be followed.
func Eventually(t testing.TB, so func() bool) {
	t.Helper()
	ask := time.NewTicker(10 * time.Millisecond)
	defer ask.Stop()
	late := time.NewTimer(Patience)
	defer late.Stop()
	for !so() {
		select {
		case <-ask.C:
		case <-late.C:
			t.Fatal("it did not come to that")
		}
	}
}
