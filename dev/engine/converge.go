package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"sdev/dev"
	"sdev/dev/plan"
)

// lock lets one sdev at a time change a project. If another one holds the lock, lock reports that once and waits.
func (e *Engine) lock(ctx context.Context, file string) (release func(), err error) {
	l := lockOn(file)
	ok, err := l.TryLock()
	if err == nil && !ok {
		e.emit(dev.Warning{Code: dev.CodeBusy, Message: "another sdev is changing this project; waiting for it", Hint: "nothing to do: sdev continues when the other one is done"})
		ok, err = l.TryLockContext(ctx, 25*time.Millisecond)
	}
	if ctx.Err() != nil {
		_ = l.Unlock() // the lock may have been acquired although ctx ended
		return nil, ctx.Err()
	}
	if err != nil || !ok {
		return nil, lockError(file, err)
	}
	return func() { _ = l.Unlock() }, nil // the lock ends with the process in any case
}

func lockError(file string, err error) error {
	return &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitFailed, Cause: err, Message: fmt.Sprintf("cannot lock %s: %v", file, err), Hint: "make the project directory writable"}
}

// portTaken is the error of a [Runtime] that could not publish a port, because another program took it after sdev
// had chosen it.
type portTaken interface {
	error
	PortTaken() bool
}

// converge brings the project to its desired state. If another program takes a chosen port before the container
// starts, converge chooses another one and tries again. The page's port stays if the user has named it.
func (e *Engine) converge(ctx context.Context, p Project, want Request) (Running, error) {
	const tries = 3
	var done plan.Plan
	for try := 1; ; try++ {
		run, err := e.convergeOnce(ctx, p, want)
		done = append(done, run.done...)
		run.done = done
		taken, ok := errors.AsType[portTaken](err)
		if !ok || !taken.PortTaken() {
			return run, err
		}
		switch {
		case p.PortFixed && !isFree(ctx, p.Port):
			return run, takenError(p.Port, e.portOwner(ctx, p.Port), err)
		case try == tries: // the runtime's text names the port, which need not be the page's
			return run, &dev.Error{Code: dev.CodePortTaken, Exit: dev.ExitFailed, Cause: err, Message: fmt.Sprintf("%d times, another program took a port that sdev had chosen: %v", tries, err),
				Hint: "run it again, or choose another port with --port"}
		}
		want.Build = false // the first attempt has built the images
	}
}

// convergeOnce is one attempt of converge.
func (e *Engine) convergeOnce(ctx context.Context, p Project, want Request) (Running, error) {
	t, err := e.findTarget(ctx, p, want)
	if err != nil {
		return Running{}, err
	}
	run := t.running(p)
	if err := plan.Check(t.desired, t.have); err != nil {
		return run, err
	}
	ops := plan.Make(t.desired, t.have)
	run.Changed = t.imagesChanged || len(ops) > 0
	if len(ops) > 0 || !want.Quiet {
		e.emit(dev.PlanMade{Operations: ops.Describe()})
	}
	if len(ops) == 0 {
		run.services = runningServices(t.have)
		run.configuredUntil, err = e.configure(ctx, p)
		return run, err
	}
	for _, w := range t.warnings(p) {
		e.emit(w)
	}
	if err := t.effective.Prepare(); err != nil {
		return run, err
	}
	run.done = ops
	err = e.announced(ctx, p, want.Announcement, func() error {
		run.configuredUntil, err = e.carryOut(ctx, p, ops)
		return err
	})
	return run, err
}

// target is where a converge has to go, and from where.
type target struct {
	have          plan.Observed
	imagesChanged bool // this attempt built or pulled an image
	ports         Ports
	effective     Effective
	desired       plan.Desired
}

