package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"

	"sdev/dev"
	"sdev/dev/devtest"
)

// The tests in this file replace the system's events by scripted ones, on a clock that only moves
// when everything waits, so that times are exact.

func TestRun_ReportsASaveAfterTheQuietTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := script(t, Options{})
		saved := time.Now()
		s.save("Home.py", "edited")
		s.wants(saved, 10*time.Millisecond, "Home.py")
	})
}

func TestRun_AFileThatIsWrittenInPiecesIsReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := script(t, Options{})
		begun := time.Now()
		for i := range 10 {
			s.save("Home.py", fmt.Sprint("piece ", i))
			time.Sleep(5 * time.Millisecond)
		}
		s.wants(begun, 55*time.Millisecond, "Home.py")
	})
}

func TestRun_ANoisyFileIsReportedAtTheCapAndDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := script(t, Options{})
		begun := time.Now()
		noise, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for i := 0; noise.Err() == nil; i++ {
				s.save("noise.log", fmt.Sprint("line ", i))
				time.Sleep(2 * time.Millisecond)
			}
		}()
		time.Sleep(100 * time.Millisecond)
		saved := time.Now()
		s.save("Home.py", "edited")
		s.wants(saved, 10*time.Millisecond, "Home.py")
		s.wants(begun, 250*time.Millisecond, "noise.log")
		stop()
		<-ended
	})
}

func TestRun_AFileThatIsGoneForAMomentIsNotReportedAsGone(t *testing.T) {
	for name, away := range map[string]func(*scripted){
		"gone":  func(s *scripted) { s.remove("Home.py") },
		"empty": func(s *scripted) { s.save("Home.py", "") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := script(t, Options{})
				begun := time.Now()
				away(s)
				time.Sleep(40 * time.Millisecond)
				s.save("Home.py", "edited")
				if c := s.wants(begun, 50*time.Millisecond, "Home.py"); c.Gone {
					t.Error("reported as gone")
				}
			})
		})
	}
}

func TestRun_ARemovalIsReportedAfterFiveQuietTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := script(t, Options{})
		removed := time.Now()
		s.remove("Home.py")
		c := s.wants(removed, 50*time.Millisecond, "Home.py")
		if !c.Gone || !c.Saved.Equal(removed) {
			t.Errorf("%+v, want gone at %v", c, removed)
		}
	})
}

func TestRun_LostEventsAreMadeUpForInOneBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := script(t, Options{})
		devtest.Write(t, s.root+"/new/deep/x.py", "never told")
		devtest.Write(t, s.root+"/Home.py", "never told either")
		if err := os.Remove(s.root + "/noise.log"); err != nil {
			t.Fatal(err)
		}
		s.src.errs <- fsnotify.ErrEventOverflow
		b := <-s.batches
		if !b.Overflow || len(b.Changes) != 3 || b.Changes[1].Path != "new/deep/x.py" || !b.Changes[2].Gone {
			t.Errorf("batch after an overflow: %+v", b)
		}
		if n := s.w.Watches(); n != 3 {
			t.Errorf("%d directories are watched, want 3: the root, new and deep", n)
		}

		s.src.errs <- fsnotify.ErrEventOverflow
		if b := <-s.batches; !b.Overflow || len(b.Changes) != 0 {
			t.Errorf("batch after an overflow that hid nothing: %+v", b)
		}
	})
}

func TestRun_MoreEventsThanItKeepsAreAnOverflow(t *testing.T) {
	in := newInbox()
	now := time.Now()
	for i := range maxHints + 1 {
		in.put(fsnotify.Event{Name: fmt.Sprint("/p/", i), Op: fsnotify.Write}, now)
	}
	if hints, lost := in.take(); len(hints) != maxHints || !lost.Equal(now) {
		t.Errorf("%d hints, lost at %v", len(hints), lost)
	}
	if hints, lost := in.take(); len(hints) != 0 || !lost.IsZero() {
		t.Errorf("taken twice: %d hints, lost at %v", len(hints), lost)
	}
}

