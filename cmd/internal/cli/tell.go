package cli

import (
	"context"
	"sync"
	"time"

	"sdev/dev"
	"sdev/dev/gateway"
)

// saved is what the gateway is told of saves.
type saved = gateway.Saved

func (c *copier) tell(ctx context.Context, container string, s saved) error {
	_, err := ask(ctx, c.docker, container, gateway.Request{Do: gateway.DoSaved, Saved: s})
	return err
}

const (
	// tellMany bounds one request: the gateway takes no command of more than a few megabytes.
	tellMany = 200
	// tellAgain is the pause before a gateway that did not answer is told again.
	tellAgain = 250 * time.Millisecond
)

// teller tells the gateway of saves that were noticed here. It is beside the way of a save into the
// container, and nothing waits for it. While the gateway is away, what it has to be told is kept.
type teller struct {
	send    func(context.Context, saved) error
	watches func() int

	mu    sync.Mutex // guards queue
	queue []saved
	woken chan struct{} // holds a token when there is something to do
}

func newTeller(send func(context.Context, saved) error, watches func() int) *teller {
	return &teller{send: send, watches: watches, woken: make(chan struct{}, 1)}
}

// wake has the gateway told, if of nothing else then of how many directories are watched.
func (t *teller) wake() {
	select {
	case t.woken <- struct{}{}:
	default: // a token is there already
	}
}

func (t *teller) tell(changes []dev.Change, first time.Time) {
	if len(changes) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(changes) > 0 {
		n := min(tellMany, len(changes))
		t.queue = append(t.queue, saved{Changes: changes[:n], First: first})
		changes = changes[n:]
	}
	t.wake()
}

func (t *teller) next() saved {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.queue) == 0 {
		return saved{}
	}
	s := t.queue[0]
	t.queue = t.queue[1:]
	if len(t.queue) > 0 {
		t.wake()
	}
	return s
}

// run tells until ctx ends.
func (t *teller) run(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-t.woken:
		case <-ctx.Done():
			return
		}
		s := t.next()
		for s.Watches = t.watches(); t.send(ctx, s) != nil; s.Watches = t.watches() {
			pause.Reset(tellAgain)
			select {
			case <-pause.C:
			case <-ctx.Done():
				return
			}
		}
	}
}

// hooks runs the commands of sync+exec rules, one at a time, in the order in which they were wanted.
// A command that is wanted again while it waits runs once; one that is wanted while it runs, again.
type hooks struct {
	exec func(context.Context, dev.Rule)

	mu    sync.Mutex // guards queue
	queue []dev.Rule
	woken chan struct{}
}

func newHooks(exec func(context.Context, dev.Rule)) *hooks {
	return &hooks{exec: exec, woken: make(chan struct{}, 1)}
}

func (h *hooks) want(r dev.Rule) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, q := range h.queue {
		if q.Origin == r.Origin {
			return
		}
	}
	h.queue = append(h.queue, r)
	select {
	case h.woken <- struct{}{}:
	default: // a token is there already
	}
}

func (h *hooks) run(ctx context.Context) {
	for {
		select {
		case <-h.woken:
		case <-ctx.Done():
			return
		}
		for r, ok := h.next(); ok && ctx.Err() == nil; r, ok = h.next() {
			h.exec(ctx, r)
		}
	}
}

func (h *hooks) next() (dev.Rule, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.queue) == 0 {
		return dev.Rule{}, false
	}
	r := h.queue[0]
	h.queue = h.queue[1:]
	return r, true
}
