package engine

import (
	"context"
	"path/filepath"
	"reflect"
	"time"

	"sdev/dev"
	"sdev/dev/plan"
)

// Copier copies files of the project into containers that do not mount them. Keep may run while the other methods
// are called.
type Copier interface {
	// Fill copies everything into a container that does not run. The engine calls it before each start.
	Fill(ctx context.Context, p Project, container string) error
	// Compare copies into a running container, once, all files that differ from the project's.
	Compare(ctx context.Context, p Project, container string) error
	// Keep copies changes into a container until ctx ends, whether or not the container restarts meanwhile. started
	// delivers a value after each start of the container.
	Keep(ctx context.Context, p Project, container string, started <-chan struct{}) error
	// Watch does what Keep does for a service around the app, which [Project.seenFrom] has put in the app's place. It also
	// watches for rules that copy nothing, and reports each save once its copy, if any, is in the container.
	Watch(ctx context.Context, p Project, started <-chan struct{}, saved func(dev.FileChanged)) error
}

// operate carries out one operation of a plan.
func (e *Engine) operate(ctx context.Context, p Project, op plan.Operation) error {
	if op.Verb == plan.Sync {
		return e.Copier.Fill(ctx, p.seenFrom(op.Service.Config.Name), op.Name)
	}
	return e.do(ctx, op, p.Labels)
}

// copyOnce updates the app's container once, because no sdev supervises the project and copies later saves. It does
// nothing for a project without copies, or with a supervisor.
func (e *Engine) copyOnce(ctx context.Context, run Running) error {
	if len(run.Project.Copies)+len(run.Project.Neighbours) == 0 || IsSupervised(run.Project.StateDir) {
		return nil
	}
	command := "sdev up"
	if run.Mode.SignsIn() {
		command += " --with-auth"
	}
	if len(run.Project.Copies) == 0 {
		e.emit(dev.Warning{Code: dev.CodeSyncUnattended, Message: "develop.watch of " + run.Project.neighbourNames() + " takes effect only while sdev up runs",
			Hint: "run: " + command + " (without --detach)"})
		return nil
	}
	if p := run.Project; !p.Mounted && !MountsUnusable(p.StateDir, p.Host) {
		command += " --sync" // the user passed --sync
	}
	e.emit(dev.Warning{Code: dev.CodeSyncUnattended, Message: "saves are copied into the container only while sdev up runs",
		Hint: "run: " + command + " (without --detach), or run this again after a change"})
	return e.Copier.Compare(ctx, run.Project, run.Project.Container)
}

// copying runs [Copier.Keep] while a project is supervised. Only the goroutine of [supervisor.run] uses it, and
// [Engine.Supervise] after that has ended.
type copying struct {
	engine  *Engine
	project Project // whose files it copies
	started chan struct{}
	stop    func() // ends the copying and waits for its goroutine; nil if none runs
}

// begin starts to copy the project's files. If they are being copied already, under the same rules and into the
// same container, it changes nothing.
func (c *copying) begin(ctx context.Context, p Project) {
	same := reflect.DeepEqual(c.project.Copies, p.Copies) && reflect.DeepEqual(c.project.Rules, p.Rules) && c.project.Container == p.Container
	if c.stop != nil && same {
		return
	}
	c.end()
	if len(p.Copies) == 0 {
		return
	}
	work, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	started := make(chan struct{}, 1)
	c.project, c.started = p, started
	c.stop = func() { cancel(); <-ended }
	go func() {
		defer close(ended)
		if err := c.engine.keepCopying(work, p, started); err != nil && work.Err() == nil {
			e := dev.AsError(err)
			c.engine.emit(dev.Warning{Code: e.Code, Message: e.Error(), Hint: e.Hint})
		}
	}()
}

// restarted reports to the copier that the container has started.
func (c *copying) restarted() {
	if c.stop == nil {
		return
	}
	select {
	case c.started <- struct{}{}:
	default: // an earlier start is still unread, and one is enough
	}
}

func (c *copying) end() {
	if c.stop != nil {
		c.stop()
		c.stop = nil
	}
}

// lockRetry is the pause between two attempts to get the lock on a project's copying.
const lockRetry = 250 * time.Millisecond

// keepCopying copies a project's files once no other sdev does. Two at once would report each save twice.
func (e *Engine) keepCopying(ctx context.Context, p Project, started <-chan struct{}) error {
	release, err := waitForLock(ctx, filepath.Join(p.StateDir, "copying"))
	if err != nil {
		return err
	}
	defer release()
	return e.Copier.Keep(ctx, p, p.Container, started)
}

// waitForLock waits silently until no other holder has the lock.
func waitForLock(ctx context.Context, file string) (release func(), err error) {
	lock := lockOn(file)
	if ok, err := lock.TryLockContext(ctx, lockRetry); ctx.Err() != nil {
		_ = lock.Unlock() // the lock may have been acquired although ctx ended
		return nil, ctx.Err()
	} else if err != nil || !ok {
		return nil, lockError(file, err)
	}
	return func() { _ = lock.Unlock() }, nil // the system releases it at the latest when the process ends
}
