package mirror

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"sdev/dev"
)

// How long things are waited for.
const (
	soonest   = 100 * time.Millisecond // before a stream that broke is opened again
	latestTry = 2 * time.Second        // the same after several failures, unless the container is started
	retry     = 2 * time.Second        // before a file that failed is tried again
)

// Report is what came of something.
type Report struct {
	// Changes and First are those that were handed in, once everything about them was done that could
	// be done now.
	Changes []dev.Change
	First   time.Time
	// Connected says that the container has them. Otherwise there is no receiver right now, and the
	// next one is told.
	Connected bool
	Compared  bool // everything was compared, over a new stream
	Written   int
	Removed   int
	Failed    []Failure
	Took      time.Duration
	Err       error // why no stream came about, or why it broke
}

// Keeper keeps the files in one container equal to the project's. It stays with the service: each
// container that takes the place of an earlier one is found by Open.
type Keeper struct {
	Source Source // Owner and Since come with each peer
	// Open connects to a new receiver in the container that runs now.
	Open   func(ctx context.Context) (Peer, error)
	Ledger string // the receiver's, in the container
	// Report is called by Run's goroutine, one call at a time.
	Report func(Report)

	mu      sync.Mutex // guards what follows
	changed []handed
	woken   chan struct{} // holds a token when there is something to do; made by whoever needs it first
	started bool          // the container was started
}

// Once compares everything over a new stream, brings over what differs, and closes the stream.
func Once(ctx context.Context, s Source, peer Peer, ledger string) (Report, error) {
	began := time.Now()
	defer context.AfterFunc(ctx, func() { _ = peer.Conn.Close() })()
	s.Owner, s.Since = peer.Owner, peer.Since
	l, out, err := dial(ctx, s, peer.Conn, ledger, nil)
	if err != nil {
		return Report{}, err
	}
	l.close()
	return Report{Connected: true, Compared: true, Written: out.Written, Removed: out.Removed, Failed: out.Failed, Took: time.Since(began)}, nil
}

type handed struct {
	changes []dev.Change
	first   time.Time
}

// Changed hands in what is not as it was. It never blocks, and may be called by any goroutine.
func (k *Keeper) Changed(changes []dev.Change, first time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.changed = append(k.changed, handed{changes, first})
	k.wakeLocked()
}

// Started tells that the container was started, so that nobody waits before connecting to it.
func (k *Keeper) Started() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.started = true
	k.wakeLocked()
}

func (k *Keeper) wakeLocked() {
	if k.woken == nil {
		k.woken = make(chan struct{}, 1)
	}
	select {
	case k.woken <- struct{}{}:
	default: // a token is there already
	}
}

func (k *Keeper) wake() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.woken == nil {
		k.woken = make(chan struct{}, 1)
	}
	return k.woken
}

func (k *Keeper) take() (changed []handed, started bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	changed, started = k.changed, k.started
	k.changed, k.started = nil, false
	return changed, started
}

// Run works until ctx ends, which is no error: a container that is not there, or goes away, is
// waited for.
func (k *Keeper) Run(ctx context.Context) error {
	r := &round{Keeper: k, gone: map[string]spot{}, failed: map[string]bool{}}
	pause := soonest
	for ctx.Err() == nil {
		_ = r.connected(ctx) // reported
		if r.worked {
			pause = soonest
		}
		if r.apart(ctx, pause) {
			pause = soonest
		} else {
			pause = min(2*pause, latestTry)
		}
	}
	return nil
}

// round is what a Run knows.
type round struct {
	*Keeper
	gone   map[string]spot // seen to be deleted; every new receiver is told
	failed map[string]bool // paths to be tried again
	worked bool            // the last stream came about
}

