package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev/engine"
	"sdev/dev/session"
)

// restartOptions are the arguments and flags of "sdev restart".
type restartOptions struct {
	service string // "" for the app
	json    bool
}

func (a *commands) newRestartCmd(run func(context.Context, restartOptions) error) *cobra.Command {
	var o restartOptions
	cmd := &cobra.Command{
		Use:   "restart [SERVICE]",
		Short: "Restart the app, or another service",
		Long:  "Restarts the container of the app, or of SERVICE, and waits until the page answers. Open tabs then show the new page by themselves.",
		Args:  oneService,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.JSON = o.json
			o.service = strings.Join(args, "")
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object per event")
	return cmd
}

func (a *commands) runRestart(ctx context.Context, o restartOptions) error {
	_, err := a.restart(ctx, o.service, console.View{JSON: o.json})
	return err
}

// restart restarts a service, or the app if the name is empty, shows what happens, and returns the service.
func (a *commands) restart(ctx context.Context, name string, v console.View) (service string, err error) {
	r, service, err := a.findService(ctx, name)
	if err != nil {
		return "", err
	}
	defer r.Close()
	if _, err := r.RequireContainer(service); err != nil {
		return "", err
	}
	return service, a.WithEngine(ctx, session.Options{}, v, func(_ context.Context, e *engine.Engine) error {
		return r.Restart(ctx, e, service)
	})
}
