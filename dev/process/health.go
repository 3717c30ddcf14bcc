package process

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
	"sync"
	"time"

	"sdev/dev"
)

// checkEvery is the shortest pause between two health checks before the first success. A container that others wait for is
// checked more often than its interval says; only failures at the interval count.
const checkEvery = 100 * time.Millisecond

// checks runs the health checks of a container that runs.
type checks struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
}

func (k *keeper) startChecks(ctx context.Context) *checks {
	ctx, cancel := context.WithCancel(ctx)
	c := &checks{cancel: cancel}
	if k.Check != nil {
		c.done.Go(func() { k.checkHealth(ctx) })
	}
	return c
}

// stop returns once no check runs any more.
func (c *checks) stop() {
	c.cancel()
	c.done.Wait()
}

func (k *keeper) checkHealth(ctx context.Context) {
	last := k.last
	counted, failures := last.Started, 0
	for {
		begun := time.Now()
		output, ok := k.checkOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		health := last.Health
		switch now := time.Now(); {
		case ok:
			failures, counted, health = 0, now, string(dev.Healthy)
		case now.Sub(last.Started) < k.Check.Wait || now.Sub(counted) < k.Check.Interval:
		default:
			counted = now
			if failures++; failures >= k.Check.Retries {
				health = string(dev.Unhealthy)
			}
		}
		changed := health != last.Health
		if changed || !ok && output != last.HealthText {
			last.Health, last.HealthText = health, output
			_ = writeJSON(k.runFile(), last) // a change that is lost comes with the next one
		}
		if changed {
			k.state(dev.State(health), 0)
		}
		pause := k.Check.Interval
		if health == string(dev.Starting) {
			pause = min(pause, max(checkEvery, time.Since(begun)))
		}
		rest := time.NewTimer(pause)
		select {
		case <-rest.C:
		case <-ctx.Done():
			rest.Stop()
			return
		}
	}
}

// checkOnce runs the check and returns its output, and whether it succeeded in time.
func (k *keeper) checkOnce(ctx context.Context) (output string, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, k.Check.Timeout)
	defer cancel()
	cmd, err := k.program(k.Check.Command, k.WorkingDir, k.processEnv(k.environ))
	if err != nil {
		return err.Error(), false
	}
	var out bytes.Buffer
	run := exec.CommandContext(ctx, cmd.Path, cmd.Args[1:]...)
	run.Env, run.Dir, run.Stdout, run.Stderr = cmd.Env, cmd.Dir, &out, &out
	run.WaitDelay = checkEvery // a program that it has left behind may hold its output open
	err = run.Run()
	return strings.TrimSpace(out.String()), err == nil
}
