package cli

import (
	"context"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev/engine"
	"sdev/dev/session"
)

// downOptions are the flags of "sdev down".
type downOptions struct {
	volumes bool
	json    bool
}

func (a *commands) newDownCmd(run func(context.Context, downOptions) error) *cobra.Command {
	var o downOptions
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop and remove what this project started",
		Long: `Stops and removes the containers and networks of this project. It finds them by their labels and
touches nothing else. If nothing runs, it succeeds. If a clone of the project in another directory
runs under the same name, it leaves that alone and fails.

--volumes also removes the volumes that were created from this directory, among them the one in which
sdev keeps bytecode of packages for the next start. A volume stays, with a warning, if it is external, if
another project uses it, or if its origin is unknown.`,
		Args: console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.JSON = o.json
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.volumes, "volumes", false, "also remove the project's volumes and their data")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object per event")
	return cmd
}

func (a *commands) runDown(ctx context.Context, o downOptions) error {
	p, err := a.Load(ctx, session.Options{})
	if err != nil {
		return err
	}
	return a.WithEngine(ctx, session.Options{}, console.View{JSON: o.json}, func(_ context.Context, e *engine.Engine) error {
		return e.Down(ctx, a.Force, session.Removal(p, e.Host), o.volumes)
	})
}
