package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sdev/dev"
	"sdev/dev/engine"
	"sdev/dev/gateway"
	"sdev/dev/mirror"
	"sdev/dev/sidecar"
	"sdev/dev/watch"
)

// copier implements [engine.Copier]. It connects the watcher, which notices saves, with the mirror, which copies the
// differences into a container.
type copier struct {
	files   Files
	exec    Execer
	program func(context.Context) (sidecar.Program, error) // of the gateway, which is the receiver too
	link    *gatewayLink
	emit    func(dev.Event)

	mu     sync.Mutex
	filled map[string]time.Time // guarded by mu: when a container was last filled, by its name
}

// noteFill records that a container gets the files as they are now.
func (c *copier) noteFill(container string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.filled == nil {
		c.filled = map[string]time.Time{}
	}
	c.filled[container] = time.Now()
}

// fileClock is how much the time of a file may be behind this program's clock.
const fileClock = time.Second

// changesOf returns the saves that a report covers. Nobody watches between the filling of a container and the comparison with
// it, so what differs then, and is newer, was saved meanwhile.
func (c *copier) changesOf(r mirror.Report, container string) []dev.Change {
	c.mu.Lock()
	since, filled := c.filled[container]
	c.mu.Unlock()
	changes := slices.Clone(r.Changes)
	for _, d := range r.Differed {
		known := slices.ContainsFunc(changes, func(have dev.Change) bool { return have.Path == d.Path })
		if filled && !known && d.Saved.After(since.Add(-fileClock)) {
			changes = append(changes, d)
		}
	}
	return changes
}

// Fill copies the project and the receiver into a container that does not run, in one archive. A container with a
// read-only root gets an archive for each directory.
func (c *copier) Fill(ctx context.Context, p engine.Project, container string) error {
	l, err := newLayout(p.Labels.Dir, p.Rules, p.Copies)
	if err != nil {
		return err
	}
	id, err := c.files.ContainerUser(ctx, container)
	if err != nil {
		return err
	}
	c.noteFill(container)
	source := mirror.Source{Dir: p.Labels.Dir, Layout: l, Owner: mirror.Owner{UID: id.UID, GID: id.GID}, Since: id.ImageMade}
	receiver, err := c.missingReceiver(ctx, container)
	if err != nil {
		return err
	}
	var failed []mirror.Failure
	pack := func(dir string) error {
		return c.put(ctx, container, dir, func(w io.Writer) error {
			var err error
			failed, err = source.Pack(w, receiver, dir)
			return err
		})
	}
	if !id.ReadOnly {
		err = pack("/")
	} else if err = pack(mirror.Dir); err == nil {
		for _, root := range l.Roots() {
			// The engine refuses a root that does not exist before the start, such as a tmpfs. Compare fills that
			// one after the start.
			_ = pack(root.Path)
		}
	}
	if err != nil {
		return err
	}
	c.warn(failed, map[mirror.Failure]bool{})
	return nil
}

// put writes an archive and sends it at the same time, to be unpacked in a directory.
func (c *copier) put(ctx context.Context, container, dir string, write func(w io.Writer) error) error {
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := write(w)
		w.CloseWithError(err)
		written <- err
	}()
	err := c.files.Put(ctx, container, dir, r)
	_ = r.Close() // ends the writer, if the engine has refused the archive
	if werr := <-written; err == nil {
		return werr
	}
	return err
}

// open starts the receiver in a running container. It first installs the receiver if the container has none, or
// another version.
func (c *copier) open(ctx context.Context, container string) (mirror.Peer, error) {
	id, err := c.files.ContainerUser(ctx, container)
	if err != nil {
		return mirror.Peer{}, err
	}
	if !id.Running {
		return mirror.Peer{}, mirror.ErrNotRunning
	}
	if err := c.installReceiver(ctx, container); err != nil {
		return mirror.Peer{}, err
	}
	conn, err := c.exec.Stream(ctx, container, id.Restricted, dev.GatewayCommand(mirror.Program, dev.GatewayReceive)...)
	return mirror.Peer{Conn: conn, Owner: mirror.Owner{UID: id.UID, GID: id.GID}, Since: id.ImageMade}, err
}

func (c *copier) installReceiver(ctx context.Context, container string) error {
	receiver, err := c.missingReceiver(ctx, container)
	if receiver == nil || err != nil {
		return err
	}
	return c.put(ctx, container, mirror.Dir, func(w io.Writer) error { return mirror.PackReceiver(w, receiver, mirror.Dir) })
}

// missingReceiver returns the receiver for a container; nil if the container has the same one, by size and modification
// time.
func (c *copier) missingReceiver(ctx context.Context, container string) (*mirror.Receiver, error) {
	p, err := c.program(ctx)
	if err != nil {
		return nil, err
	}
	size, modified, exists, err := c.files.Stat(ctx, container, mirror.Program)
	if err != nil || exists && size == p.Size && modified.Equal(p.Modified) {
		return nil, err
	}
	content, err := p.Read()
	if err != nil {
		return nil, err
	}
	return &mirror.Receiver{Content: content, Modified: p.Modified}, nil
}

