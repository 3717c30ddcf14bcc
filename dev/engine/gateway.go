package engine

import (
	"context"
	"time"

	"sdev/dev"
)

// Gateway is how an engine reaches the running gateway of a project. Methods may be called by several
// goroutines, and end with ctx.
type Gateway interface {
	// Announce says what is about to happen to the app, so that the gateway can say so to people who
	// wait, and knows what causes the next reload. It is a courtesy: nothing depends on it.
	Announce(ctx context.Context, p Project, a dev.Announcement)
	// Configure pushes what no file or variable of the gateway's container holds, such as credentials
	// and how people sign in. It returns until when that is valid; the zero time means forever. Up calls
	// it before the app starts, Supervise again before the validity ends.
	Configure(ctx context.Context, p Project) (until time.Time, err error)
	// ProbeMount reports how a file that is written to the project looks to the gateway.
	ProbeMount(ctx context.Context, p Project) (MountProbe, error)
	// Forward makes the app's origin reachable at a port of this machine, and the identity provider's
	// unless its port is 0, until ctx ends. Supervise calls it where the engine publishes ports on
	// another machine.
	Forward(ctx context.Context, p Project, ports Ports) error
	// CheckApp looks at an app that just started, and returns what its author has to know although the
	// page answers.
	CheckApp(ctx context.Context, p Project) []dev.Warning
}

// announceTimeout bounds the wait for a gateway that does not answer.
const announceTimeout = time.Second

// announced tells the gateway what is about to happen, then does it. The gateway has to know first,
// because it counts the tabs that will come back. Where the work fails, it withdraws the announcement.
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

func (e *Engine) checkApp(ctx context.Context, p Project) {
	if e.Gateway == nil {
		return
	}
	for _, w := range e.Gateway.CheckApp(ctx, p) {
		e.emit(w)
	}
}
