package gateway

import (
	"context"
	"encoding/json"
	"io"
	"sync/atomic"
	"time"

	"sdev/dev"
	"sdev/dev/streamlit"
)

// eventLoop runs the tracker. Other goroutines post functions; its own goroutine, run, calls them one at a
// time, so that the tracker needs no lock and events leave in order.
type eventLoop struct {
	posts     chan func(*tracker, time.Time)
	done      chan struct{} // closed when run has ended; posts are dropped from then on
	tracker   *tracker
	announced atomic.Pointer[dev.Announcement] // a copy for the handlers that serve the hold page
}

func newEventLoop(match func(string) (dev.Rule, bool), mounts []dev.Mount, events io.Writer) *eventLoop {
	l := &eventLoop{posts: make(chan func(*tracker, time.Time), 64), done: make(chan struct{})}
	lines := json.NewEncoder(events)
	var seq uint64
	l.tracker = newTracker(match, mounts, func(now time.Time, e dev.Event) {
		seq++
		// The gateway serves the app even if nothing reads its events.
		_ = lines.Encode(dev.Stamped{Seq: seq, Time: now, Event: e})
	})
	l.announced.Store(&dev.Announcement{How: dev.AnnounceStart})
	return l
}

// run calls the posted functions, and wakes the tracker at its deadlines, until ctx ends.
func (l *eventLoop) run(ctx context.Context) {
	defer close(l.done)
	alarm := time.NewTimer(time.Hour)
	defer alarm.Stop()
	for {
		if at, ok := l.tracker.deadline(); ok {
			alarm.Reset(time.Until(at))
		}
		select {
		case <-ctx.Done():
			return
		case f := <-l.posts:
			f(l.tracker, time.Now())
		case now := <-alarm.C:
			l.tracker.wake(now)
		}
	}
}

// post queues a function for run.
func (l *eventLoop) post(f func(*tracker, time.Time)) {
	select {
	case l.posts <- f:
	case <-l.done:
	}
}

// query posts a function and waits until run has called it; it returns false if run has ended.
func (l *eventLoop) query(f func(*tracker, time.Time)) bool {
	called := make(chan struct{})
	l.post(func(t *tracker, now time.Time) {
		f(t, now)
		close(called)
	})
	select {
	case <-called:
		return true
	case <-l.done:
		return false
	}
}

func (l *eventLoop) opened(tb *tab, session string, generation uint64) (replay []byte) {
	var r []byte
	if l.query(func(t *tracker, now time.Time) { r = t.opened(tb, session, generation, now) }) {
		replay = r
	}
	return replay
}

func (l *eventLoop) closed(tb *tab) { l.post(func(t *tracker, now time.Time) { t.closed(tb, now) }) }

func (l *eventLoop) rerunRequested(tb *tab, r streamlit.Rerun) {
	l.post(func(t *tracker, now time.Time) { t.rerunRequested(tb, r, now) })
}

func (l *eventLoop) appMessage(tb *tab, f streamlit.Forward) {
	l.post(func(t *tracker, now time.Time) { t.appMessage(tb, f, now) })
}

func (l *eventLoop) saved(changes []dev.Change, first time.Time) {
	l.post(func(t *tracker, now time.Time) { t.saved(changes, first, now) })
}

func (l *eventLoop) warn(w dev.Warning) { l.emit(w) }

// emit sends an event that the tracker need not see.
func (l *eventLoop) emit(e dev.Event) {
	l.post(func(t *tracker, now time.Time) { t.emit(now, e) })
}

// reachable reports that the app answers, perhaps as a new generation, or no longer does.
func (l *eventLoop) reachable(up bool) {
	if up {
		l.announced.Store(&dev.Announcement{})
	}
	l.post(func(t *tracker, now time.Time) { t.reachable(up, now) })
}

// announce records what will happen to the app. The hold page says so from now on.
func (l *eventLoop) announce(a dev.Announcement) {
	if a.How == dev.AnnounceNothing {
		l.announced.Store(&dev.Announcement{})
	} else {
		l.announced.Store(&a)
	}
	l.query(func(t *tracker, now time.Time) { t.announce(a, now) })
}

// announcement is the last one that has not come true yet.
func (l *eventLoop) announcement() dev.Announcement { return *l.announced.Load() }

func (l *eventLoop) status() (st Status) {
	var got Status
	if l.query(func(t *tracker, _ time.Time) { got = t.status() }) {
		st = got
	}
	return st
}
