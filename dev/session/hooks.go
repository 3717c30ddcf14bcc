package session

import (
	"context"
	"sync"

	"sdev/dev"
)

// hooks runs the commands of sync+exec rules, one at a time, in the order of the requests. Several requests for a
// command that waits in the queue run it once. A request while the command runs makes it run again.
type hooks struct {
	exec func(context.Context, dev.Rule)

	mu    sync.Mutex // guards queue
	queue []dev.Rule
	woken chan struct{}
}

func newHooks(exec func(context.Context, dev.Rule)) *hooks {
	return &hooks{exec: exec, woken: make(chan struct{}, 1)}
}

func (h *hooks) request(r dev.Rule) {
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