// findTarget builds and pulls images, chooses ports, and derives the desired state from both.
func (e *Engine) findTarget(ctx context.Context, p Project, want Request) (t target, err error) {
	if t.have, err = e.observe(ctx, p, p.GatewayImage); err != nil {
		return t, err // before a build, whose image would replace that of the other directory
	}
	state := loadState(p.StateDir)
	images, changed, err := e.images(ctx, p, want, &state)
	if err != nil {
		return t, err
	}
	if t.imagesChanged = changed; changed { // the build took time, in which containers may have changed
		if t.have, err = e.observe(ctx, p, p.GatewayImage); err != nil {
			return t, err
		}
	}
	var reserved []int
	if p.Reserved != nil {
		reserved = p.Reserved(images[p.imageOf(p.App)])
	}
	if t.ports, err = e.ports(ctx, p, reserved, t.have, &state); err != nil {
		return t, err
	}
	state.Copied = !p.Mounted
	if err := state.save(p.StateDir); err != nil {
		return t, err
	}
	if t.effective, err = p.Effective(ctx, images[p.imageOf(p.App)], t.ports); err != nil {
		return t, err
	}
	ids := map[string]string{}
	for ref, info := range images {
		ids[ref] = info.ID
	}
	t.desired = t.effective.Desired(ids)
	return t, nil
}

// running is the project once it has reached the target.
func (t target) running(p Project) Running {
	run := Running{Project: p, URL: t.effective.URL, Port: t.ports.App, Mode: t.effective.Mode, Issuer: t.effective.Issuer}
	if run.Mode.SignsIn() {
		run.providerPort = t.ports.Provider
	}
	if i := slices.IndexFunc(t.desired.Services, func(s plan.Service) bool { return s.Config.Name == p.App }); i >= 0 {
		run.appHash = t.desired.Services[i].Hash
	}
	return run
}

// warnings returns what the user should know before the plan runs.
func (t target) warnings(p Project) []dev.Warning {
	list := p.foreignVolumes(t.have, t.desired)
	if t.effective.Warnings != nil {
		list = append(list, t.effective.Warnings()...)
	}
	return list
}

// carryOut executes a plan. It configures the gateway before the app starts, because the app may request
// credentials or parameters at once: right after the gateway's start or, if the plan does not start the gateway,
// before everything.
func (e *Engine) carryOut(ctx context.Context, p Project, ops plan.Plan) (configuredUntil time.Time, err error) {
	starts := func(op plan.Operation) bool {
		return (op.Verb == plan.Start || op.Verb == plan.Restart) && op.Service.Config.Name == p.Gateway
	}
	if !slices.ContainsFunc(ops, starts) {
		if configuredUntil, err = e.configure(ctx, p); err != nil {
			return configuredUntil, err
		}
	}
	err = e.execute(ctx, ops, p, func(op plan.Operation) error {
		if !starts(op) {
			return nil
		}
		var err error
		if configuredUntil, err = e.configure(ctx, p); err != nil {
			err = e.explainGateway(ctx, p, err)
		}
		return err
	})
	return configuredUntil, err
}

// execute carries out a plan. An operation starts as soon as the operations that it needs have ended; independent
// ones run in parallel. For example, sdev creates a container in the gateway's network while the gateway starts.
//
// execute calls then, unless it is nil, after each operation; operations that need that one wait for then, too. It
// returns once all goroutines have ended. After the first error it starts no further operation.
func (e *Engine) execute(ctx context.Context, ops plan.Plan, p Project, then func(plan.Operation) error) error {
	group, ctx := errgroup.WithContext(ctx)
	done := make([]chan struct{}, len(ops))
	for i, op := range ops {
		done[i] = make(chan struct{})
		group.Go(func() error {
			for j, earlier := range ops[:i] {
				if !op.Needs(earlier) {
					continue
				}
				select {
				case <-done[j]:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			if err := e.operate(ctx, p, op); err != nil {
				return err
			}
			if then != nil {
				if err := then(op); err != nil {
					return err
				}
			}
			close(done[i])
			return nil
		})
	}
	return group.Wait()
}
