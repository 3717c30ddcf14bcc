package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"sdev/dev"
)

// Limits for a slow reader.
const (
	// MaxLogs is the number of unread log lines above which the older half is dropped.
	MaxLogs = 4096
	// MaxState is the number of unread events of other types at which a reader is cut off.
	MaxState = 16384
)

// ErrCutOff is the error of a reader that left more than [MaxState] events unread.
var ErrCutOff = errors.New("reader of events cut off")

// errEnd is the regular end of a stream.
var errEnd = io.EOF

// kind tells whether the queue may drop an entry.
type kind uint8

const (
	state   kind = iota // kept
	logLine             // may be dropped
	gap                 // counts dropped lines
)

type entry struct {
	dev.Stamped
	kind kind
}

// Subscription is one reader's stream. One goroutine at a time may read it; any may close it.
type Subscription struct {
	hub   *Hub
	ready chan struct{} // holds a token when there may be something to read

	// mu guards the queue. It is the inner lock: nothing else is locked while it is held.
	mu    sync.Mutex
	queue []entry      // oldest first
	count [gap + 1]int // entries of each kind in queue
	err   error        // returned after the queue; nil while the stream goes on
}

// Next waits for the next event. Its error is ctx's if ctx ended first, [io.EOF] after the last event of a closed
// hub or subscription, and [ErrCutOff] for a reader that was too slow.
func (s *Subscription) Next(ctx context.Context) (dev.Stamped, error) {
	for {
		if e, ok, err := s.pop(); ok || err != nil {
			return e, err
		}
		select {
		case <-s.ready:
		case <-ctx.Done():
			return dev.Stamped{}, ctx.Err()
		}
	}
}

// Close ends the stream at once and discards unread events. It may be called more than once.
func (s *Subscription) Close() {
	s.hub.remove(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = nil
	s.endLocked(errEnd)
}

func (s *Subscription) pop() (dev.Stamped, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		s.queue = nil // releases an array that a burst has enlarged
		return dev.Stamped{}, false, s.err
	}
	e := s.queue[0]
	s.queue[0] = entry{}
	s.queue = s.queue[1:]
	s.count[e.kind]--
	return e.Stamped, true, nil
}

// push queues e and reports whether the reader is still connected.
func (s *Subscription) push(e dev.Stamped) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := kindOf(e.Event)
	switch {
	case k == logLine && s.count[logLine] == MaxLogs:
		s.dropLogs(MaxLogs / 2)
	case k == state && s.count[state] == MaxState:
		s.queue = nil
		s.endLocked(fmt.Errorf("%w: more than %d events unread", ErrCutOff, MaxState))
		return false
	}
	s.queue = append(s.queue, entry{e, k})
	s.count[k]++
	s.wake()
	return true
}

// kindOf treats a producer's own LogDropped as a line: dropLogs may merge it with others, but keeps its count.
func kindOf(e dev.Event) kind {
	switch e.(type) {
	case dev.LogLine, dev.LogDropped:
		return logLine
	}
	return state
}

// dropLogs replaces the oldest n log lines with gaps. It walks the whole queue, so push calls it for many lines at
// once.
func (s *Subscription) dropLogs(n int) {
	kept := s.queue[:0]
	for _, e := range s.queue {
		if e.kind == logLine && n > 0 {
			n--
			e = entry{dev.Stamped{Seq: e.Seq, Time: e.Time, Event: dev.LogDropped{N: lines(e.Event)}}, gap}
			s.count[logLine]--
			s.count[gap]++
		}
		if last := len(kept) - 1; e.kind == gap && last >= 0 && kept[last].kind == gap {
			e.Event = dev.LogDropped{N: lines(kept[last].Event) + lines(e.Event)}
			kept[last] = e
			s.count[gap]--
			continue
		}
		kept = append(kept, e)
	}
	clear(s.queue[len(kept):])
	s.queue = kept
}

// lines is the number of log lines that e counts for.
func lines(e dev.Event) int {
	if d, ok := e.(dev.LogDropped); ok {
		return d.N
	}
	return 1
}

func (s *Subscription) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(err)
}

func (s *Subscription) endLocked(err error) {
	if s.err == nil {
		s.err = err
	}
	s.wake()
}

func (s *Subscription) wake() {
	select {
	case s.ready <- struct{}{}:
	default: // there already is a token
	}
}
