package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sdev/dev"
	"sdev/dev/plan"
)

// do carries out one operation. A wait takes no longer than an app may take, and one for a
// dependency that is not required fails with a warning only.
func (e *Engine) do(ctx context.Context, op plan.Operation, labels plan.Labels) error {
	if op.Verb != plan.Wait {
		return e.Runtime.Do(ctx, op, labels)
	}
	patient, cancel := context.WithTimeoutCause(ctx, e.Timeout, errLate)
	defer cancel()
	err := e.Runtime.Do(patient, op, labels)
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case errors.Is(context.Cause(patient), errLate):
		err = e.late(ctx, op, labels)
	default:
		if unmet, ok := errors.AsType[*plan.UnmetError](err); ok {
			err = e.unmet(ctx, op, unmet)
		}
	}
	if !op.Optional {
		return err
	}
	said := dev.AsError(err)
	e.emit(dev.Warning{Code: said.Code, Message: said.Message, Hint: said.Hint})
	return nil
}

var errLate = errors.New("it took too long")

// unmet words why a service that others wait for will not be as they need it.
func (e *Engine) unmet(ctx context.Context, op plan.Operation, u *plan.UnmetError) error {
	service := op.Service.Config.Name
	waiting := strings.Join(op.For, " and ")
	out := &dev.Error{Code: dev.CodeServiceExited, Exit: dev.ExitNotReady, Cause: u, Hint: "run it again"}
	switch {
	case u.NoCheck:
		return &dev.Error{Code: dev.CodeServiceUnhealthy, Exit: dev.ExitProject, Cause: u,
			Message: fmt.Sprintf("%s waits until service %s is healthy, and neither its image nor the compose file says how to check that", waiting, service),
			Hint:    "give it a healthcheck, or use condition: service_started"}
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
	out.Message, out.Hint = out.Message+lines, hint(lines)
	return out
}

// late words a wait that took too long.
func (e *Engine) late(ctx context.Context, op plan.Operation, labels plan.Labels) error {
	out := &dev.Error{Code: dev.CodeServiceUnhealthy, Exit: dev.ExitNotReady,
		Message: fmt.Sprintf("service %s is not %s after %s, and %s waits for it", op.Service.Config.Name, op.Until, e.Timeout, strings.Join(op.For, " and ")),
		Hint:    "see what keeps it, or give it more time with --timeout"}
	if have, err := e.Runtime.Observe(ctx, labels.Project, nil); err == nil {
		for _, c := range have.Containers {
			if c.Name == op.Name {
				out.Message += e.lastLines(ctx, c)
			}
		}
	}
	return out
}

// hint says what to do about a service whose last lines are these.
func hint(lines string) string {
	if strings.Contains(lines, "exec format error") {
		return "its image, or the program in it, is for another kind of machine: get it for this one, or install an emulator (binfmt)"
	}
	return "fix what its lines name, then run it again (--timeout gives a slow app more time)"
}

func (e *Engine) lastLines(ctx context.Context, c plan.Container) string {
	lines := e.Runtime.Tail(ctx, c, tailLines)
	if len(lines) == 0 {
		return ""
	}
	return "; its last lines:\n  " + strings.Join(lines, "\n  ")
}

// ended warns of the services that were just started and have ended by now, though nobody waits for
// their end. The app is none of them: its page answers.
func (e *Engine) ended(ctx context.Context, run Running) {
	have, err := e.Runtime.Observe(ctx, run.Project.Name, nil)
	if err != nil {
		return // the engine went away right now; the next call says so
	}
	for _, op := range run.done {
		if op.Verb != plan.Start && op.Verb != plan.Restart {
			continue
		}
		for _, c := range have.Containers {
			if c.Name != op.Name || c.Running && !c.Restarting || op.Once && c.ExitCode == 0 {
				continue
			}
			e.emit(dev.Warning{Code: dev.CodeServiceExited, Message: fmt.Sprintf("service %s ended with exit code %d%s", c.Service, c.ExitCode, e.lastLines(ctx, c)),
				Hint: "see: sdev logs " + c.Service})
		}
	}
}
