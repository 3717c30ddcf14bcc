package cli

import (
	"context"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev/engine"
	"sdev/dev/session"
)

type downOptions struct {
	volumes bool
	json    bool
}

func (a *commands) newDownCmd() *cobra.Command {
	var o downOptions
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop and remove what this project started",
		Long: `Stops and removes the containers and networks of this project, found by their labels.
Nothing else is touched, and nothing running is no error. What a clone of it in another
directory runs under the same name is left alone, and that is an error.

--volumes removes the volumes that were made from this directory. One that is external, that
another project uses, or that does not say where it is from, stays, with a warning.`,
		Args: console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.JSON = o.json
			return a.runDown(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.volumes, "volumes", false, "also remove the project's volumes, and what is in them")
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
