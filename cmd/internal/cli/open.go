package cli

import (
	"context"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
)

// openOptions are the flags of "sdev open", which has none.
type openOptions struct{}

func (a *commands) newOpenCmd(run func(context.Context, openOptions) error) *cobra.Command {
	return &cobra.Command{
		Use:   "open",
		Short: "Open the app's page in the browser",
		Long:  "Opens the app's page in the browser ($BROWSER, else the system's own) and prints its address.",
		Args:  console.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), openOptions{}) },
	}
}

func (a *commands) runOpen(ctx context.Context, _ openOptions) error {
	r, err := a.RequireRunning(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	url := r.URL()
	if url == "" {
		return r.NotRunning()
	}
	if err := a.Printf("%s\n", url); err != nil {
		return err
	}
	missing, err := a.Browse(ctx, url)
	if err == nil && missing != "" {
		a.Notef("cannot start a browser (%s is missing): open the address yourself\n", missing)
	}
	return err
}
