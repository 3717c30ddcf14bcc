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
// starts, converge chooses another one and tries again.
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
		if p.PortFixed || try == tries {
			return run, takenError(p.Port, "another program", err)
		}
		want.Build = false // the first attempt has built the images
	}
}

func (e *Engine) convergeOnce(ctx context.Context, p Project, want Request) (Running, error) {
	have, err := e.observe(ctx, p, p.GatewayImage)
	if err != nil {
		return Running{}, err // before a build, whose image would replace that of the other directory
	}
	state := loadState(p.StateDir)
	images, built, err := e.images(ctx, p, want, &state)
	if err != nil {
		return Running{}, err
	}
	if built { // the build took time, in which containers may have changed
		if have, err = e.observe(ctx, p, p.GatewayImage); err != nil {
			return Running{}, err
		}
	}
	ports, err := e.ports(ctx, p, have, &state)
	if err != nil {
		return Running{}, err
	}
	state.Copied = !p.Mounted
	if err := state.save(p.StateDir); err != nil {
		return Running{}, err
	}
	effective, err := p.Effective(ctx, images[p.imageOf(p.App)], ports)
	if err != nil {
		return Running{}, err
	}
	run := Running{Project: p, URL: effective.URL, Port: ports.App, Mode: effective.Mode, Issuer: effective.Issuer}
	if effective.Mode.SignsIn() {
		run.identity = ports.Identity
	}
	ids := map[string]string{}
	for ref, info := range images {
		ids[ref] = info.ID
	}
	desired := effective.Desired(ids)
	if err := plan.Check(desired, have); err != nil {
		return run, err
	}
	if i := slices.IndexFunc(desired.Services, func(s plan.Service) bool { return s.Config.Name == p.App }); i >= 0 {
		run.appHash = desired.Services[i].Hash
	}
	ops := plan.Make(desired, have)
	run.Changed = built || len(ops) > 0
	if len(ops) > 0 || !want.Quiet {
		e.emit(dev.PlanMade{Operations: ops.Describe()})
	}
	if len(ops) == 0 {
		run.services = runningServices(have)
		run.configuredUntil, err = e.configure(ctx, p)
		return run, err
	}
	warnings := p.foreignVolumes(have, desired)
	if effective.Warnings != nil {
		warnings = append(warnings, effective.Warnings()...)
	}
	for _, w := range warnings {
		e.emit(w)
	}
	if err := effective.Prepare(); err != nil {
		return run, err
	}
	run.done = ops
	return run, e.announced(ctx, p, want.Announcement, func() error {
		run.configuredUntil, err = e.carryOut(ctx, p, ops)
		return err
	})
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
		configuredUntil, err = e.configure(ctx, p)
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
