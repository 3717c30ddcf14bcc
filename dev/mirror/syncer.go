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

// Delays.
const (
	minReconnect = 100 * time.Millisecond // before the first attempt to reopen a broken stream
	maxReconnect = 2 * time.Second        // after several failed attempts, unless the container starts
	retryAfter   = 2 * time.Second        // before copying a file again whose copy failed
)

// Report is the result of one comparison or one batch of changes.
type Report struct {
	// Changes are those passed to [Syncer.Changed] that this report covers; First is when the first of
	// them was noticed, or for a comparison when that began.
	Changes []dev.Change
	First   time.Time
	// Connected says that the container has the changes. Otherwise no receiver runs, and the next stream copies
	// them.
	Connected bool
	Compared  bool // a new stream compared everything
	// Differed are the files that the comparison has copied, whether or not they are in Changes. A file with several places
	// may be in it several times.
	Differed []dev.Change
	Written  int
	Removed  int
	Failed   []Failure
	Took     time.Duration
	Err      error // why no stream could be opened, or why it broke
}

// Syncer keeps the files in one service's container equal to the project's. It outlives the container:
// Open finds the one that runs now.
type Syncer struct {
	Source Source // Owner and Since are ignored: each peer has its own
	// Open connects to a new receiver in the container that runs now.
	Open     func(ctx context.Context) (Peer, error)
	Manifest string // path of the receiver's manifest in the container
	// Report is called by Run's goroutine, one call at a time.
	Report func(Report)

	mu      sync.Mutex // guards the fields below
	pending []pendingChanges
	woken   chan struct{} // holds a token when there is work; created on first use
	started bool          // the container was started
}

// Once compares all files over a new stream, copies those that differ, and closes the stream.
func Once(ctx context.Context, s Source, peer Peer, manifest string) (Report, error) {
	began := time.Now()
	defer context.AfterFunc(ctx, func() { _ = peer.Conn.Close() })()
	s.Owner, s.Since = peer.Owner, peer.Since
	c, out, err := dial(ctx, s, peer.Conn, manifest, nil)
	if err != nil {
		return Report{}, err
	}
	c.close()
	return Report{Connected: true, Compared: true, Written: out.Written, Removed: out.Removed, Failed: out.Failed, Took: time.Since(began)}, nil
}

type pendingChanges struct {
	changes []dev.Change
	first   time.Time
}

// Changed queues changes. It never blocks and is safe for concurrent use.
func (s *Syncer) Changed(changes []dev.Change, first time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = append(s.pending, pendingChanges{changes, first})
	s.wakeLocked()
}

// Started says that the container has started, so that Run connects at once. It is safe for concurrent use.
func (s *Syncer) Started() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = true
	s.wakeLocked()
}

func (s *Syncer) wakeLocked() {
	if s.woken == nil {
		s.woken = make(chan struct{}, 1)
	}
	select {
	case s.woken <- struct{}{}:
	default: // a token is there already
	}
}

func (s *Syncer) wake() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.woken == nil {
		s.woken = make(chan struct{}, 1)
	}
	return s.woken
}

func (s *Syncer) takePending() (pending []pendingChanges, started bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pending, started = s.pending, s.started
	s.pending, s.started = nil, false
	return pending, started
}

// Run syncs until ctx ends, and then returns nil. While the container does not run, it waits for it.
func (s *Syncer) Run(ctx context.Context) error {
	r := &syncRun{Syncer: s, deleted: map[string]location{}, retries: map[string]bool{}}
	pause := minReconnect
	for ctx.Err() == nil {
		_ = r.runStream(ctx) // runStream has reported the error
		if r.connectedOnce {
			pause = minReconnect
		}
		if r.waitToReconnect(ctx, pause) {
			pause = minReconnect
		} else {
			pause = min(2*pause, maxReconnect)
		}
	}
	return nil
}

// syncRun is the state of one call of Run.
type syncRun struct {
	*Syncer
	deleted       map[string]location // files deleted in the project, which every hello lists
	retries       map[string]bool     // paths to try again
	connectedOnce bool                // the last attempt opened a stream
}

