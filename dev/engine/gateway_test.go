package engine_test

import (
	"context"
	"errors"
	"time"

	"sdev/dev"
	"sdev/dev/engine"
)

// gateway is a fake gateway. A method without a function succeeds and reports no problem.
type gateway struct {
	announce  func(dev.Announcement)
	configure func() (time.Time, error)
	probe     func() (engine.MountProbe, error)
	forward   func(context.Context, engine.Ports) error
	checkApp  func(engine.Project) []dev.Warning
}

func (g *gateway) Announce(_ context.Context, _ engine.Project, a dev.Announcement) {
	if g.announce != nil {
		g.announce(a)
	}
}

func (g *gateway) Configure(context.Context, engine.Project) (time.Time, error) {
	if g.configure == nil {
		return time.Time{}, nil
	}
	return g.configure()
}

func (g *gateway) ProbeMount(context.Context, engine.Project) (engine.MountProbe, error) {
	if g.probe == nil {
		return engine.MountProbe{Visible: true, Noticed: true}, nil
	}
	return g.probe()
}

func (g *gateway) Forward(ctx context.Context, _ engine.Project, ports engine.Ports) error {
	if g.forward == nil {
		return errors.New("no way to forward ports")
	}
	return g.forward(ctx, ports)
}

func (g *gateway) CheckApp(_ context.Context, p engine.Project) []dev.Warning {
	if g.checkApp == nil {
		return nil
	}
	return g.checkApp(p)
}
