package dashboard

import (
	"context"
	"errors"

	"sdev/dev"
)

// job runs until the dashboard ends it: it supervises the project, or only follows its events.
type job struct {
	supervises bool
	stop       context.CancelCauseFunc
	ended      chan struct{}
}

// startJob runs a job in a goroutine. If the job fails, it sends the error as an event.
func (d *host) startJob(supervises bool, stop context.CancelCauseFunc, run func() error) {
	j := &job{supervises, stop, make(chan struct{})}
	d.mu.Lock()
	d.job, d.startErr, d.engineLost = j, nil, false
	d.mu.Unlock()
	go func() {
		defer close(j.ended)
		err := run()
		stop(nil)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.job = nil
		if err != nil && !errors.Is(err, context.Canceled) {
			d.startErr, d.engineLost = err, supervises && dev.AsError(err).Code == dev.CodeEngineUnreachable
			d.events.Emit(dev.AsError(err).Event())
		}
	}()
}

// endJob cancels the job with a cause, and waits until it has ended.
func (d *host) endJob(why error) {
	d.mu.Lock()
	j := d.job
	d.mu.Unlock()
	if j != nil {
		j.stop(why)
		<-j.ended
	}
}

func (d *host) supervising() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.job != nil && d.job.supervises
}

// lostEngine reports whether supervising ended because the engine did not answer any more.
func (d *host) lostEngine() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.engineLost
}

func (d *host) hasJob() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.job != nil
}

func (d *host) startError() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.startErr
}
