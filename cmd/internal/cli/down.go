package cli

import (
	"context"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/engine"
	"sdev/dev/session"
)

// downOptions are the flags of "sdev down".
type downOptions struct {
	all     bool
	volumes bool
	yes     bool
	json    bool
}

func (a *commands) newDownCmd(run func(context.Context, downOptions) error) *cobra.Command {
	var o downOptions
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop and remove what this project started",
		Long: `Stops and removes the containers and networks of this project. It finds them by their labels and
touches nothing else. If nothing runs, it succeeds. If another checkout of the project has the name and
this one was never started, it leaves that one alone and fails.

--volumes also removes the volumes that were created from this directory, among them the one in which
sdev keeps bytecode of packages for the next start. A volume stays, with a warning, if it is external, if
another project uses it, or if its origin is unknown.

--all stops and removes every project of sdev on this machine, in whatever directory you are, also those
whose directory is gone. What "docker compose" created stays. On a terminal it asks first if that is more
than the project here. "sdev status --all" lists the projects.`,
		Args: console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.JSON = o.json
			if err := o.validate(); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "stop and remove every project of sdev on this machine")
	cmd.Flags().BoolVar(&o.volumes, "volumes", false, "also remove the project's volumes and their data")
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "with --all: do not ask")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object per event")
	return cmd
}

func (o downOptions) validate() error {
	if o.yes && !o.all {
		return dev.UsageError("--yes is for --all: without it sdev down asks nothing", "leave --yes out, or run: sdev down --all --yes")
	}
	return nil
}

func (a *commands) runDown(ctx context.Context, o downOptions) error {
	if o.all {
		return a.downAll(ctx, o)
	}
	p, err := a.Load(ctx, session.Options{})
	if err != nil {
		return err
	}
	return a.WithEngine(ctx, session.Options{}, console.View{JSON: o.json}, func(_ context.Context, e *engine.Engine) error {
		return e.Down(ctx, a.Force, session.Removal(p, e.Host), o.volumes)
	})
}
