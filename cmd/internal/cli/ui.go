package cli

import (
	"cmp"
	"context"
	"time"

	"github.com/spf13/cobra"

	"sdev/dev"
)

func (a *app) newUICmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ui",
		Short: "Show the dashboard of what runs here",
		Long: `Shows the dashboard of this project: what runs, whether saves arrive, logs, builds, logins.
It joins what runs already, started by whichever sdev, and can start the project too. Leaving it
leaves the app as it is. "sdev up" on a terminal shows the same.

? in the dashboard lists its keys.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !a.hasScreen() {
				return usage("the dashboard needs a terminal", "without one: sdev status, sdev logs -f")
			}
			return a.runUI(cmd.Context())
		},
	}
	return cmd
}

func (a *app) runUI(ctx context.Context) error { return a.runDashboard(ctx, uiOptions(), false) }

func uiOptions() upOptions {
	o := upOptions{quit: quitLeave, timeout: time.Minute}
	o.Entry.Required, o.Entry.Keep = true, true
	return o
}

// runHere is sdev without a command: the dashboard, and where there is no project the questions first
// by which one is made.
func (a *app) runHere(ctx context.Context) error {
	o := uiOptions()
	p, runtime, err := a.loadAndOpen(ctx, o.Options)
	if err != nil && dev.AsError(err).Code == dev.CodeProjectMissing {
		if err := a.runInit(ctx, initOptions{dir: cmp.Or(a.dir, "."), template: projectTemplate}); err != nil {
			return err
		}
		p, runtime, err = a.loadAndOpen(ctx, o.Options)
	}
	if err != nil {
		return err
	}
	return a.showDashboard(ctx, o, p, runtime, false)
}
