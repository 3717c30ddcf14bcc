package cli

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/gateway"
	"sdev/dev/mirror"
	"sdev/dev/session"
	"sdev/dev/tunnel"
)

// newGatewayCmd returns the commands that run inside containers. They are hidden, because only sdev runs them.
func (a *commands) newGatewayCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "gateway", Short: "Run as the gateway of a project (inside its container)", Hidden: true, Args: console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var cfg dev.GatewayConfig
			if err := json.Unmarshal([]byte(a.Getenv(dev.GatewayConfigEnv)), &cfg); err != nil {
				return dev.UsageError("sdev gateway cannot read its configuration from "+dev.GatewayConfigEnv+": "+err.Error(), "it is started by sdev up")
			}
			return gateway.Run(cmd.Context(), cfg, a.Stdout())
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use: "receive", Short: "Receive copies of the project's files (inside the app's container)", Hidden: true, Args: console.NoArgs,
		RunE: func(*cobra.Command, []string) error { return mirror.Receive(a.In, a.Out) },
	}, &cobra.Command{
		Use: "tunnel TO", Short: "Carry connections on standard input and output to the app's origin or the provider's", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runTunnel(cmd.Context(), args[0]) },
	}, &cobra.Command{
		Use: "call", Short: "Send the command on standard input to the gateway and print its status", Hidden: true, Args: console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var req gateway.Request
			if err := json.NewDecoder(a.In).Decode(&req); err != nil {
				return dev.UsageError("not a request: "+err.Error(), "it is sent by sdev")
			}
			status, err := gateway.Call(cmd.Context(), dev.GatewaySocket, req)
			if err != nil {
				return err
			}
			return json.NewEncoder(a.Out).Encode(status) // raw: sdev itself reads it
		},
	})
	return cmd
}

// runTunnel is the end of a tunnel inside the container. It connects to the app's origin, to the provider, or to a port.
func (a *commands) runTunnel(ctx context.Context, to string) error {
	if _, err := strconv.ParseUint(to, 10, 16); err == nil {
		return tunnel.Serve(ctx, carrier{a.In, a.Out}, net.JoinHostPort("127.0.0.1", to))
	}
	var cfg dev.GatewayConfig
	if err := json.Unmarshal([]byte(a.Getenv(dev.GatewayConfigEnv)), &cfg); err != nil {
		return dev.UsageError("sdev gateway tunnel cannot read its ports from "+dev.GatewayConfigEnv+": "+err.Error(), "it is started by sdev up")
	}
	address := "127.0.0.1" + cfg.Listen
	if to == session.TunnelToProvider {
		address = net.JoinHostPort("127.0.0.1", strconv.Itoa(cfg.ProviderPort))
	}
	return tunnel.Serve(ctx, carrier{a.In, a.Out}, address)
}

// carrier joins the input and output of a command into one connection.
type carrier struct {
	io.Reader
	io.Writer
}

// Close ends a pending read. That works for a pipe, which is what the input is here.
func (c carrier) Close() error {
	if f, ok := c.Reader.(*os.File); ok {
		return f.Close()
	}
	return nil
}
