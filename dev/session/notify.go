package session

import (
	"context"
	"sync"
	"time"

	"sdev/dev"
	"sdev/dev/gateway"
)

const (
	// notifyChunk is the maximal number of changes in one request, because the gateway limits a request to 2 MiB.
	notifyChunk = 200
	// notifyRetry is the pause before a request that failed is sent again.
	notifyRetry = 250 * time.Millisecond
)

// notifier reports to the gateway the saves that this machine noticed. It has a goroutine of its own, run, so that the
// copying of files never waits for the gateway. While the gateway does not answer, the reports stay in the queue.
type notifier struct {
	send    func(context.Context, gateway.Saved) error
	watches func() int

	mu    sync.Mutex // guards queue
	queue []gateway.Saved
	woken chan struct{} // holds a token when there is a report to send
}

func newNotifier(send func(context.Context, gateway.Saved) error, watches func() int) *notifier {
	return &notifier{send: send, watches: watches, woken: make(chan struct{}, 1)}
}

// wake makes run send a report, even if the queue is empty: a report also contains the number of watched directories.
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

// next takes a report from the queue; it returns one without changes if the queue is empty.
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
