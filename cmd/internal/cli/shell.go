package cli

import (
	"github.com/spf13/cobra"
)

func (a *commands) newShellCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "shell [-- COMMAND…]",
		Short: "Open a shell, or run a command, in the app's container",
		Long:  "Opens a shell in the app's container, or runs COMMAND there and exits with its exit code.",
		Example: `  sdev shell
  sdev shell -- python -c 'import streamlit; print(streamlit.__version__)'`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.RunShell(cmd.Context(), args) },
	}
}