// connected opens a stream and uses it until it breaks.
func (r *round) connected(ctx context.Context) error {
	r.worked = false
	began := time.Now()
	peer, err := r.Open(ctx)
	changed, _ := r.take() // what is compared now holds these
	for _, h := range changed {
		r.note(h.changes)
	}
	if err != nil {
		r.report(changed, Report{Err: err})
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = peer.Conn.Close() })()
	s := r.Source
	s.Owner, s.Since = peer.Owner, peer.Since
	l, out, err := dial(ctx, s, peer.Conn, r.Ledger, slices.Collect(maps.Values(r.gone)))
	if err != nil {
		r.report(changed, Report{Err: err})
		return err
	}
	defer l.close()
	r.worked = true
	clear(r.failed)
	r.remember(out)
	r.report(changed, Report{Connected: true, Compared: true, Written: out.Written, Removed: out.Removed, Failed: out.Failed, Took: time.Since(began)})
	return r.serve(ctx, l)
}

// serve sends what is handed in until the stream breaks.
func (r *round) serve(ctx context.Context, l *link) error {
	again := time.NewTimer(retry)
	defer again.Stop()
	for {
		var due <-chan time.Time
		if len(r.failed) > 0 {
			again.Reset(retry)
			due = again.C
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.broken:
			return fmt.Errorf("the receiver is gone: %w", l.why)
		case <-due:
			if err := r.send(ctx, l, nil); err != nil {
				return err
			}
		case <-r.wake():
			changed, _ := r.take() // a start that concerns this stream has broken it
			if err := r.send(ctx, l, changed); err != nil {
				r.report(changed, Report{Err: err}) // the next receiver gets them by comparing
				return err
			}
		}
	}
}

// send brings over what was handed in, and what failed before.
func (r *round) send(ctx context.Context, l *link, changed []handed) error {
	began := time.Now()
	paths := r.failed
	r.failed = map[string]bool{}
	for _, h := range changed {
		r.note(h.changes)
		for _, c := range h.changes {
			paths[c.Path] = true
		}
	}
	if len(paths) == 0 {
		return nil
	}
	var items []item
	var gone []spot
	for _, p := range slices.Sorted(maps.Keys(paths)) {
		found := l.source.look(p)
		for i := range found {
			found[i].Weak = false // it changed just now
		}
		items = append(items, found...)
		if len(found) == 0 {
			for _, at := range l.source.Layout.Places(p) {
				gone = append(gone, spot{Root: at.Root, Path: name(at.Path)})
			}
		}
	}
	out, err := l.send(ctx, items, gone)
	if err != nil {
		return err
	}
	r.remember(out)
	r.report(changed, Report{Connected: true, Written: out.Written, Removed: out.Removed, Failed: out.Failed, Took: time.Since(began)})
	return nil
}

// note keeps what was seen to be deleted. An image that is older than that has the file again.
func (r *round) note(changes []dev.Change) {
	for _, c := range changes {
		for _, at := range r.Source.Layout.Places(c.Path) {
			key := entryName(spot{Root: at.Root, Path: name(at.Path)})
			if c.Gone {
				r.gone[key] = spot{Root: at.Root, Path: name(at.Path)}
			} else {
				delete(r.gone, key)
			}
		}
	}
}

func (r *round) remember(out outcome) {
	for _, p := range out.again {
		r.failed[p] = true
	}
}

// report tells of a piece of work, with all the changes that it was about.
func (r *round) report(changed []handed, done Report) {
	for _, h := range changed {
		done.Changes = append(done.Changes, h.changes...)
		if done.First.IsZero() || h.first.Before(done.First) {
			done.First = h.first
		}
	}
	r.Report(done)
}

// apart waits before the next attempt. What is handed in meanwhile is reported at once: the next
// receiver gets it by comparing. It reports whether the container was started, so that the next
// attempt is a first one.
func (r *round) apart(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return false
		case <-r.wake():
			changed, started := r.take()
			for _, h := range changed {
				r.note(h.changes)
			}
			if len(changed) > 0 {
				r.report(changed, Report{})
			}
			if started {
				return true
			}
		}
	}
}

// ErrNotRunning is how Open says that there is no receiver because the container does not run, which
// is nothing to worry about.
var ErrNotRunning = errors.New("the container does not run")
