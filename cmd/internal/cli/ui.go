package cli

import (
	"cmp"
	"context"
	"time"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/cmd/internal/dashboard"
	"sdev/dev"
)

// uiOptions are the flags of "sdev ui", which has none.
type uiOptions struct{}

func (a *commands) newUICmd(run func(context.Context, uiOptions) error) *cobra.Command {
	return &cobra.Command{
		Use:   "ui",
		Short: "Show the dashboard of the project",
		Long: `Shows the dashboard of this project: services, saves, logs, builds and logins. It does not matter
which sdev command started the app, and the dashboard can start it too. If you leave the dashboard,
the app stays as it is.
"sdev up" on a terminal shows the same dashboard.

In the dashboard ? lists the keys.`,
		Args: console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), uiOptions{})
		},
	}
}

func (a *commands) runUI(ctx context.Context, _ uiOptions) error {
	if !a.HasScreen() {
		return dev.UsageError("the dashboard needs a terminal", "without one: sdev status, sdev logs -f")
	}
	return dashboard.Run(ctx, a.Console, dashboardOptions(), false)
}

func dashboardOptions() dashboard.Options {
	o := dashboard.Options{Timeout: time.Minute}
	o.Entry.Required, o.Entry.Keep = true, true
	return o
}

// runHere runs sdev without a command: it shows the dashboard. If there is no project, it first creates one, as "sdev
// init" does.
func (a *commands) runHere(ctx context.Context) error {
	o := dashboardOptions()
	p, runtime, err := dashboard.Open(ctx, a.Console, o.Options)
	if err != nil && dev.AsError(err).Code == dev.CodeProjectMissing {
		if err := a.runInit(ctx, initOptions{dir: cmp.Or(a.Dir, "."), template: projectTemplate}); err != nil {
			return err
		}
		p, runtime, err = dashboard.Open(ctx, a.Console, o.Options)
	}
	if err != nil {
		return err
	}
	return dashboard.Show(ctx, a.Console, o, p, runtime, false)
}
