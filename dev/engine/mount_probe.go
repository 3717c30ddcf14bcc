package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"sdev/dev"
	"sdev/dev/plan"
)

// MountProbe is how a file that is written here looks to a container that mounts the project.
type MountProbe struct {
	Visible bool // it is there
	Noticed bool // and the container's system raises an event for it
}

// mountAbsent is how a runtime says that what is to be mounted exists here and not where containers
// run.
type mountAbsent interface {
	error
	MountAbsent() bool
}

// errMountsUseless ends an up whose mounts turn out to be of no use.
var errMountsUseless = errors.New("mounts are of no use")

// awaitAndProbe waits for the page, and meanwhile finds out whether saves reach the containers; a
// gateway that ran already has shown that. It is errMountsUseless where they do not.
func (e *Engine) awaitAndProbe(ctx context.Context, run Running) error {
	p := run.Project
	fresh := slices.ContainsFunc(run.done, func(op plan.Operation) bool {
		return op.Verb == plan.Start && op.Service.Config.Name == p.Gateway
	})
	if e.Gateway == nil || !p.Mounted || !fresh {
		return e.await(ctx, run)
	}
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error { return e.await(gctx, run) })
	group.Go(func() error {
		seen, err := e.Gateway.ProbeMount(gctx, p)
		if err != nil || seen.Noticed {
			return nil //nolint:nilerr // a gateway that does not answer proves nothing
		}
		why := "what is saved here raises no event inside containers"
		if !seen.Visible {
			why = "the project's directory is not the one that containers see"
		}
		return e.rejectMounts(ctx, p, why)
	})
	return group.Wait()
}

// rejectMounts records that mounts are of no use with this engine, warns, and gives errMountsUseless.
func (e *Engine) rejectMounts(ctx context.Context, p Project, why string) error {
	release, err := e.lock(ctx, p.lockFile())
	if err != nil {
		return err
	}
	defer release()
	m := loadState(p.StateDir)
	m.MountsUselessWith = p.Host
	if err := m.save(p.StateDir); err != nil {
		return err
	}
	w := dev.Warning{Code: dev.CodeWatchSilent, Message: why + fmt.Sprintf(" (engine %s); the project is copied into them instead", p.Host), Hint: "nothing needs to be done; sdev up --sync=false tries the mounts again"}
	if p.MountOnly {
		w.Message, w.Hint = why+fmt.Sprintf(" (engine %s); saves are not live", p.Host), "leave --sync=false away: the project is copied then"
	}
	e.emit(w)
	return errMountsUseless
}

// mountsRejected reports whether an error says that mounts are of no use, and records it where the
// runtime found out.
func (e *Engine) mountsRejected(ctx context.Context, p Project, err error) bool {
	if absent, ok := errors.AsType[mountAbsent](err); ok && absent.MountAbsent() && p.Mounted && !p.MountOnly {
		err = e.rejectMounts(ctx, p, absent.Error())
	}
	return errors.Is(err, errMountsUseless)
}

// MountsUnusable reports whether mounts were found to be of no use with an engine.
func MountsUnusable(stateDir, host string) bool {
	return host != "" && loadState(stateDir).MountsUselessWith == host
}
