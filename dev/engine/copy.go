package engine

import (
	"context"
	"path/filepath"
	"reflect"
	"time"

	"sdev/dev"
	"sdev/dev/plan"
)

// Copier brings files of the project into containers that do not see them through a mount.
type Copier interface {
	// Fill brings everything into a container that does not run. It is called before each start.
	Fill(ctx context.Context, p Project, container string) error
	// Compare brings a running container up to date, once.
	Compare(ctx context.Context, p Project, container string) error
	// Keep keeps a container up to date, whatever becomes of it meanwhile, until ctx ends. A token
	// comes from started each time that the container has started.
	Keep(ctx context.Context, p Project, container string, started <-chan struct{}) error
}

// operate carries out one operation of a plan.
func (e *Engine) operate(ctx context.Context, p Project, op plan.Operation) error {
	if op.Verb == plan.Sync {
		return e.Copier.Fill(ctx, p, op.Name)
	}
	return e.do(ctx, op, p.Labels)
}

// compare brings a container up to date where nobody stays to do so: one that was running already, and
// what could not be brought into a new one before it ran.
func (e *Engine) compare(ctx context.Context, run Running) error {
	if len(run.Project.Copies) == 0 || IsSupervised(run.Project.StateDir) {
		return nil
	}
	again := "sdev up"
	if run.Mode.SignsIn() {
		again += " --with-auth"
	}
	if p := run.Project; !p.Mounted && !MountsUnusable(p.StateDir, p.Host) {
		again += " --sync" // it was asked for
	}
	e.emit(dev.Warning{Code: dev.CodeSyncUnattended, Message: "saves are copied into the container only while sdev up runs",
		Hint: "run: " + again + " (without --detach), or run this again after a change"})
	return e.Copier.Compare(ctx, run.Project, run.Project.Container)
}

// copying is what goes on while somebody supervises the project. It belongs to the goroutine of a
// supervisor's run.
type copying struct {
	engine  *Engine
	project Project // for which it goes on
	started chan struct{}
	stop    func() // ends it and waits; nil while nothing is to be copied
}

// begin has the project's copies kept from now on. What is under way for the same copies goes on.
func (k *copying) begin(ctx context.Context, p Project) {
	same := reflect.DeepEqual(k.project.Copies, p.Copies) && reflect.DeepEqual(k.project.Rules, p.Rules) && k.project.Container == p.Container
	if k.stop != nil && same {
		return
	}
	k.end()
	if len(p.Copies) == 0 {
		return
	}
	work, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	started := make(chan struct{}, 1)
	k.project, k.started = p, started
	k.stop = func() { cancel(); <-ended }
	go func() {
		defer close(ended)
		if err := k.engine.keepCopying(work, p, started); err != nil && work.Err() == nil {
			e := dev.AsError(err)
			k.engine.emit(dev.Warning{Code: e.Code, Message: e.Error(), Hint: e.Hint})
		}
	}()
}

// restarted tells that the container was started.
func (k *copying) restarted() {
	if k.stop == nil {
		return
	}
	select {
	case k.started <- struct{}{}:
	default: // it has been told and has not looked yet
	}
}

func (k *copying) end() {
	if k.stop != nil {
		k.stop()
		k.stop = nil
	}
}

// retryLock is the pause between two tries to become the one that copies a project's files.
const retryLock = 250 * time.Millisecond

// keepCopying keeps a project's copies up to date once no other sdev does: two would report each save twice.
func (e *Engine) keepCopying(ctx context.Context, p Project, started <-chan struct{}) error {
	file := filepath.Join(p.StateDir, "copying")
	alone := lockOn(file)
	if ok, err := alone.TryLockContext(ctx, retryLock); ctx.Err() != nil {
		_ = alone.Unlock() // the lock may have been acquired although ctx ended
		return ctx.Err()
	} else if err != nil || !ok {
		return lockError(file, err)
	}
	defer func() { _ = alone.Unlock() }() // it ends with the process in any case
	return e.Copier.Keep(ctx, p, p.Container, started)
}
