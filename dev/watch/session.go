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

// session is one Run. All of it belongs to Run's goroutine, but for watches.
type session struct {
	tree    *tree
	opts    Options
	emit    func(Batch)
	watches *atomic.Int64
	pending *coalescer

	src  source          // nil when polling
	dirs map[string]bool // directories watched, relative to the root
}

// native reports changes with the help of the system's events until ctx ends. Any other error says
// why events are not, or no longer, to be had.
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
		_ = src.Close() // it only ever was read from
		<-ended
		s.src = nil
		s.watches.Store(0)
	}()

	// What changed after New and before the watches were set.
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
			if !s.dirs["."] { // the root was removed; it may have been made again
				if err := s.rescan(time.Now()); err != nil {
					return err
				}
			}
		case <-in.ready:
			if err := s.follows(in.take()); err != nil {
				return err
			}
		}
	}
}

// pause is how long to wait for events: until the next window is due, and no longer than until it
// is time to look whether a root that was removed is there again.
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

// follows takes what the source has told since the last time.
func (s *session) follows(hints map[string]hint, lost time.Time) error {
	// Watches of directories that went away are given up before any new one is asked for: the system
	// keeps the watch of a directory that was renamed, and would report it under its old name.
	dirs := make(map[string]bool)
	for name, h := range hints {
		if rel, ok := s.rel(name); ok && h.moved {
			dirs[rel] = s.forget(rel)
		}
	}
	if !lost.IsZero() {
		s.forget(".") // a rename may be among what was lost
		return s.reconcile(lost)
	}
	for name, h := range hints {
		if rel, ok := s.rel(name); ok {
			if err := s.hinted(rel, h, dirs[rel]); err != nil {
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
	return filepath.ToSlash(rel), filepath.IsLocal(rel) // names need not be text
}

// hinted opens windows for what may have changed at rel, which was a watched directory or was not.
func (s *session) hinted(rel string, h hint, wasDir bool) error {
	if h.moved && s.isDir(rel) {
		if !s.tree.rules.reaches(rel) {
			return nil
		}
		changed, err := s.tree.compare(rel, s.enter)
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

// enter watches a directory. One that vanished or may not be read has nothing to watch.
func (s *session) enter(dir string) error {
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

// forget gives up the watches at and below a path and reports whether the path was watched.
func (s *session) forget(rel string) bool {
	was := s.dirs[rel]
	for dir := range s.dirs {
		if _, ok := below(rel, dir); ok {
			delete(s.dirs, dir)
			_ = s.src.Remove(s.tree.abs(dir)) // the system may have dropped it already
		}
	}
	s.watches.Store(int64(len(s.dirs)))
	return was
}

// poll reports changes by looking at everything, again and again, until ctx ends.
func (s *session) poll(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var look time.Time // when to look at everything again
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-timer.C:
			if !now.Before(look) {
				if err := s.rescan(now); err != nil {
					return err
				}
				// At most a fiftieth of one processor goes into looking.
				look = time.Now().Add(max(s.opts.PollEvery, 50*time.Since(now)))
			}
		}
		s.flush(time.Now())
		wait := time.Until(look)
		if at, ok := s.pending.next(); ok {
			wait = min(wait, time.Until(at))
		}
		timer.Reset(max(0, wait))
	}
}

// rescan opens windows for everything that is not as known.
func (s *session) rescan(now time.Time) error {
	changed, err := s.tree.compare(".", s.enter)
	for _, rel := range changed {
		s.pending.touch(rel, now, now)
	}
	return err
}

// reconcile reports everything that is not as known, at once and as one batch.
func (s *session) reconcile(first time.Time) error {
	changed, err := s.tree.compare(".", s.enter)
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
		if s.tree.halfSaved(w.path) && s.pending.extend(w, 5*s.opts.Quiet, now) {
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
