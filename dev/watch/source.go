package watch

import (
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// source reports events in single directories. Both channels are closed when Close has returned.
type source interface {
	Add(dir string) error
	Remove(dir string) error
	Events() <-chan fsnotify.Event
	Errors() <-chan error
	Close() error
}

type system struct{ *fsnotify.Watcher }

// newNotify is the system's own source, by fsnotify.
func newNotify() (source, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	return system{w}, nil
}

func (s system) Events() <-chan fsnotify.Event { return s.Watcher.Events }
func (s system) Errors() <-chan error          { return s.Watcher.Errors }

// hint is what a source reported about one path.
type hint struct {
	first, last time.Time // when the first and the latest event arrived
	moved       bool      // it was created, removed or renamed
}

// maxHints limits the memory: with more paths, comparing the whole tree is cheaper.
const maxHints = 16384

// inbox receives a source's events at once, so that the system's queue stays short even if the reader is slow. It keeps
// one hint per path.
type inbox struct {
	ready chan struct{} // holds a token when there is something to take

	mu    sync.Mutex // guards what follows
	hints map[string]hint
	lost  time.Time // when events were lost; zero if none were
}

func newInbox() *inbox {
	return &inbox{ready: make(chan struct{}, 1), hints: make(map[string]hint)}
}

// fill reads src until it is closed.
func (in *inbox) fill(src source) {
	events, errs := src.Events(), src.Errors()
	for events != nil {
		select {
		case e, ok := <-events:
			if !ok {
				events = nil
				break
			}
			in.put(e, time.Now())
		case _, ok := <-errs:
			if !ok {
				errs = nil
				break
			}
			// Usually the queue has overflowed. Any other error means lost events too.
			in.lose(time.Now())
		}
	}
}

func (in *inbox) put(e fsnotify.Event, now time.Time) {
	if e.Name == "" {
		return // fsnotify sends an empty event together with an error
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	h, known := in.hints[e.Name]
	if !known {
		if len(in.hints) == maxHints {
			in.loseLocked(now)
			return
		}
		h.first = now
	}
	h.last = now
	h.moved = h.moved || e.Has(fsnotify.Create) || e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename)
	in.hints[e.Name] = h
	in.wake()
}

func (in *inbox) lose(now time.Time) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.loseLocked(now)
}

func (in *inbox) loseLocked(now time.Time) {
	if in.lost.IsZero() {
		in.lost = now
	}
	in.wake()
}

func (in *inbox) wake() {
	select {
	case in.ready <- struct{}{}:
	default: // there already is a token
	}
}

// take returns the hints and removes them. The time is when events were lost; zero if none were.
func (in *inbox) take() (map[string]hint, time.Time) {
	in.mu.Lock()
	defer in.mu.Unlock()
	hints, lost := in.hints, in.lost
	in.hints, in.lost = make(map[string]hint), time.Time{}
	return hints, lost
}
