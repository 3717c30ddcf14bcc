package cli

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev"
)

// commands are the commands of sdev, which share a console. Each has a file of its own with the same parts in the same
// order: xOptions, the values of its arguments and flags; newXCmd, which declares the flags and passes the options to
// run; validate, if options can contradict each other; runX, which does the work. The root command pairs newXCmd with
// runX. A test pairs it with a function that keeps the options.
type commands struct{ *console.Console }

// oneService checks the arguments of a command that takes at most one service.
func oneService(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return dev.UsageError(fmt.Sprintf("sdev %s takes at most one service, but got %d", cmd.Name(), len(args)), "see: sdev "+cmd.Name()+" --help")
	}
	return nil
}

// findService finds the running project, and the service to work on: the app if the command line names none. The
// caller closes the result.
func (a *commands) findService(ctx context.Context, argument string) (r console.Running, service string, err error) {
	r, err = a.RequireRunning(ctx)
	if err != nil {
		return r, "", err
	}
	return r, cmp.Or(argument, r.Project.App), nil
}
