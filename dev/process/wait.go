package process

import (
	"context"
	"time"

	"sdev/dev"
	"sdev/dev/plan"
)

// waitEvery is the pause between two looks at a container that others depend on.
const waitEvery = 25 * time.Millisecond

// wait blocks until a container reaches the state of an operation. If it no longer can, wait returns a *plan.UnmetError at
// once.
func (r *Runtime) wait(ctx context.Context, op plan.Operation, labels plan.Labels) error {
	tick := time.NewTicker(waitEvery)
	defer tick.Stop()
	for {
		c, ok, err := r.named(labels.Project, op.Name)
		if err != nil {
			return err
		}
		if !ok {
			return &plan.UnmetError{Container: plan.Container{Name: op.Name, Service: op.Service.Config.Name}, Until: op.Until}
		}
		if met, err := c.reached(op.Until); met || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// reached reports whether a container has reached a state, or an error if it never will.
func (c found) reached(until plan.Until) (bool, error) {
	last := c.lastRun()
	unmet := &plan.UnmetError{Container: c.describe(), Until: until}
	switch {
	case until == plan.Completed:
		if last.Ended && last.ExitCode != 0 {
			return false, unmet
		}
		return last.Ended, nil
	case last.Ended:
		return false, unmet
	case c.Check == nil:
		unmet.NoCheck = true
		return false, unmet
	case last.Health == string(dev.Unhealthy):
		unmet.Output = dev.Sanitize(last.HealthText)
		return false, unmet
	}
	return last.Health == string(dev.Healthy), nil
}
