package cli

import (
	"context"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev/mirror"
)

// receiveOptions are the flags of "sdev gateway receive", which has none.
type receiveOptions struct{}

func (a *commands) newReceiveCmd(run func(context.Context, receiveOptions) error) *cobra.Command {
	return &cobra.Command{
		Use: "receive", Short: "Receive copies of the project's files (inside the app's container)", Hidden: true, Args: console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), receiveOptions{})
		},
	}
}

func (a *commands) runReceive(context.Context, receiveOptions) error {
	return mirror.Receive(a.In, a.Out)
}
