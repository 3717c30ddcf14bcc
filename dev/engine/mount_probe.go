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

// MountProbe is how a file that was written on this machine looks to a container that mounts the project.
type MountProbe struct {
	Visible bool   // the file exists there
	Noticed bool   // and the container's kernel raised a file event for it
	Boot    string // dev.BootID there; "" if unknown
}

// sharedKernel names an engine whose containers run on the kernel of this machine.
func sharedKernel(host string) string { return host + " " + dev.BootID() }

// mountAbsent is the error of a [Runtime] whose machine lacks the directory to mount, although this machine has it.
type mountAbsent interface {
	error
	MountAbsent() bool
}

// errMountsUseless ends an up whose mounts do not show saves to containers.
var errMountsUseless = errors.New("mounts are of no use")

// awaitAndProbe waits for the page and, in parallel, checks whether mounts show saves to containers. If they do
// not, it returns errMountsUseless. It probes only a gateway that this run started: an earlier run has probed any
// other. An engine that shares the kernel with this machine is probed once: its mounts raise file events by
// themselves, and a probe costs a start 50 ms.
func (e *Engine) awaitAndProbe(ctx context.Context, run Running) error {
	p := run.Project
	gatewayStarted := slices.ContainsFunc(run.done, func(op plan.Operation) bool {
		return op.Verb == plan.Start && op.Service.Config.Name == p.Gateway
	})
	if e.Gateway == nil || !p.Mounted || !gatewayStarted || loadState(p.StateDir).MountsProvenWith == sharedKernel(p.Host) {
		return e.await(ctx, run)
	}
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error { return e.await(gctx, run) })
	group.Go(func() error {
		probe, err := e.Gateway.ProbeMount(gctx, p)
		if err != nil {
			return nil // a gateway that does not answer proves nothing
		}
		if probe.Noticed {
			if probe.Boot != "" && probe.Boot == dev.BootID() {
				return e.updateState(ctx, p, func(s *savedState) { s.MountsProvenWith = sharedKernel(p.Host) })
			}
			return nil
		}
		why := "saves on this machine raise no file events in containers"
		if !probe.Visible {
			why = "containers see another directory than the project's"
		}
		return e.rejectMounts(ctx, p, why)
	})
	return group.Wait()
}

// rejectMounts saves that mounts are useless with this engine, emits a warning, and returns errMountsUseless.
func (e *Engine) rejectMounts(ctx context.Context, p Project, why string) error {
	if err := e.updateState(ctx, p, func(s *savedState) { s.MountsUselessWith, s.MountsProvenWith = p.Host, "" }); err != nil {
		return err
	}
	w := dev.Warning{Code: dev.CodeWatchSilent, Message: why + fmt.Sprintf(" (engine %s); sdev copies the project into them instead", p.Host), Hint: "nothing needs to be done; sdev up --sync=false tries the mounts again"}
	if p.MountOnly {
		w.Message, w.Hint = why+fmt.Sprintf(" (engine %s); saves are not live", p.Host), "run it without --sync=false: sdev then copies the project"
	}
	e.emit(w)
	return errMountsUseless
}

// updateState changes the saved state of a project.
func (e *Engine) updateState(ctx context.Context, p Project, change func(*savedState)) error {
	release, err := e.lock(ctx, p.lockFile())
	if err != nil {
		return err
	}
	defer release()
	state := loadState(p.StateDir)
	change(&state)
	return state.save(p.StateDir)
}

// mountsRejected reports whether an error means that mounts are useless. If the runtime found that out,
// mountsRejected saves and reports it; otherwise awaitAndProbe has done so.
func (e *Engine) mountsRejected(ctx context.Context, p Project, err error) bool {
	if absent, ok := errors.AsType[mountAbsent](err); ok && absent.MountAbsent() && p.Mounted && !p.MountOnly {
		err = e.rejectMounts(ctx, p, absent.Error())
	}
	return errors.Is(err, errMountsUseless)
}

// MountsUnusable reports whether an earlier up found that mounts are useless with the engine at host.
func MountsUnusable(stateDir, host string) bool {
	return host != "" && loadState(stateDir).MountsUselessWith == host
}
