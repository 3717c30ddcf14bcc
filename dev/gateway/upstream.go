package gateway

import (
	"context"
	"net"
	"sync"
	"time"
)

// Pauses between two attempts to reach an app that is down: short while its return is likely, so
// that nobody waits for the gateway, and longer after a while.
const (
	probeSoon    = 15 * time.Millisecond
	probeLater   = 150 * time.Millisecond
	probeSoonFor = 15 * time.Second
)

// upstream knows whether the app answers, and counts its lives.
//
// A new life (a generation) begins when the app answers after it did not, or when the socket it
// listens on is another one: the gateway shares the app's network namespace, so the kernel's table
// shows it, and even a restart that no request fell into is noticed.
type upstream struct {
	addr    string
	changed func(up bool) // told of every new life and of every end, in order
	checks  chan struct{} // asks run to see whether the app answers

	mu         sync.Mutex // guards what follows; held while changed is called, which keeps the order
	up         bool
	back       chan struct{} // closed when the app answers again
	generation uint64
	socket     uint64
}

func newUpstream(addr string, changed func(up bool)) *upstream {
	u := &upstream{addr: addr, changed: changed, checks: make(chan struct{}, 1), back: make(chan struct{})}
	u.check()
	return u
}

// run finds out whether the app answers, whenever there is doubt, until ctx ends.
func (u *upstream) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-u.checks:
		}
		since := time.Now()
		for !u.dial(ctx) {
			u.markDown()
			pause := probeSoon
			if time.Since(since) > probeSoonFor {
				pause = probeLater
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
		}
		u.markUp()
	}
}

func (u *upstream) dial(ctx context.Context) bool {
	d := net.Dialer{Timeout: time.Second}
	conn, err := d.DialContext(ctx, "tcp", u.addr)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// check asks for a look at the app; it never blocks.
func (u *upstream) check() {
	select {
	case u.checks <- struct{}{}:
	default:
	}
}

// markDown notes that the app did not answer.
func (u *upstream) markDown() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.up {
		return
	}
	u.up, u.back = false, make(chan struct{})
	u.changed(false)
}

// markUp notes that the app answered, and lets everyone go who waits for that.
func (u *upstream) markUp() {
	socket := listener(u.addr)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.up && socket == u.socket {
		return
	}
	u.generation++
	u.socket = socket
	u.changed(true)
	if !u.up {
		u.up = true
		close(u.back)
	}
}

// state reports whether the app answered when last asked, and its generation, counted from 1.
func (u *upstream) state() (up bool, generation uint64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.up, u.generation
}

// wait blocks until the app answers or ctx ends, and reports whether it answers.
func (u *upstream) wait(ctx context.Context) bool {
	u.mu.Lock()
	up, back := u.up, u.back
	u.mu.Unlock()
	if up {
		return true
	}
	u.check()
	select {
	case <-back:
		return true
	case <-ctx.Done():
		return false
	}
}
