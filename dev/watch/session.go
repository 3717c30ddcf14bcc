package watch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"sdev/dev"
)

// session is the state of one Run. Only Run's goroutine uses it, except for watches.
type session struct {
	tree    *tree
	opts    Options
	emit    func(Batch)
	watches *atomic.Int64
	pending *coalescer

	src  source          // nil when polling
	dirs map[string]bool // directories watched, relative to the root
}

// native reports changes by the system's events until ctx ends. Any other error says why the system delivers no
// events.
func (s *session) native(ctx context.Context, open func() (source, error)) error {
	src, err := open()
	if err != nil {
		return err
	}
	s.src, s.dirs = src, make(map[string]bool)
	in := newInbox()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		in.fill(src)
	}()
	defer func() {
		_ = src.Close() // it is only read
		<-ended
		s.src = nil
		s.watches.Store(0)
	}()

	// Changes after New and before the watches were set.
	if err := s.rescan(time.Now()); err != nil {
		return err
	}
	return s.follow(ctx, in)
}

func (s *session) follow(ctx context.Context, in *inbox) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		s.flush(time.Now())
		timer.Reset(s.pause())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			if !s.dirs["."] { // the root was removed; it may have been recreated
				if err := s.rescan(time.Now()); err != nil {
					return err
				}
			}
		case <-in.ready:
			if err := s.handleHints(in.take()); err != nil {
				return err
			}
		}
	}
}

// pause is how long to wait for events: until the next window is due or, if the root was removed, until the
// next check for it.
func (s *session) pause() time.Duration {
	wait := time.Hour
	if !s.dirs["."] {
		wait = s.opts.PollEvery
	}
	if at, ok := s.pending.next(); ok {
		wait = min(wait, max(0, time.Until(at)))
	}
	return wait
}

// handleHints handles the events since the last call.
func (s *session) handleHints(hints map[string]hint, lost time.Time) error {
	// Remove the watches of moved directories before adding new ones: the system keeps the watch of a renamed
	// directory, and would report it under its old name.
	dirs := make(map[string]bool)
	for name, h := range hints {
		if rel, ok := s.rel(name); ok && h.moved {
			dirs[rel] = s.removeWatches(rel)
		}
	}
	if !lost.IsZero() {
		s.removeWatches(".") // a rename may be among the lost events
		return s.reconcile(lost)
	}
	for name, h := range hints {
		if rel, ok := s.rel(name); ok {
			if err := s.handleHint(rel, h, dirs[rel]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *session) rel(name string) (string, bool) {
	rel, err := filepath.Rel(s.tree.root, name)
	if err != nil {
		return "", false
	}
	return filepath.ToSlash(rel), filepath.IsLocal(rel) // a file name may be any bytes
}

// handleHint opens windows for what may have changed at rel. wasDir says that rel was a watched directory.
func (s *session) handleHint(rel string, h hint, wasDir bool) error {
	if h.moved && s.isDir(rel) {
		if !s.tree.rules.reaches(rel) {
			return nil
		}
		changed, err := s.tree.compare(rel, s.addWatch)
		for _, file := range changed {
			s.pending.touch(file, h.first, h.last)
		}
		return err
	}
	if wasDir {
		for file := range s.tree.under(rel) {
			s.pending.touch(file, h.first, h.last)
		}
	}
	if s.tree.rules.effective(rel) {
		s.pending.touch(rel, h.first, h.last)
	}
	return nil
}

func (s *session) isDir(rel string) bool {
	info, err := os.Lstat(s.tree.abs(rel))
	return err == nil && info.IsDir()
}

// addWatch watches a directory. It ignores one that has disappeared or cannot be read.
func (s *session) addWatch(dir string) error {
	if s.src == nil || s.dirs[dir] {
		return nil
	}
	err := s.src.Add(s.tree.abs(dir))
	switch {
	case err == nil:
		s.dirs[dir] = true
		s.watches.Store(int64(len(s.dirs)))
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOTDIR):
		return nil
	}
	return err
}

// removeWatches removes the watches at and below a path, and reports whether the path was watched.
func (s *session) removeWatches(rel string) bool {
	was := s.dirs[rel]
	for dir := range s.dirs {
		if _, ok := below(rel, dir); ok {
			delete(s.dirs, dir)
			_ = s.src.Remove(s.tree.abs(dir)) // the system may have removed it already
		}
	}
	s.watches.Store(int64(len(s.dirs)))
	return was
}

// poll reports changes by comparing the whole tree regularly, until ctx ends.
func (s *session) poll(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var next time.Time // time of the next comparison
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-timer.C:
			if !now.Before(next) {
				if err := s.rescan(now); err != nil {
					return err
				}
				// Comparisons use at most a fiftieth of one processor.
				next = time.Now().Add(max(s.opts.PollEvery, 50*time.Since(now)))
			}
		}
		s.flush(time.Now())
		wait := time.Until(next)
		if at, ok := s.pending.next(); ok {
			wait = min(wait, time.Until(at))
		}
		timer.Reset(max(0, wait))
	}
}

// rescan opens windows for everything that has changed.
func (s *session) rescan(now time.Time) error {
	changed, err := s.tree.compare(".", s.addWatch)
	for _, rel := range changed {
		s.pending.touch(rel, now, now)
	}
	return err
}

// reconcile reports everything that has changed, at once and in one batch.
func (s *session) reconcile(first time.Time) error {
	changed, err := s.tree.compare(".", s.addWatch)
	b := Batch{First: first, Overflow: true}
	for _, rel := range changed {
		if c, ok := s.tree.record(rel, first); ok {
			b.Changes = append(b.Changes, c)
		}
	}
	slices.SortFunc(b.Changes, func(a, b dev.Change) int { return strings.Compare(a.Path, b.Path) })
	s.emit(b)
	return err
}

// flush reports what is due.
func (s *session) flush(now time.Time) {
	var b Batch
	for _, w := range s.pending.take(now) {
		if s.tree.maybeHalfSaved(w.path) && s.pending.extend(w, 5*s.opts.Quiet, now) {
			continue
		}
		c, ok := s.tree.record(w.path, w.first)
		if !ok {
			continue
		}
		b.Changes = append(b.Changes, c)
		if b.First.IsZero() || w.first.Before(b.First) {
			b.First = w.first
		}
	}
	if len(b.Changes) > 0 {
		s.emit(b)
	}
}
