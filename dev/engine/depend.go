package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sdev/dev"
	"sdev/dev/pattern"
	"sdev/dev/plan"
)

// do carries out one operation. A wait takes at most e.Timeout. If an optional wait or start fails, do emits a warning
// instead of returning an error.
func (e *Engine) do(ctx context.Context, op plan.Operation, labels plan.Labels) error {
	if op.Verb != plan.Wait {
		err := e.Runtime.Do(ctx, op, labels)
		if !op.Optional || ctx.Err() != nil || !isOfService(err) {
			return err
		}
		failure := dev.AsError(err)
		e.emit(dev.Warning{Code: dev.CodeServiceExited, Message: fmt.Sprintf("service %s could not start: %s", op.Service.Config.Name, failure.Message), Hint: failure.Hint})
		return nil
	}
	waitCtx, cancel := context.WithTimeoutCause(ctx, e.Timeout, errTimeout)
	defer cancel()
	err := e.Runtime.Do(waitCtx, op, labels)
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case errors.Is(context.Cause(waitCtx), errTimeout):
		err = e.timeoutError(ctx, op, labels)
	default:
		if unmet, ok := errors.AsType[*plan.UnmetError](err); ok {
			err = e.unmetError(ctx, op, unmet)
		}
	}
	if !op.Optional {
		return err
	}
	failure := dev.AsError(err)
	e.emit(dev.Warning{Code: failure.Code, Message: failure.Message, Hint: failure.Hint})
	return nil
}

// isOfService reports whether a failed start concerns its service alone, and neither the engine as a whole, nor a hook,
// nor a port, for which another one may do.
func isOfService(err error) bool {
	if err == nil || dev.AsError(err).Exit != dev.ExitFailed {
		return false
	}
	taken, ok := errors.AsType[portTaken](err)
	return !ok || !taken.PortTaken()
}

var errTimeout = errors.New("it took too long")

// unmetError explains why a service will never reach the condition that other services wait for.
func (e *Engine) unmetError(ctx context.Context, op plan.Operation, u *plan.UnmetError) error {
	service := op.Service.Config.Name
	waiting := strings.Join(op.For, " and ")
	out := &dev.Error{Code: dev.CodeServiceExited, Exit: dev.ExitNotReady, Cause: u, Hint: "run it again"}
	switch {
	case u.NoCheck:
		return &dev.Error{Code: dev.CodeServiceUnhealthy, Exit: dev.ExitProject, Cause: u,
			Message: fmt.Sprintf("%s waits until service %s is healthy, but neither its image nor the compose file has a health check", waiting, service),
			Hint:    "add a healthcheck, or use condition: service_started"}
	case u.Container.ID == "":
		out.Message = fmt.Sprintf("the container of service %s is gone, and %s waits for it", service, waiting)
		return out
	case !u.Container.Running:
		out.Message = fmt.Sprintf("service %s ended with exit code %d, and %s waits until it is %s", service, u.Container.ExitCode, waiting, op.Until)
	default:
		out.Code = dev.CodeServiceUnhealthy
		out.Message = fmt.Sprintf("service %s is unhealthy, and %s waits until it is healthy", service, waiting)
		if u.Output != "" {
			out.Message += "; its health check printed:\n  " + strings.ReplaceAll(u.Output, "\n", "\n  ")
		}
	}
	lines := e.lastLines(ctx, u.Container)
	out.Message, out.Hint = out.Message+lines, exitHint(lines)
	return out
}

// timeoutError explains that a wait took longer than e.Timeout.
func (e *Engine) timeoutError(ctx context.Context, op plan.Operation, labels plan.Labels) error {
	out := &dev.Error{Code: dev.CodeServiceUnhealthy, Exit: dev.ExitNotReady,
		Message: fmt.Sprintf("service %s is not %s after %s, and %s waits for it", op.Service.Config.Name, op.Until, e.Timeout, strings.Join(op.For, " and ")),
		Hint:    "find out what delays it, or give it more time with --timeout"}
	if have, err := e.Runtime.Observe(ctx, labels.Project, nil); err == nil {
		for _, c := range have.Containers {
			if c.Name == op.Name {
				out.Message += e.lastLines(ctx, c)
			}
		}
	}
	return out
}

// exitHint returns the hint for a service that failed, given the last lines of its output.
func exitHint(lines string) string {
	if m := noScript.FindStringSubmatch(lines); m != nil {
		return "the command names " + m[1] + ", which the container does not have: correct it, or choose a script of the project with --entry SCRIPT"
	}
	if strings.Contains(lines, "exec format error") {
		return "its image, or a program in it, is built for another platform: use a build for this machine's platform, or install an emulator (binfmt)"
	}
	return "fix the problem that its output shows, then run it again (--timeout gives a slow app more time)"
}

// noScript matches Streamlit's error for a script that is not there. Source: Streamlit, web/cli.py, main_run.
var noScript = pattern.New(`Invalid value: File does not exist: (\S+)`)

// lastLines returns the last lines of a container's output, as the end of a message; "" if it printed nothing.
func (e *Engine) lastLines(ctx context.Context, c plan.Container) string {
	lines := e.Runtime.Tail(ctx, c, tailLines)
	if len(lines) == 0 {
		return ""
	}
	return "; its last lines:\n  " + strings.Join(lines, "\n  ")
}

// warnOfExits warns of services that this run started and that have exited since. It never concerns the app, whose
// page has just answered, nor services that could not start, of which do has warned.
func (e *Engine) warnOfExits(ctx context.Context, run Running, have plan.Observed) {
	for _, op := range run.done {
		if op.Verb != plan.Start && op.Verb != plan.Restart {
			continue
		}
		for _, c := range have.Containers {
			if c.Name != op.Name || c.Started.IsZero() || c.Running && !c.Restarting || op.Once && c.ExitCode == 0 {
				continue
			}
			e.emit(dev.Warning{Code: dev.CodeServiceExited, Message: fmt.Sprintf("service %s ended with exit code %d%s", c.Service, c.ExitCode, e.lastLines(ctx, c)),
				Hint: "see: sdev logs " + c.Service})
		}
	}
}
