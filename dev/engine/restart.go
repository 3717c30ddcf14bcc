package engine

import (
	"context"
	"time"

	"sdev/dev"
	"sdev/dev/plan"
)

// Restart restarts one service's container and waits for the app's page.
func (e *Engine) Restart(ctx context.Context, run Running, service string) error {
	release, err := e.lock(ctx, run.Project.lockFile())
	if err != nil {
		return err
	}
	defer release()
	var a dev.Announcement
	if service == run.Project.App {
		a.How = dev.AnnounceRestart
	}
	return e.restart(ctx, run, service, a)
}

func (e *Engine) restart(ctx context.Context, run Running, service string, a dev.Announcement) error {
	start := time.Now()
	have, err := e.observe(ctx, run.Project)
	if err != nil {
		return err
	}
	ops := plan.RestartOf(have, service, run.Project.Gateway, run.Project.App)
	e.emit(dev.PlanMade{Operations: ops.Describe()})
	if err := e.announced(ctx, run.Project, a, func() error { return e.execute(ctx, ops, run.Project, nil) }); err != nil {
		return err
	}
	if _, err := e.configure(ctx, run.Project); err != nil { // the restarted service may be the gateway
		return err
	}
	if err := e.await(ctx, run); err != nil {
		return err
	}
	e.emit(dev.Ready{URL: run.URL, Mode: run.Mode, Issuer: run.Issuer, Services: e.serviceNames(ctx, run), MS: time.Since(start).Milliseconds()})
	return nil
}
