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

// Sight is how a file that is written here looks to a container that mounts the project.
type Sight struct {
	Visible bool // it is there
	Noticed bool // and the container's system tells of it
}

// mountAbsent is how a runtime says that what is to be mounted exists here and not where containers
// run.
type mountAbsent interface {
	error
	MountAbsent() bool
}

// errBlind ends an up whose mounts turn out to be of no use.
var errBlind = errors.New("mounts are of no use")

// settle waits for the page, and meanwhile finds out whether saves reach the containers; a gateway
// that ran already has shown that. It is errBlind where they do not.
func (e *Engine) settle(ctx context.Context, run Running) error {
	p := run.Project
	fresh := slices.ContainsFunc(run.done, func(op plan.Operation) bool {
		return op.Verb == plan.Start && op.Service.Config.Name == p.Gateway
	})
	if e.Look == nil || !p.Mounted || !fresh {
		return e.await(ctx, run)
	}
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error { return e.await(gctx, run) })
	group.Go(func() error {
		sight, err := e.Look(gctx, p)
		if err != nil || sight.Noticed {
			return nil //nolint:nilerr // who cannot be asked is not blind
		}
		why := "what is saved here raises no event inside containers"
		if !sight.Visible {
			why = "the project's directory is not the one that containers see"
		}
		return e.blind(ctx, p, why)
	})
	return group.Wait()
}

// blind remembers that mounts are of no use with this engine, says so, and gives errBlind.
func (e *Engine) blind(ctx context.Context, p Project, why string) error {
	release, err := e.lock(ctx, p.lockFile())
	if err != nil {
		return err
	}
	defer release()
	m := recall(p.StateDir)
	m.Blind = p.Host
	if err := m.keep(p.StateDir); err != nil {
		return err
	}
	w := dev.Warning{Code: dev.CodeWatchSilent, Message: why + fmt.Sprintf(" (engine %s); the project is copied into them instead", p.Host), Hint: "nothing needs to be done; sdev up --sync=false tries the mounts again"}
	if p.MountOnly {
		w.Message, w.Hint = why+fmt.Sprintf(" (engine %s); saves are not live", p.Host), "leave --sync=false away: the project is copied then"
	}
	e.emit(w)
	return errBlind
}

// isBlind reports whether an error says that mounts are of no use, and remembers it if the runtime
// found out.
func (e *Engine) isBlind(ctx context.Context, p Project, err error) bool {
	if absent, ok := errors.AsType[mountAbsent](err); ok && absent.MountAbsent() && p.Mounted && !p.MountOnly {
		err = e.blind(ctx, p, absent.Error())
	}
	return errors.Is(err, errBlind)
}

// Blind reports whether mounts were found to be of no use with an engine.
func Blind(stateDir, host string) bool {
	return host != "" && recall(stateDir).Blind == host
}
