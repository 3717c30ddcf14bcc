package cli

import (
	"context"

	"github.com/spf13/cobra"
)

// shellOptions are the arguments of "sdev shell".
type shellOptions struct {
	command []string // empty for a shell
}

func (a *commands) newShellCmd(run func(context.Context, shellOptions) error) *cobra.Command {
	return &cobra.Command{
		Use:   "shell [-- COMMAND…]",
		Short: "Open a shell, or run a command, in the app's container",
		Long:  "Opens a shell in the app's container, or runs COMMAND there and exits with its exit code.",
		Example: `  sdev shell
  sdev shell -- python -c 'import streamlit; print(streamlit.__version__)'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), shellOptions{command: args})
		},
	}
}

func (a *commands) runShell(ctx context.Context, o shellOptions) error {
	return a.RunShell(ctx, o.command)
}
