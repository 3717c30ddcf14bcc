package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/engine"
	"sdev/dev/session"
)

// oneService checks the arguments of a command that takes at most one service.
func oneService(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return dev.UsageError(fmt.Sprintf("sdev %s takes at most one service, but got %d", cmd.Name(), len(args)), "see: sdev "+cmd.Name()+" --help")
	}
	return nil
}

// requireRunning finds the running project, and the service to work on: the app if the command line names none. The
// caller closes the result.
func (a *commands) requireRunning(ctx context.Context, argument string) (r console.Running, service string, err error) {
	r, err = a.RequireRunning(ctx)
	if err != nil {
		return r, "", err
	}
	return r, cmp.Or(argument, r.Project.App), nil
}

func (a *commands) newRestartCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "restart [SERVICE]",
		Short: "Restart the app, or another service",
		Long:  "Restarts the container of the app, or of SERVICE, and waits until the page answers. Open tabs then show the new page by themselves.",
		Args:  oneService,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.JSON = asJSON
			return a.runRestart(cmd.Context(), strings.Join(args, ""), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per event")
	return cmd
}

func (a *commands) runRestart(ctx context.Context, service string, asJSON bool) error {
	r, service, err := a.requireRunning(ctx, service)
	if err != nil {
		return err
	}
	defer r.Close()
	if _, err := r.RequireRunning(service); err != nil {
		return err
	}
	return a.WithEngine(ctx, session.Options{}, console.View{JSON: asJSON}, func(_ context.Context, e *engine.Engine) error {
		return r.Restart(ctx, e, service)
	})
}
