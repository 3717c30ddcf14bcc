package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev/engine"
)

func (a *commands) newRebuildCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rebuild [SERVICE]",
		Short: "Rebuild the app's image, and replace the app if the image changed",
		Long: `Builds the image of the app, or of SERVICE, with the engine's cache. If the image changed, sdev replaces
the service. While it replaces the app, the gateway keeps the browser's page.`,
		Args: oneService,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.JSON = asJSON
			return a.runRebuild(cmd.Context(), strings.Join(args, ""), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per event")
	return cmd
}

func (a *commands) runRebuild(ctx context.Context, service string, asJSON bool) error {
	r, service, err := a.requireRunning(ctx, service)
	if err != nil {
		return err
	}
	defer r.Close()
	want, err := r.Rebuild(service)
	if err != nil {
		return err
	}
	return a.WithEngine(ctx, r.CurrentOptions(a.Host()), console.View{JSON: asJSON}, func(_ context.Context, e *engine.Engine) error {
		_, err := e.Up(ctx, want)
		return err
	})
}
