package hub

import (
	"sync"
	"time"

	"sdev/dev"
)

// Hub is safe for concurrent use. [New] creates one.
type Hub struct {
	now func() time.Time

	// mu guards everything below, and is held while an event is numbered and queued for all
	// readers: that is what makes the order total. It is taken before a subscription's own lock.
	mu     sync.Mutex
	snap   dev.Snapshot
	subs   map[*Subscription]struct{}
	closed bool
}

// New creates a hub that stamps events with the time of now. It calls now from one goroutine at a time.
func New(now func() time.Time) *Hub {
	return &Hub{now: now, subs: make(map[*Subscription]struct{})}
}

// Emit gives e the next number and the current time, and queues it for every reader. After [Hub.Close] it does
// nothing.
func (h *Hub) Emit(e dev.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.emit(h.now(), e)
}

// EmitAt is Emit for an event that was observed elsewhere at time t. So times may run backwards in a stream;
// numbers do not.
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

// Snapshot is the current state.
func (h *Hub) Snapshot() dev.Snapshot {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.snap
}

// Subscribe returns the current state and, atomically, the stream of everything after it: the first event has
// the number after the snapshot's. The stream of a closed hub is at its end.
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

// Close ends every stream after the events emitted so far. It may be called more than once.
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
