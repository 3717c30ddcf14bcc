package tui

import (
	"context"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"sdev/dev"
)

// eventsMsg is a batch of events, in order.
type eventsMsg []dev.Stamped

// streamEndedMsg says that no more events will come.
type streamEndedMsg struct{}

const (
	// batchEvery is the time between two batches: about thirty a second.
	batchEvery = 33 * time.Millisecond
	// batchMost limits the waiting events. Beyond it the stream itself drops log lines, and reports that.
	batchMost = 4096
)

// relay passes events on until the stream or ctx ends. It sends the first event after a pause at once, and batches
// those that follow.
func relay(ctx context.Context, s Stream, send func(tea.Msg)) {
	box := newMailbox()
	var reader sync.WaitGroup
	reader.Go(func() {
		defer box.close()
		for {
			ev, err := s.Next(ctx)
			if err != nil || !box.put(ctx, ev) {
				return
			}
		}
	})
	defer reader.Wait()
	pause := time.NewTimer(batchEvery)
	defer pause.Stop()
	for {
		batch, open := box.take(ctx)
		if len(batch) > 0 {
			send(eventsMsg(batch))
		}
		if !open {
			if ctx.Err() == nil {
				send(streamEndedMsg{})
			}
			return
		}
		pause.Reset(batchEvery)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
	}
}

// mailbox passes events from the reader to the sender.
type mailbox struct {
	filled chan struct{} // holds a token when there is something to take
	space  chan struct{} // holds a token when something was taken

	mu     sync.Mutex // guards what follows
	waits  []dev.Stamped
	closed bool
}

func newMailbox() *mailbox {
	return &mailbox{filled: make(chan struct{}, 1), space: make(chan struct{}, 1)}
}

// put waits for space; it returns false if ctx ended first.
func (b *mailbox) put(ctx context.Context, ev dev.Stamped) bool {
	for {
		b.mu.Lock()
		fits := len(b.waits) < batchMost
		if fits {
			b.waits = append(b.waits, ev)
		}
		b.mu.Unlock()
		if fits {
			token(b.filled)
			return true
		}
		select {
		case <-b.space:
		case <-ctx.Done():
			return false
		}
	}
}

func (b *mailbox) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	token(b.filled)
}

// take waits for events; open is false once the stream has ended.
func (b *mailbox) take(ctx context.Context) (batch []dev.Stamped, open bool) {
	for {
		b.mu.Lock()
		batch, b.waits = b.waits, nil
		closed := b.closed
		b.mu.Unlock()
		if len(batch) > 0 {
			token(b.space)
		}
		if len(batch) > 0 || closed {
			return batch, !closed
		}
		select {
		case <-b.filled:
		case <-ctx.Done():
			return nil, false
		}
	}
}

func token(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // there already is one
	}
}
