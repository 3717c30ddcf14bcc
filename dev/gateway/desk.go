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

// desk is where facts come in from all goroutines. Its own goroutine, run, alone touches the
// tracker, so facts are judged one at a time and events leave in that order.
type desk struct {
	facts    chan func(*tracker, time.Time)
	done     chan struct{} // closed when run has ended; facts are dropped from then on
	tracker  *tracker
	announce atomic.Pointer[Expect] // a copy for handlers that stand in for the app
}

func newDesk(match func(string) (dev.Rule, bool), mounts []dev.Mount, events io.Writer) *desk {
	d := &desk{facts: make(chan func(*tracker, time.Time), 64), done: make(chan struct{})}
	lines := json.NewEncoder(events)
	var seq uint64
	d.tracker = newTracker(match, mounts, func(now time.Time, e dev.Event) {
		seq++
		// Who does not read the events does not want them; the app is served all the same.
		_ = lines.Encode(dev.Stamped{Seq: seq, Time: now, Event: e})
	})
	d.announce.Store(&Expect{How: HowStart})
	return d
}

// run judges facts until ctx ends.
func (d *desk) run(ctx context.Context) {
	defer close(d.done)
	alarm := time.NewTimer(time.Hour)
	defer alarm.Stop()
	for {
		if at, ok := d.tracker.deadline(); ok {
			alarm.Reset(time.Until(at))
		}
		select {
		case <-ctx.Done():
			return
		case fact := <-d.facts:
			fact(d.tracker, time.Now())
		case now := <-alarm.C:
			d.tracker.wake(now)
		}
	}
}

// post hands a fact in.
func (d *desk) post(fact func(*tracker, time.Time)) {
	select {
	case d.facts <- fact:
	case <-d.done:
	}
}

// ask hands a question in and waits until it has been answered; it reports whether it was.
func (d *desk) ask(question func(*tracker, time.Time)) bool {
	answered := make(chan struct{})
	d.post(func(t *tracker, now time.Time) {
		question(t, now)
		close(answered)
	})
	select {
	case <-answered:
		return true
	case <-d.done:
		return false
	}
}

func (d *desk) opened(tb *tab, session string, generation uint64) (replay []byte) {
	var r []byte
	if d.ask(func(t *tracker, now time.Time) { r = t.opened(tb, session, generation, now) }) {
		replay = r
	}
	return replay
}

func (d *desk) closed(tb *tab) { d.post(func(t *tracker, now time.Time) { t.closed(tb, now) }) }

func (d *desk) asked(tb *tab, r streamlit.Rerun) {
	d.post(func(t *tracker, now time.Time) { t.asked(tb, r, now) })
}

func (d *desk) heard(tb *tab, f streamlit.Forward) {
	d.post(func(t *tracker, now time.Time) { t.heard(tb, f, now) })
}

func (d *desk) saved(changes []dev.Change, first time.Time) {
	d.post(func(t *tracker, now time.Time) { t.saved(changes, first, now) })
}

func (d *desk) warned(w dev.Warning) { d.told(w) }

// told passes an event on that needs no judgement.
func (d *desk) told(e dev.Event) {
	d.post(func(t *tracker, now time.Time) { t.emit(now, e) })
}

// reachable tells that the app's state changed: it answers, perhaps in a new life, or it does not.
func (d *desk) reachable(up bool) {
	if up {
		d.announce.Store(&Expect{})
	}
	d.post(func(t *tracker, now time.Time) { t.reachable(up, now) })
}

// expect announces what will happen to the app. The page that stands in says so from now on.
func (d *desk) expect(e Expect) {
	if e.How == HowNothing {
		d.announce.Store(&Expect{})
	} else {
		d.announce.Store(&e)
	}
	d.ask(func(t *tracker, now time.Time) { t.expect(e, now) })
}

// expected is what was announced last and has not come to pass.
func (d *desk) expected() Expect { return *d.announce.Load() }

func (d *desk) status() (st Status) {
	var got Status
	if d.ask(func(t *tracker, _ time.Time) { got = t.status() }) {
		st = got
	}
	return st
}
