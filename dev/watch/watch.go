package watch

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"sdev/dev"
)

// Options tune a watcher. The zero value of each field means its default.
type Options struct {
	Quiet     time.Duration     // how long a path must be without events; default 10 ms
	Cap       time.Duration     // how long the report of a path may be delayed by further events; default 250 ms
	Poll      bool              // poll, and do not use the system's events
	PollEvery time.Duration     // pause between two polls; default 200 ms, longer for large trees
	Warn      func(dev.Warning) // receives a warning when it has to poll; may be nil
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

// Batch is a set of changes that are reported together.
type Batch struct {
	// Changes are ordered by path, and each path occurs once. Ignored paths are left out.
	Changes []dev.Change
	// First is when the first event that led to the batch was received.
	First time.Time
	// Overflow says that events were lost. Then Changes, which may be empty, is the result of comparing the whole
	// tree, and nothing is missing.
	Overflow bool
}

// Watcher watches one tree. [New] makes one.
type Watcher struct {
	tree    *tree
	opts    Options
	source  func() (source, error)
	watches atomic.Int64
}

// New reads the tree at root, which must be a directory. Later changes are relative to this state. It refuses rules with
// invalid patterns, and starts nothing: [Watcher.Run] does.
func New(root string, rules []dev.Rule, opts Options) (*Watcher, error) {
	compiled, err := Compile(rules)
	if err != nil {
		return nil, err
	}
	for _, r := range rules {
		if !filepath.IsLocal(filepath.FromSlash(r.Path)) {
			return nil, fmt.Errorf("rule %s: path %q is not inside the project", r.Origin, r.Path)
		}
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

// Watches is the number of watched directories; 0 while polling. It is safe for concurrent use.
func (w *Watcher) Watches() int { return int(w.watches.Load()) }

// Run watches until ctx ends, and then returns nil. It calls emit with each batch of changes. It may be called only once.
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
		w.opts.Warn(systemLimits().warning(err, len(s.dirs), w.opts.PollEvery))
	}
	if err := s.poll(ctx); ctx.Err() == nil {
		return err
	}
	return nil
}
