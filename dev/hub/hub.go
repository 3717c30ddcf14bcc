// Package hub puts the events of all producers into one order and hands them to every reader.
//
// What it promises:
//
//   - One total order. An event gets its Seq, and unless it brings its own its time, once, under one
//     lock. All readers see the same events under the same numbers, rising from 1.
//   - No lost start. [Hub.Subscribe] gives a snapshot and the stream that begins right behind it.
//   - State is never dropped. Only [dev.LogLine] events are, when a reader lags by more than
//     [MaxLogs] of them; the oldest go first. A run of dropped lines is replaced, in its place, by
//     one [dev.LogDropped] with the Seq of the last of them, so that the numbers a reader sees
//     skip only right before a LogDropped.
//   - No producer waits. Emitting takes a short lock and never blocks on a reader. A reader that
//     leaves more than [MaxState] other events unread is cut off with [ErrCutOff].
//
// The package starts no goroutines. A reader that is done closes its subscription.
package hub

import (
	"sync"
	"time"

	"sdev/dev"
)

// Hub is safe for use by any number of goroutines. [New] makes one.
type Hub struct {
	now func() time.Time

	// mu guards everything below, and is held while an event is numbered and queued for all
	// readers: that is what makes the order total. It is taken before a subscription's own lock.
	mu     sync.Mutex
	snap   dev.Snapshot
	subs   map[*Subscription]struct{}
	closed bool
}

// New makes a hub whose events are stamped with the time that now gives. Calls of now are made one
// at a time.
func New(now func() time.Time) *Hub {
	return &Hub{now: now, subs: make(map[*Subscription]struct{})}
}

// Emit gives e the next number and the present time, and queues it for every reader. After
// [Hub.Close] it does nothing.
func (h *Hub) Emit(e dev.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.emit(h.now(), e)
}

// EmitAt is Emit for a fact that was observed elsewhere, at time t. Times may therefore run
// backwards in a stream; numbers do not.
func (h *Hub) EmitAt(t time.Time, e dev.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.emit(t, e)
}

func (h *Hub) emit(t time.Time, e dev.Event) {
	if h.closed {
		return
	}
	st := dev.Stamped{Seq: h.snap.Seq + 1, Time: t, Event: e}
	h.snap = dev.Apply(h.snap, st)
	for s := range h.subs {
		if !s.push(st) {
			delete(h.subs, s)
		}
	}
}

// Snapshot is what is true now.
func (h *Hub) Snapshot() dev.Snapshot {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.snap
}

// Subscribe gives what is true now and, atomically, the stream of everything after it: the first
// event read has the number that follows the snapshot's. Subscribing to a closed hub gives a
// stream that is at its end.
func (h *Hub) Subscribe() (dev.Snapshot, *Subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &Subscription{hub: h, ready: make(chan struct{}, 1)}
	if h.closed {
		s.end(errEnd)
	} else {
		h.subs[s] = struct{}{}
	}
	return h.snap, s
}

// Close ends every stream behind the events that were emitted before it. It may be called again.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for s := range h.subs {
		s.end(errEnd)
		delete(h.subs, s)
	}
}

func (h *Hub) remove(s *Subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.subs, s)
}
