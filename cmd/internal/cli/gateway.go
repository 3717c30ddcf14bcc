package cli

import (
	"context"

	"github.com/spf13/cobra"

	"sdev/dev"
	"sdev/dev/gateway/program"
)

// gatewayOptions are the arguments of "sdev gateway".
type gatewayOptions struct {
	args []string // the command line without its first word; see dev.GatewayCommand
}

// newGatewayCmd returns the command with which sdev itself is the gateway's program, if it was built without gateways. It
// runs inside containers, and is hidden, because only sdev runs it.
func (a *commands) newGatewayCmd(run func(context.Context, gatewayOptions) error) *cobra.Command {
	return &cobra.Command{
		Use: dev.GatewayWord, Short: "Run as the gateway of a project (inside its container)", Hidden: true, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), gatewayOptions{args: args})
		},
	}
}

// runGateway writes raw output: sdev itself reads it.
func (a *commands) runGateway(ctx context.Context, o gatewayOptions) error {
	return program.Run(ctx, program.Streams{In: a.In, Out: a.Out, Getenv: a.Getenv}, o.args)
}
