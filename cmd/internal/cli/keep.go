package cli

import (
	"context"

	"github.com/spf13/cobra"

	"sdev/dev/process"
)

// keepOptions are the arguments of "sdev keep".
type keepOptions struct {
	args []string // what process.Keep takes
}

// newKeepCmd returns the command with which sdev watches over one process of a project that runs without a container
// engine. It is hidden, because only sdev runs it.
func (a *commands) newKeepCmd(run func(context.Context, keepOptions) error) *cobra.Command {
	return &cobra.Command{
		Use: "keep", Short: "Run and watch over a process of a project (without a container engine)", Hidden: true, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), keepOptions{args: args})
		},
	}
}

// runKeep writes raw output: sdev itself reads it.
func (a *commands) runKeep(ctx context.Context, o keepOptions) error {
	return process.Keep(ctx, process.Keeper{Out: a.Out, Environ: a.Env}, o.args)
}
