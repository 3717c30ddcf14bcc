package gateway

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"sync"
	"time"

	"sdev/dev"
)

// Pauses between attempts to reach an app that is down: short at first, while its return is likely, and
// longer after a while.
const (
	probeSoon    = 5 * time.Millisecond
	probeLater   = 150 * time.Millisecond
	probeSoonFor = 15 * time.Second
	dialTimeout  = 5 * time.Second
)

// upstream knows whether the app answers, and counts its generations.
//
// A new generation begins when the app answers again, or when it listens on a new socket: the gateway shares
// the app's network namespace, so the kernel's socket table shows even a restart during which nobody made a
// request.
type upstream struct {
	appAddress
	changed func(up bool) // called for every new generation and every end, in order
	open    func()        // called if the app is found at its port although it has a unix socket
	checks  chan struct{} // a token makes run check whether the app answers

	mu         sync.Mutex // guards the fields below; held during calls of changed, to keep their order
	up         bool
	back       chan struct{} // closed when the app answers again
	generation uint64
	socket     uint64 // identifies the app's listening socket, see listening; 0 if unknown
}

// newUpstream makes an upstream that calls changed after each change, and open each time that it finds the app at its port
// although it has a unix socket.
func newUpstream(at appAddress, changed func(up bool), open func()) *upstream {
	u := &upstream{appAddress: at, changed: changed, open: open, checks: make(chan struct{}, 1), back: make(chan struct{})}
	u.check()
	return u
}

// run checks after each call of check whether the app answers, until ctx ends. While the app does not, run tries again.
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
	conn, err := u.connect(ctx, net.Dialer{Timeout: time.Second})
	if err != nil {
		return false
	}
	if u.file != "" && conn.RemoteAddr().Network() == "tcp" {
		u.open()
	}
	return conn.Close() == nil
}

// check makes run check whether the app answers. It never blocks.
func (u *upstream) check() {
	select {
	case u.checks <- struct{}{}:
	default:
	}
}

// markDown records that the app did not answer.
func (u *upstream) markDown() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.up {
		return
	}
	u.up, u.back = false, make(chan struct{})
	u.changed(false)
}

// markUp records that the app answered, and wakes the callers of wait.
func (u *upstream) markUp() {
	socket := u.listening()
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

// state reports whether the app answered last time, and its generation, counted from 1.
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

// appAddress is where the app listens: at the unix socket if it has created one, or else at the port.
type appAddress struct {
	addr string // on loopback
	file string // path of the unix socket; "" if there is none
}

// connect connects to the app. The error is one of those that [dev.IsRefused] knows if the app listens nowhere.
func (a appAddress) connect(ctx context.Context, d net.Dialer) (net.Conn, error) {
	if a.file != "" {
		conn, err := d.DialContext(ctx, "unix", a.file)
		if !errors.Is(err, fs.ErrNotExist) && !dev.IsRefused(err) {
			return conn, err
		}
	}
	return d.DialContext(ctx, "tcp", a.addr)
}

// listening returns a number that changes when the app listens anew; 0 if that is unknown. The app creates its unix socket
// each time.
func (a appAddress) listening() uint64 {
	if st, err := os.Lstat(a.file); err == nil {
		return uint64(st.ModTime().UnixNano())
	}
	return listener(a.addr)
}
