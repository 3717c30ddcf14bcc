package docker

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"

	"sdev/dev"
	"sdev/dev/plan"
)

const (
	waitEvery  = 25 * time.Millisecond  // pause between two inspections of a container that others depend on
	checkEvery = 100 * time.Millisecond // shortest pause between two of our own health checks
)

// wait blocks until a container reaches the state of an operation. If it no longer can, wait returns a
// *plan.UnmetError at once.
//
// The engine runs the first health check after a whole interval, by default 30 s. That is too long for a user
// who waits, so this package runs the same check meanwhile, and the first success counts. Only the engine
// decides that a container is unhealthy, because it counts start period and retries.
func (e *Engine) wait(ctx context.Context, op plan.Operation) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tick := time.NewTicker(waitEvery)
	defer tick.Stop()
	var passed chan bool // the result of our own checks; nil while none run
	defer func() {
		if passed != nil {
			cancel()
			<-passed
		}
	}()
	for {
		c, err := e.api.ContainerInspect(ctx, op.Name)
		if isGone(err) {
			return &plan.UnmetError{Container: plan.Container{Name: op.Name, Service: op.Service.Config.Name}, Until: op.Until}
		}
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return engineError("inspect "+op.Name, err)
		}
		if met, err := reached(c, op.Until); met || err != nil {
			return err
		}
		if passed == nil && op.Until == plan.Healthy {
			passed = make(chan bool, 1)
			go func() { passed <- e.check(ctx, c) }()
		}
		select {
		case ok := <-passed:
			if passed = nil; ok {
				return nil
			}
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// reached reports whether a container has reached a state, or an error if it never will.
func reached(c container.InspectResponse, until plan.Until) (bool, error) {
	unmet := &plan.UnmetError{Container: describe(c), Until: until}
	ended := c.State.Status == container.StateExited || c.State.Status == container.StateDead
	switch {
	case until == plan.Completed:
		if ended && c.State.ExitCode != 0 {
			return false, unmet
		}
		return ended, nil
	case ended:
		return false, unmet
	case c.State.Health == nil || c.State.Health.Status == container.NoHealthcheck:
		unmet.NoCheck = true
		return false, unmet
	case c.State.Health.Status == container.Unhealthy:
		if n := len(c.State.Health.Log); n > 0 {
			unmet.Output = dev.Sanitize(strings.TrimSpace(c.State.Health.Log[n-1].Output))
		}
		return false, unmet
	}
	return c.State.Health.Status == container.Healthy, nil
}

// check runs a container's own health check, one at a time. It returns true once the check succeeds, and false when ctx
// ends. Between two runs it pauses for at least as long as the last one took.
func (e *Engine) check(ctx context.Context, c container.InspectResponse) bool {
	command := healthCommand(c.Config)
	if command == nil {
		<-ctx.Done()
		return false
	}
	for {
		start := time.Now()
		var out bytes.Buffer
		if code, err := e.Run(ctx, plan.Exec{Container: c.ID, Command: command, Out: &out, Err: &out}); err == nil && code == 0 {
			return true
		}
		rest := time.NewTimer(max(checkEvery, time.Since(start)))
		select {
		case <-rest.C:
		case <-ctx.Done():
			rest.Stop()
			return false
		}
	}
}

// healthCommand returns the command with which the engine checks a container's health; nil if there is none.
// Source: Docker Engine API 1.41, HealthConfig.Test.
func healthCommand(c *container.Config) []string {
	if c.Healthcheck == nil || len(c.Healthcheck.Test) < 2 {
		return nil
	}
	test := c.Healthcheck.Test
	switch test[0] {
	case "CMD":
		return test[1:]
	case "CMD-SHELL":
		shell := []string(c.Shell)
		if len(shell) == 0 {
			shell = []string{"/bin/sh", "-c"}
		}
		return append(append([]string{}, shell...), test[1])
	}
	return nil
}
