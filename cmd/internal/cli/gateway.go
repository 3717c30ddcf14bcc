package cli

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/gateway"
)

// gatewayOptions are the flags of "sdev gateway", which has none: its configuration is in the environment.
type gatewayOptions struct{}

// newGatewayCmd returns the gateway's command. Like those below it, it runs inside containers, and is hidden, because
// only sdev runs it.
func (a *commands) newGatewayCmd(run func(context.Context, gatewayOptions) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: "gateway", Short: "Run as the gateway of a project (inside its container)", Hidden: true, Args: console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), gatewayOptions{})
		},
	}
	cmd.AddCommand(a.newReceiveCmd(a.runReceive), a.newTunnelCmd(a.runTunnel), a.newCallCmd(a.runCall))
	return cmd
}

func (a *commands) runGateway(ctx context.Context, _ gatewayOptions) error {
	var cfg dev.GatewayConfig
	if err := json.Unmarshal([]byte(a.Getenv(dev.GatewayConfigEnv)), &cfg); err != nil {
		return dev.UsageError("sdev gateway cannot read its configuration from "+dev.GatewayConfigEnv+": "+err.Error(), "it is started by sdev up")
	}
	return gateway.Run(ctx, cfg, a.Stdout())
}
