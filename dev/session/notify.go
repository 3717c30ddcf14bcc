package session

import (
	"context"
	"sync"
	"time"

	"sdev/dev"
	"sdev/dev/gateway"
)

const (
	// notifyChunk bounds one request: the gateway takes no command of more than a few megabytes.
	notifyChunk = 200
	// notifyRetry is the pause before a gateway that did not answer is sent the same again.
	notifyRetry = 250 * time.Millisecond
)

// notifier reports to the gateway which saves this machine noticed. It works beside the copying of a save
// into the container, and nothing waits for it. While the gateway is away it queues the reports.
type notifier struct {
	send    func(context.Context, gateway.Saved) error
	watches func() int

	mu    sync.Mutex // guards queue
	queue []gateway.Saved
	woken chan struct{} // holds a token when there is something to do
}

func newNotifier(send func(context.Context, gateway.Saved) error, watches func() int) *notifier {
	return &notifier{send: send, watches: watches, woken: make(chan struct{}, 1)}
}

// wake sends a report, if of nothing else then of how many directories are watched.
func (n *notifier) wake() {
	select {
	case n.woken <- struct{}{}:
	default: // a token is there already
	}
}

func (n *notifier) add(changes []dev.Change, first time.Time) {
	if len(changes) == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(changes) > 0 {
		size := min(notifyChunk, len(changes))
		n.queue = append(n.queue, gateway.Saved{Changes: changes[:size], First: first})
		changes = changes[size:]
	}
	n.wake()
}

func (n *notifier) next() gateway.Saved {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.queue) == 0 {
		return gateway.Saved{}
	}
	s := n.queue[0]
	n.queue = n.queue[1:]
	if len(n.queue) > 0 {
		n.wake()
	}
	return s
}

// run sends reports until ctx ends.
func (n *notifier) run(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-n.woken:
		case <-ctx.Done():
			return
		}
		s := n.next()
		for s.Watches = n.watches(); n.send(ctx, s) != nil; s.Watches = n.watches() {
			pause.Reset(notifyRetry)
			select {
			case <-pause.C:
			case <-ctx.Done():
				return
			}
		}
	}
}
