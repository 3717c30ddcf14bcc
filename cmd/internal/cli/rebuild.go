package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev/engine"
)

// rebuildOptions are the arguments and flags of "sdev rebuild".
type rebuildOptions struct {
	service string // "" for the app
	json    bool
}

func (a *commands) newRebuildCmd(run func(context.Context, rebuildOptions) error) *cobra.Command {
	var o rebuildOptions
	cmd := &cobra.Command{
		Use:   "rebuild [SERVICE]",
		Short: "Rebuild the app's image, and replace the app if the image changed",
		Long: `Builds the image of the app, or of SERVICE, with the engine's cache. If the image changed, sdev replaces
the service. While it replaces the app, the gateway keeps the browser's page.`,
		Args: oneService,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.JSON = o.json
			o.service = strings.Join(args, "")
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object per event")
	return cmd
}

func (a *commands) runRebuild(ctx context.Context, o rebuildOptions) error {
	r, service, err := a.findService(ctx, o.service)
	if err != nil {
		return err
	}
	defer r.Close()
	want, err := r.Rebuild(service)
	if err != nil {
		return err
	}
	return a.WithEngine(ctx, r.CurrentOptions(a.Host()), console.View{JSON: o.json}, func(_ context.Context, e *engine.Engine) error {
		_, err := e.Up(ctx, want)
		return err
	})
}
