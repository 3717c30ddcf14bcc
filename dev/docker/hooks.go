package docker

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"sdev/dev"
	"sdev/dev/plan"
)

// hooks runs a service's post_start commands. If one fails, the error contains its output.
func (e *Engine) hooks(ctx context.Context, op plan.Operation) error {
	for i, hook := range op.Service.Config.PostStart {
		var out bytes.Buffer
		code, err := e.Run(ctx, plan.Exec{Container: op.Name, Command: hook.Command, User: hook.User, Dir: hook.WorkingDir, Env: environment(hook.Environment),
			Privileged: hook.Privileged, Out: &out, Err: &out})
		if err != nil {
			return err
		}
		if code != 0 {
			return &dev.Error{Code: dev.CodeServiceExited, Exit: dev.ExitNotReady,
				Message: fmt.Sprintf("post_start[%d] of service %s ended with exit code %d%s", i, op.Service.Config.Name, code, indented(out.String())),
				Hint:    "fix the command in the compose file"}
		}
	}
	return nil
}

// indented returns output with each line indented below a message; "" for none.
func indented(output string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSpace(output)) {
		b.WriteString("\n  " + dev.Sanitize(strings.TrimRight(line, "\n")))
	}
	return b.String()
}
