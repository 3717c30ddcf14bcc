package cli

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/gateway"
)

// callOptions are the flags of "sdev gateway call", which has none: the request is on standard input.
type callOptions struct{}

func (a *commands) newCallCmd(run func(context.Context, callOptions) error) *cobra.Command {
	return &cobra.Command{
		Use: "call", Short: "Send the command on standard input to the gateway and print its status", Hidden: true, Args: console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), callOptions{})
		},
	}
}

func (a *commands) runCall(ctx context.Context, _ callOptions) error {
	var req gateway.Request
	if err := json.NewDecoder(a.In).Decode(&req); err != nil {
		return dev.UsageError("not a request: "+err.Error(), "it is sent by sdev")
	}
	status, err := gateway.Call(ctx, dev.GatewaySocket, req)
	if err != nil {
		return err
	}
	return json.NewEncoder(a.Out).Encode(status) // raw: sdev itself reads it
}
