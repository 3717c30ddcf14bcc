package devtest

import (
	"context"
	"slices"

	"sdev/dev"
	"sdev/dev/plan"
)

// healthAfterStart is the result of a fake health check: a check that runs "true" succeeds at once, one that runs
// "false" fails, and any other has no result yet.
func (c *fakeContainer) healthAfterStart() string {
	switch {
	case c.check == nil:
		return ""
	case slices.Contains(c.check.Test, "true"):
		return "healthy"
	case slices.Contains(c.check.Test, "false"):
		return "unhealthy"
	}
	return "starting"
}

// SetHealth sets the result of a service's health check.
func (f *Fake) SetHealth(service string, state dev.State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.containers {
		if c.Service == service {
			c.Health = string(state)
			f.state(c, dev.ServiceState{State: state})
		}
	}
}

// wait blocks until a container meets the operation's condition, or never will.
func (f *Fake) wait(ctx context.Context, op plan.Operation) error {
	for {
		f.mu.Lock()
		met, err := f.isMet(op)
		if met {
			f.done = append(f.done, op)
		}
		grown := f.grown
		f.mu.Unlock()
		if met || err != nil {
			return err
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *Fake) isMet(op plan.Operation) (bool, error) {
	c, ok := f.containers[op.Name]
	if !ok {
		return false, &plan.UnmetError{Container: plan.Container{Name: op.Name, Service: op.Service.Config.Name}, Until: op.Until}
	}
	unmet := &plan.UnmetError{Container: c.Container, Until: op.Until}
	ended := !c.Running && !c.Started.IsZero()
	switch {
	case op.Until == plan.Completed && ended && c.ExitCode != 0, op.Until == plan.Healthy && ended:
		return false, unmet
	case op.Until == plan.Completed:
		return ended, nil
	case c.check == nil:
		unmet.NoCheck = true
		return false, unmet
	case c.Health == "unhealthy":
		unmet.Output = "it said no"
		return false, unmet
	}
	return c.Health == "healthy", nil
}
