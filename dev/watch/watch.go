package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"sdev/dev"
)

// Options tune a watcher. The zero value of each field means its default.
type Options struct {
	Quiet     time.Duration     // how long a path must be quiet; 10 ms
	Cap       time.Duration     // how long a path that is never quiet may be held back; 250 ms
	Poll      bool              // never ask the system for events
	PollEvery time.Duration     // pause between two looks when polling; 200 ms, more for large trees
	Warn      func(dev.Warning) // told when watching works, but not as one might expect; may be nil
}

func (o Options) withDefaults() Options {
	if o.Quiet <= 0 {
		o.Quiet = 10 * time.Millisecond
	}
	if o.Cap <= 0 {
		o.Cap = 250 * time.Millisecond
	}
	if o.PollEvery <= 0 {
		o.PollEvery = 200 * time.Millisecond
	}
	if o.Warn == nil {
		o.Warn = func(dev.Warning) {}
	}
	return o
}

// Batch is what was found changed at one time.
type Batch struct {
	// Changes are ordered by path; each path is there once. They are the paths for which a rule has
	// an action other than dev.Ignored.
	Changes []dev.Change
	// First is when the first event that led to the batch was received.
	First time.Time
	// Overflow says that events were lost and that the tree was compared as a whole, so that
	// Changes, which may then be empty, is complete again.
	Overflow bool
}

// Watcher watches one tree. [New] makes one.
type Watcher struct {
	tree    *tree
	opts    Options
	source  func() (source, error)
	watches atomic.Int64
}

// New reads the tree at root as the state from which changes are counted. Root must be a directory;
// rules that cannot be compiled are refused. Nothing is started before [Watcher.Run].
func New(root string, rules []dev.Rule, opts Options) (*Watcher, error) {
	compiled, err := Compile(rules)
	if err != nil {
		return nil, err
	}
	if root, err = filepath.Abs(root); err != nil {
		return nil, fmt.Errorf("watch %s: %w", root, err)
	}
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("watch %s: not a directory", root)
	}
	opts = opts.withDefaults()
	t := &tree{root: root, rules: compiled, fresh: opts.Quiet}
	if err := t.read(); err != nil {
		return nil, fmt.Errorf("watch %s: %w", root, err)
	}
	return &Watcher{tree: t, opts: opts, source: newSystem}, nil
}

// Watches is the number of directories for which the system is asked for events now; 0 when polling.
// It is safe to call from any goroutine.
func (w *Watcher) Watches() int { return int(w.watches.Load()) }

// Run watches until ctx ends, which is no error, and calls emit with what changed. It is called
// once.
func (w *Watcher) Run(ctx context.Context, emit func(Batch)) error {
	s := &session{
		tree: w.tree, opts: w.opts, emit: emit, watches: &w.watches,
		pending: newCoalescer(w.opts.Quiet, w.opts.Cap),
	}
	if !w.opts.Poll {
		err := s.native(ctx, w.source)
		if ctx.Err() != nil {
			return nil
		}
		w.opts.Warn(limitWarning(err, len(s.dirs), w.opts.PollEvery))
	}
	if err := s.poll(ctx); ctx.Err() == nil {
		return err
	}
	return nil
}

// limitWarning says that events are not to be had, why, and what to do about it.
func limitWarning(err error, dirs int, every time.Duration) dev.Warning {
	w := dev.Warning{Code: dev.CodeWatchLimit}
	switch {
	case errors.Is(err, syscall.ENOSPC):
		w.Message = fmt.Sprintf("the system allows only %d file watches for this user", dirs)
		w.Hint = "sudo sysctl fs.inotify.max_user_watches=524288"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		w.Message = "the system allows no more watchers or open files for this user"
		w.Hint = "sudo sysctl fs.inotify.max_user_instances=1024; if that does not help: ulimit -n 65536"
	default:
		w.Message = fmt.Sprintf("the system delivers no file events (%v)", err)
		w.Hint = "no action needed; sdev notices saves a little later"
	}
	w.Message += fmt.Sprintf("; polling every %v instead", every)
	return w
}