// Compare brings the files in a running container up to date, once.
func (c *copier) Compare(ctx context.Context, p engine.Project, container string) error {
	l, err := newLayout(p.Labels.Dir, p.Rules, p.Copies)
	if err != nil {
		return err
	}
	peer, err := c.open(ctx, container)
	if err != nil {
		return err
	}
	report, err := mirror.Once(ctx, mirror.Source{Dir: p.Labels.Dir, Layout: l}, peer, mirror.Manifest)
	if err != nil {
		return &dev.Error{Code: dev.CodeSyncFailed, Exit: dev.ExitFailed, Cause: err, Message: fmt.Sprintf("copy the project into %s: %v", container, err), Hint: "run it again; to start from scratch: sdev down"}
	}
	c.warn(report.Failed, map[mirror.Failure]bool{})
	return nil
}

// Keep watches the project and copies changed files into a container until ctx ends. A value from started says that
// the container has started.
func (c *copier) Keep(ctx context.Context, p engine.Project, container string, started <-chan struct{}) error {
	l, err := newLayout(p.Labels.Dir, p.Rules, p.Copies)
	if err != nil {
		return err
	}
	watcher, err := watch.New(p.Labels.Dir, p.Rules, watch.Options{Warn: func(w dev.Warning) { c.emit(w) }})
	if err != nil {
		return err
	}
	rules, err := watch.Compile(p.Rules)
	if err != nil {
		return err
	}
	saves := newNotifier(func(ctx context.Context, s gateway.Saved) error { return c.link.saved(ctx, p, s) }, watcher.Watches)
	hooks := newHooks(func(ctx context.Context, r dev.Rule) { c.hook(ctx, p.App, container, r) })
	warned, failures := map[mirror.Failure]bool{}, 0
	syncer := &mirror.Syncer{
		Source: mirror.Source{Dir: p.Labels.Dir, Layout: l}, Manifest: mirror.Manifest,
		Open: func(ctx context.Context) (mirror.Peer, error) { return c.open(ctx, container) },
		Report: func(r mirror.Report) {
			c.warn(r.Failed, warned)
			failures = c.countFailures(r, container, failures)
			changes := c.changesOf(r, container)
			if r.Connected {
				for _, change := range changes {
					if rule, ok := rules.Match(change.Path); ok && rule.Action == dev.SyncExec {
						hooks.request(rule)
					}
				}
			}
			if r.Compared {
				saves.wake()
			}
			saves.add(changes, r.First)
		},
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return syncer.Run(ctx) })
	group.Go(func() error { return watcher.Run(ctx, func(b watch.Batch) { syncer.Changed(b.Changes, b.First) }) })
	group.Go(func() error { saves.run(ctx); return nil })
	group.Go(func() error { hooks.run(ctx); return nil })
	group.Go(func() error { return passStarts(ctx, started, syncer) })
	return group.Wait()
}

// passStarts passes starts of the container on to a syncer until ctx ends.
func passStarts(ctx context.Context, started <-chan struct{}, syncer *mirror.Syncer) error {
	for {
		select {
		case <-started:
			syncer.Started()
		case <-ctx.Done():
			return nil
		}
	}
}

// warn reports files that could not be copied. It reports each failure once, until a copy of the file succeeds; warned
// holds the reported ones.
func (c *copier) warn(failed []mirror.Failure, warned map[mirror.Failure]bool) {
	var fresh []string
	for _, f := range failed {
		if !warned[f] {
			warned[f] = true
			fresh = append(fresh, f.Path+": "+f.Reason)
		}
	}
	for f := range warned {
		if !slices.Contains(failed, f) {
			delete(warned, f)
		}
	}
	if len(fresh) == 0 {
		return
	}
	const shown = 3
	text := strings.Join(fresh[:min(shown, len(fresh))], "; ")
	if n := len(fresh) - shown; n > 0 {
		text += fmt.Sprintf("; and %d more", n)
	}
	c.emit(dev.Warning{Code: dev.CodeSyncFailed, Message: "could not be copied into the container: " + dev.Sanitize(text), Hint: "fix the named files; sdev tries again every two seconds"})
}

// failuresBeforeWarning is the number of consecutive failed streams after which sdev warns. A single failure is
// normal, for example when the container is recreated.
const failuresBeforeWarning = 4

// countFailures returns the number of consecutive failed streams after a report, and warns once when it reaches the
// limit.
func (c *copier) countFailures(r mirror.Report, container string, failures int) int {
	switch {
	case r.Connected, errors.Is(r.Err, mirror.ErrNotRunning):
		return 0
	case r.Err == nil:
		return failures
	case failures+1 == failuresBeforeWarning:
		c.emit(dev.Warning{Code: dev.CodeSyncFailed, Message: fmt.Sprintf("saves do not reach %s: %v", container, r.Err), Hint: "sdev tries again every two seconds; to start from scratch: sdev down"})
	}
	return failures + 1
}

// hook runs the command of a sync+exec rule.
func (c *copier) hook(ctx context.Context, service, container string, r dev.Rule) {
	out, code, err := c.exec.Command(ctx, container, r.Exec)
	if ctx.Err() != nil {
		return
	}
	for line := range strings.Lines(out) {
		c.emit(dev.LogLine{Service: service, Stream: "stdout", Text: dev.Sanitize(strings.TrimRight(line, "\r\n"))})
	}
	command := dev.Sanitize(strings.Join(r.Exec.Command, " "))
	switch {
	case err != nil:
		c.emit(dev.Warning{Code: dev.CodeSyncExec, Message: fmt.Sprintf("%s: cannot run %s: %v", r.Origin, command, err), Hint: "see: sdev shell"})
	case code != 0:
		c.emit(dev.Warning{Code: dev.CodeSyncExec, Message: fmt.Sprintf("%s: %s ended with exit code %d", r.Origin, command, code), Hint: "its output is in the log; the next save runs it again"})
	}
}
