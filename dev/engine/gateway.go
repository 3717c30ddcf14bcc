package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sdev/dev"
	"sdev/dev/plan"
)

// Gateway talks to the running gateway of a project. Its methods may be called by several goroutines, and return
// when ctx ends.
type Gateway interface {
	// Announce reports what is about to happen to the app. The gateway shows it to people who wait, and names it as
	// the cause of the next reload. Its failure is ignored: nothing depends on it.
	Announce(ctx context.Context, p Project, a dev.Announcement)
	// Configure pushes what the gateway's container does not hold in files or variables, such as credentials and
	// the login settings. It returns when that expires; the zero time means never. Up calls it before the app
	// starts, Supervise again before the expiry.
	Configure(ctx context.Context, p Project) (until time.Time, err error)
	// ProbeMount writes a file to the project and reports how it looks to the gateway.
	ProbeMount(ctx context.Context, p Project) (MountProbe, error)
	// Forward makes the app's origin reachable at ports.App of this machine and, unless ports.Provider is 0, the
	// local provider at that port, until ctx ends. Supervise calls it if the engine publishes ports on another
	// machine.
	Forward(ctx context.Context, p Project, ports Ports) error
	// CheckApp inspects an app that has just started and returns warnings for its author.
	CheckApp(ctx context.Context, p Project) []dev.Warning
}

// announceTimeout limits the wait for a gateway that does not answer.
const announceTimeout = time.Second

// announced announces the work to the gateway, then does it. The announcement comes first, because the gateway must
// count the open tabs before the app goes away. If the work fails, announced withdraws the announcement.
func (e *Engine) announced(ctx context.Context, p Project, a dev.Announcement, work func() error) error {
	if a.How == "" || e.Gateway == nil {
		return work()
	}
	announce := func(a dev.Announcement) {
		ctx, cancel := context.WithTimeout(ctx, announceTimeout)
		defer cancel()
		e.Gateway.Announce(ctx, p, a)
	}
	announce(a)
	err := work()
	if err != nil {
		announce(dev.Announcement{How: dev.AnnounceNothing})
	}
	return err
}

func (e *Engine) configure(ctx context.Context, p Project) (time.Time, error) {
	if e.Gateway == nil {
		return time.Time{}, nil
	}
	return e.Gateway.Configure(ctx, p)
}

// explainGateway replaces the error of a gateway that cannot be configured, if the reason is that it has ended. As a process of
// this machine it listens itself, and another program may have taken a port after the runtime had found it free.
func (e *Engine) explainGateway(ctx context.Context, p Project, err error) error {
	if code := dev.AsError(err).Code; code != dev.CodeGateway && code != dev.CodeNotRunning {
		return err // it answers, or something else failed
	}
	c, ok := e.endOfGateway(ctx, p)
	if !ok {
		return err
	}
	for _, binding := range c.Ports {
		if port := hostPort(binding); port != 0 && !isFree(ctx, port) {
			return &portTakenLate{port: port, owner: e.portOwner(ctx, port), err: err}
		}
	}
	return &dev.Error{Code: dev.CodeGateway, Exit: dev.ExitFailed, Cause: err, Message: fmt.Sprintf("the gateway exited with code %d", c.ExitCode) + e.lastLines(ctx, c),
		Hint: "fix what its output shows, then run it again"}
}

// endOfGateway returns the gateway's container once it has ended, which it may be about to do; ok is false if it continues to
// run.
func (e *Engine) endOfGateway(ctx context.Context, p Project) (c plan.Container, ok bool) {
	const every, most = 20 * time.Millisecond, time.Second
	look := time.NewTicker(every)
	defer look.Stop()
	for late := time.After(most); ; {
		have, err := e.Runtime.Observe(ctx, p.Name, nil)
		i := slices.IndexFunc(have.Containers, func(c plan.Container) bool { return c.Service == p.Gateway })
		if err != nil || i < 0 {
			return c, false
		}
		if c = have.Containers[i]; !c.Running {
			return c, true
		}
		select {
		case <-ctx.Done():
			return c, false
		case <-late:
			return c, false
		case <-look.C:
		}
	}
}

// portTakenLate is a [portTaken] that shows only once the gateway has ended.
type portTakenLate struct {
	port  int
	owner string
	err   error
}

func (e *portTakenLate) Error() string   { return fmt.Sprintf("port %d is taken by %s", e.port, e.owner) }
func (e *portTakenLate) Unwrap() error   { return e.err }
func (e *portTakenLate) PortTaken() bool { return true }

func (e *Engine) checkApp(ctx context.Context, p Project) {
	if e.Gateway == nil {
		return
	}
	for _, w := range e.Gateway.CheckApp(ctx, p) {
		e.emit(w)
	}
}
