package tui

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"sdev/dev"
	"sdev/dev/devtest"
)

// glass is what a terminal was sent, which can be waited for.
type glass struct {
	mu      sync.Mutex
	shown   bytes.Buffer // guarded by mu
	changed chan struct{}
}

func (g *glass) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	defer token(g.changed)
	return g.shown.Write(b)
}

func (g *glass) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shown.String()
}

func (g *glass) await(t *testing.T, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), devtest.Patience)
	defer cancel()
	for !strings.Contains(g.String(), text) {
		select {
		case <-g.changed:
		case <-ctx.Done():
			t.Fatalf("never shown: %q\n%q", text, g.String())
		}
	}
}

// quietStream has no events until its context ends.
type quietStream struct{}

func (quietStream) Next(ctx context.Context) (dev.Stamped, error) {
	<-ctx.Done()
	return dev.Stamped{}, ctx.Err()
}

// started is a dashboard that runs in a terminal of its own.
type started struct {
	*glass
	keys  io.Writer
	ended <-chan error
	exit  Exit // once it has ended

	far  *os.File
	read <-chan struct{} // closed when nothing more will be shown
}

// letGo closes the terminal, of a dashboard that was left in order. Of one that was not, Bubble Tea
// may still be reading.
func (s *started) letGo() {
	s.far.Close()
	<-s.read
}

func start(ctx context.Context, t *testing.T, h Host) *started {
	t.Helper()
	near, far, err := pty.Open()
	if err == nil {
		err = pty.Setsize(near, &pty.Winsize{Cols: 80, Rows: 24})
	}
	if err != nil {
		t.Fatal(err)
	}
	done, read := make(chan error, 1), make(chan struct{})
	s := &started{glass: &glass{changed: make(chan struct{}, 1)}, keys: near, ended: done, far: far, read: read}
	go func() {
		defer close(read)
		_, _ = io.Copy(s.glass, near) // ends with an error when it is closed
	}()
	go func() {
		exit, err := Run(ctx, Options{
			Host: h, Events: quietStream{}, In: far, Out: far, Env: []string{"TERM=xterm-256color"}, Colors: "auto", Now: time.Now, Owned: true,
			Facts: Facts{Project: "shop"}, Before: dev.Snapshot{URL: "http://localhost:8501", Mode: dev.Local},
		})
		s.exit = exit
		done <- err
	}()
	return s
}

func (s *started) press(t *testing.T, keys string) {
	t.Helper()
	if _, err := io.WriteString(s.keys, keys); err != nil {
		t.Fatal(err)
	}
}

// leftAltScreen is what gives the terminal back as it was.
const leftAltScreen = "\x1b[?1049l"

func TestRun_ShowsAndGivesTheTerminalBack(t *testing.T) {
	devtest.Leaks(t)
	s := start(t.Context(), t, &fakeHost{facts: shopFacts()})
	s.await(t, "BYPASS ON")
	s.press(t, "q")
	if err := <-s.ended; err != nil || s.exit.Stop {
		t.Errorf("%v, %+v", err, s.exit)
	}
	s.letGo()
	if !strings.Contains(s.String(), leftAltScreen) {
		t.Errorf("the terminal is not as it was: %q", s.String())
	}
}

func TestRun_EndsWithItsContext(t *testing.T) {
	devtest.Leaks(t)
	ctx, cancel := context.WithCancel(t.Context())
	s := start(ctx, t, &fakeHost{facts: shopFacts()})
	s.await(t, "BYPASS ON")
	cancel()
	if err := <-s.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	s.letGo()
	s.await(t, leftAltScreen)
}

func TestRun_EndsWhenTheTerminalIsGone(t *testing.T) {
	near, far, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	ended := make(chan error, 1)
	go func() {
		_, err := Run(t.Context(), Options{Host: &fakeHost{facts: shopFacts()}, Events: quietStream{}, In: far, Out: far, Env: []string{"TERM=xterm"}, Now: time.Now})
		ended <- err
	}()
	if _, err := near.Read(make([]byte, 1024)); err != nil {
		t.Fatal(err)
	}
	near.Close()
	if err := <-ended; !errors.Is(err, ErrTerminal) {
		t.Errorf("%v", err)
	}
}

// brokenHost breaks where nobody expects it.
type brokenHost struct{ fakeHost }

func (*brokenHost) Do(context.Context, Action) (string, error) { panic("a fault of ours") }

func TestRun_GivesTheTerminalBackAfterAPanic(t *testing.T) {
	s := start(t.Context(), t, &brokenHost{fakeHost{facts: shopFacts()}})
	s.await(t, "BYPASS ON")
	s.press(t, "r")
	if err := <-s.ended; !errors.Is(err, ErrBroke) {
		t.Errorf("%v", err)
	}
	s.await(t, leftAltScreen)
}

func TestRun_WritesNothingWhenNothingChanges(t *testing.T) {
	s := start(t.Context(), t, &fakeHost{facts: shopFacts()})
	s.await(t, "ENVIRONMENT")
	// The first frames may come one after the other; then nothing may come any more, which takes time to see.
	const quiet = 500 * time.Millisecond
	calm := time.NewTimer(quiet)
	defer calm.Stop()
	for left := 10; ; left-- {
		select {
		case <-s.changed:
			if left == 0 {
				t.Fatalf("it goes on being written: %q", s.String())
			}
			calm.Reset(quiet)
			continue
		case <-calm.C:
		}
		break
	}
	s.press(t, "q")
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
	s.letGo()
}