func TestRun_PollsWhereTheSystemGivesNoEvents(t *testing.T) {
	for name, c := range map[string]struct {
		open, add error
		hint      string
	}{
		"watches": {add: syscall.ENOSPC, hint: "sudo sysctl fs.inotify.max_user_watches=524288"},
		"instances": {
			open: os.NewSyscallError("inotify_init1", syscall.EMFILE),
			hint: "sudo sysctl fs.inotify.max_user_instances=1024; if that does not help: ulimit -n 65536",
		},
		"unknown": {open: errors.ErrUnsupported, hint: "no action needed; sdev notices saves a little later"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var warned []dev.Warning
				s := scriptWith(t, Options{Warn: func(w dev.Warning) { warned = append(warned, w) }}, c.open, c.add)
				devtest.Write(t, s.root+"/Home.py", "edited")
				s.next("Home.py")
				if len(warned) != 1 || warned[0].Code != dev.CodeWatchLimit || warned[0].Hint != c.hint {
					t.Errorf("warnings %+v, want one with hint %q", warned, c.hint)
				}
				if s.w.Watches() != 0 {
					t.Error("watches are counted while polling")
				}
			})
		})
	}
}

func TestTree_TellsTwoWritesWithinOneTickApart(t *testing.T) {
	root := devtest.Project(t, map[string]string{"Home.py": "aaa"})
	rules, err := Compile([]dev.Rule{{Path: ".", Action: dev.Live}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		fresh time.Duration
		want  bool
	}{{time.Hour, true}, {0, false}} {
		tr := &tree{root: root, rules: rules, fresh: c.fresh}
		devtest.Write(t, root+"/Home.py", "aaa")
		if err := tr.read(); err != nil {
			t.Fatal(err)
		}
		at := tr.files["Home.py"].info.ModTime()
		devtest.Write(t, root+"/Home.py", "bbb")
		if err := os.Chtimes(root+"/Home.py", at, at); err != nil {
			t.Fatal(err)
		}
		if _, changed := tr.record("Home.py", at); changed != c.want {
			t.Errorf("with ticks of %v: changed is %v, want %v", c.fresh, changed, c.want)
		}
	}
}

// scripted is a watcher that runs in a bubble, on events that the test makes up.
type scripted struct {
	t       *testing.T
	w       *Watcher
	root    string
	src     *fakeSource
	batches chan Batch
}

func script(t *testing.T, opts Options) *scripted {
	t.Helper()
	return scriptWith(t, opts, nil, nil)
}

func scriptWith(t *testing.T, opts Options, open, add error) *scripted {
	t.Helper()
	root := devtest.Project(t, map[string]string{"Home.py": "a", "noise.log": "a"})
	w, err := New(root, []dev.Rule{{Path: ".", Action: dev.Live}}, opts)
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{
		t: t, w: w, root: root, batches: make(chan Batch, 100),
		src: &fakeSource{events: make(chan fsnotify.Event), errs: make(chan error), add: add},
	}
	w.source = func() (source, error) { return s.src, open }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx, func(b Batch) { s.batches <- b }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	synctest.Wait() // set up, and waiting for events
	return s
}

func (s *scripted) save(name, content string) {
	devtest.Write(s.t, filepath.Join(s.root, name), content)
	s.src.events <- fsnotify.Event{Name: filepath.Join(s.root, name), Op: fsnotify.Write}
}

func (s *scripted) remove(name string) {
	if err := os.Remove(filepath.Join(s.root, name)); err != nil {
		s.t.Error(err)
	}
	s.src.events <- fsnotify.Event{Name: filepath.Join(s.root, name), Op: fsnotify.Remove}
}

// next is the next batch, which must be of one change, of path.
func (s *scripted) next(path string) Batch {
	s.t.Helper()
	b := <-s.batches
	if len(b.Changes) != 1 || b.Changes[0].Path != path {
		s.t.Fatalf("batch %+v, want only %s", b, path)
	}
	return b
}

// wants asserts that the next batch is of path, begins at first, and comes after exactly that long.
func (s *scripted) wants(first time.Time, after time.Duration, path string) dev.Change {
	s.t.Helper()
	b := s.next(path)
	if !b.First.Equal(first) {
		s.t.Errorf("%s: batch begins %v after the event", path, b.First.Sub(first))
	}
	if took := time.Since(first); took != after {
		s.t.Errorf("%s: reported after %v, want %v", path, took, after)
	}
	return b.Changes[0]
}

type fakeSource struct {
	events chan fsnotify.Event
	errs   chan error
	add    error
	once   sync.Once
}

func (f *fakeSource) Add(string) error              { return f.add }
func (f *fakeSource) Remove(string) error           { return nil }
func (f *fakeSource) Events() <-chan fsnotify.Event { return f.events }
func (f *fakeSource) Errors() <-chan error          { return f.errs }
func (f *fakeSource) Close() error {
	f.once.Do(func() { close(f.events); close(f.errs) })
	return nil
}
