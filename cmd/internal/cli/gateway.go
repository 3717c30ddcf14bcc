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

// newGatewayCmd is what runs inside the gateway's container. It is hidden: nobody types it.
func (a *commands) newGatewayCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "gateway", Short: "Run as the gateway of a project (inside its container)", Hidden: true, Args: console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var cfg dev.GatewayConfig
			if err := json.Unmarshal([]byte(a.Getenv(dev.GatewayConfigEnv)), &cfg); err != nil {
				return dev.UsageError("sdev gateway reads what it is to do from "+dev.GatewayConfigEnv+": "+err.Error(), "it is started by sdev up")
			}
			return gateway.Run(cmd.Context(), cfg, a.Stdout())
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use: "receive", Short: "Take in copies of the project's files (inside the app's container)", Hidden: true, Args: console.NoArgs,
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
			return json.NewEncoder(a.Out).Encode(status) // to sdev itself, which shows it
		},
	})
	return cmd
}

// runTunnel is the far end of a tunnel. It leads to one of the gateway's own places, or to a port.
func (a *commands) runTunnel(ctx context.Context, to string) error {
	if _, err := strconv.ParseUint(to, 10, 16); err == nil {
		return tunnel.Serve(ctx, carrier{a.In, a.Out}, net.JoinHostPort("127.0.0.1", to))
	}
	var cfg dev.GatewayConfig
	if err := json.Unmarshal([]byte(a.Getenv(dev.GatewayConfigEnv)), &cfg); err != nil {
		return dev.UsageError("sdev gateway tunnel reads what it leads to from "+dev.GatewayConfigEnv+": "+err.Error(), "it is started by sdev up")
	}
	address := "127.0.0.1" + cfg.Listen
	if to == session.TunnelToProvider {
		address = net.JoinHostPort("127.0.0.1", strconv.Itoa(cfg.ProviderPort))
	}
	return tunnel.Serve(ctx, carrier{a.In, a.Out}, address)
}

// carrier is what a command reads and writes. Its input ends with the process.
type carrier struct {
	io.Reader
	io.Writer
}

// Close ends a read that waits: a pipe can be closed under one.
func (c carrier) Close() error {
	if f, ok := c.Reader.(*os.File); ok {
		return f.Close()
	}
	return nil
}