// runStream opens a stream and serves it until it breaks.
func (r *syncRun) runStream(ctx context.Context) error {
	r.connectedOnce = false
	began := time.Now()
	peer, err := r.Open(ctx)
	changed, _ := r.takePending() // the comparison covers these
	for _, h := range changed {
		r.recordDeletions(h.changes)
	}
	if err != nil {
		r.report(changed, Report{Err: err})
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = peer.Conn.Close() })()
	s := r.Source
	s.Owner, s.Since = peer.Owner, peer.Since
	c, out, err := dial(ctx, s, peer.Conn, r.Manifest, slices.Collect(maps.Values(r.deleted)))
	if err != nil {
		r.report(changed, Report{Err: err})
		return err
	}
	defer c.close()
	r.connectedOnce = true
	clear(r.retries)
	r.retryLater(out)
	r.report(changed, Report{First: began, Connected: true, Compared: true, Differed: out.differed, Written: out.Written, Removed: out.Removed, Failed: out.Failed, Took: time.Since(began)})
	return r.serve(ctx, c)
}

// serve sends queued changes until the stream breaks.
func (r *syncRun) serve(ctx context.Context, c *client) error {
	timer := time.NewTimer(retryAfter)
	defer timer.Stop()
	for {
		var due <-chan time.Time
		if len(r.retries) > 0 {
			timer.Reset(retryAfter)
			due = timer.C
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.broken:
			return fmt.Errorf("the receiver is gone: %w", c.err)
		case <-due:
			if err := r.send(ctx, c, nil); err != nil {
				return err
			}
		case <-r.wake():
			changed, _ := r.takePending() // no need to look at started: a start breaks this stream
			if err := r.send(ctx, c, changed); err != nil {
				r.report(changed, Report{Err: err}) // the next comparison copies the changes
				return err
			}
		}
	}
}

// send copies the changed files, and those that failed before.
func (r *syncRun) send(ctx context.Context, c *client, changed []pendingChanges) error {
	began := time.Now()
	paths := r.retries
	r.retries = map[string]bool{}
	for _, h := range changed {
		r.recordDeletions(h.changes)
		for _, c := range h.changes {
			paths[c.Path] = true
		}
	}
	if len(paths) == 0 {
		return nil
	}
	var items []item
	var gone []location
	for _, p := range slices.Sorted(maps.Keys(paths)) {
		found := c.source.itemsAt(p)
		for i := range found {
			found[i].Weak = false // it has just changed, so it is newer than the image
		}
		items = append(items, found...)
		if len(found) == 0 {
			for _, at := range c.source.Layout.Places(p) {
				gone = append(gone, location{Root: at.Root, Path: rawPath(at.Path)})
			}
		}
	}
	out, err := c.send(ctx, items, gone)
	if err != nil {
		return err
	}
	r.retryLater(out)
	r.report(changed, Report{Connected: true, Written: out.Written, Removed: out.Removed, Failed: out.Failed, Took: time.Since(began)})
	return nil
}

// recordDeletions records deleted files, because a container that is recreated from an older image has them again.
func (r *syncRun) recordDeletions(changes []dev.Change) {
	for _, c := range changes {
		for _, at := range r.Source.Layout.Places(c.Path) {
			key := batchEntryName(location{Root: at.Root, Path: rawPath(at.Path)})
			if c.Gone {
				r.deleted[key] = location{Root: at.Root, Path: rawPath(at.Path)}
			} else {
				delete(r.deleted, key)
			}
		}
	}
}

func (r *syncRun) retryLater(out outcome) {
	for _, p := range out.retry {
		r.retries[p] = true
	}
}

// report adds the changes that a report covers, and calls Report.
func (r *syncRun) report(changed []pendingChanges, done Report) {
	for _, h := range changed {
		done.Changes = append(done.Changes, h.changes...)
		if done.First.IsZero() || h.first.Before(done.First) {
			done.First = h.first
		}
	}
	r.Report(done)
}

// waitToReconnect waits before the next attempt. Meanwhile it reports queued changes as not connected; the next
// comparison copies them. It returns true at once if the container starts; the delays then begin again at the minimum.
func (r *syncRun) waitToReconnect(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return false
		case <-r.wake():
			changed, started := r.takePending()
			for _, h := range changed {
				r.recordDeletions(h.changes)
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

// ErrNotRunning is the error that Open returns if the container does not run. It does not count as a failure.
var ErrNotRunning = errors.New("the container does not run")
