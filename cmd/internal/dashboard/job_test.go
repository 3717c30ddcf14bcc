package dashboard

import (
	"context"
	"errors"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/engine"
	"sdev/dev/hub"
)

func TestJob_IsEndedWithACauseAndWaitedFor(t *testing.T) {
	d := &host{events: hub.New(time.Now)}
	ctx, stop := context.WithCancelCause(t.Context())
	released := false
	d.startJob(true, stop, func() error {
		<-ctx.Done()
		released = true // endJob waits: otherwise the race detector would complain
		return ctx.Err()
	})
	if !d.supervising() || !d.hasJob() {
		t.Error("no job supervises")
	}
	d.endJob(engine.ErrDetached)
	if !released || d.hasJob() || d.supervising() || !errors.Is(context.Cause(ctx), engine.ErrDetached) {
		t.Errorf("released %t, cause %v", released, context.Cause(ctx))
	}
	if err := d.startError(); err != nil {
		t.Errorf("ending a job is a failure: %v", err)
	}
	d.endJob(engine.ErrDetached) // without a job it does nothing
}

func TestJob_ReportsItsFailure(t *testing.T) {
	for code, lost := range map[dev.Code]bool{dev.CodeEngineUnreachable: true, dev.CodeBuildFailed: false} {
		d := &host{events: hub.New(time.Now)}
		_, stream := d.events.Subscribe()
		_, stop := context.WithCancelCause(t.Context())
		d.startJob(true, stop, func() error { return &dev.Error{Code: code, Message: "broken", Exit: dev.ExitFailed} })
		devtest.Await(t, stream, func(e dev.Event) bool {
			f, ok := e.(dev.Failed)
			return ok && f.Code == code
		})
		d.endJob(nil)
		if err := d.startError(); dev.AsError(err).Code != code || d.lostEngine() != lost || d.hasJob() {
			t.Errorf("%s: %v, engine lost %t", code, err, d.lostEngine())
		}
		stream.Close()
	}
}
