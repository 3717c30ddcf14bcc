package cli

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"sdev/dev"
	"sdev/dev/session"
	"sdev/dev/tunnel"
)

// tunnelOptions are the arguments of "sdev gateway tunnel".
type tunnelOptions struct {
	to string // a port, or session.TunnelToApp or TunnelToProvider
}

func (a *commands) newTunnelCmd(run func(context.Context, tunnelOptions) error) *cobra.Command {
	return &cobra.Command{
		Use: "tunnel TO", Short: "Carry connections on standard input and output to the app's origin or the provider's", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), tunnelOptions{to: args[0]})
		},
	}
}

// runTunnel is the end of a tunnel inside the container. It connects to the app's origin, to the provider, or to a port.
func (a *commands) runTunnel(ctx context.Context, o tunnelOptions) error {
	if _, err := strconv.ParseUint(o.to, 10, 16); err == nil {
		return tunnel.Serve(ctx, commandConn{a.In, a.Out}, net.JoinHostPort("127.0.0.1", o.to))
	}
	var cfg dev.GatewayConfig
	if err := json.Unmarshal([]byte(a.Getenv(dev.GatewayConfigEnv)), &cfg); err != nil {
		return dev.UsageError("sdev gateway tunnel cannot read its ports from "+dev.GatewayConfigEnv+": "+err.Error(), "it is started by sdev up")
	}
	address := "127.0.0.1" + cfg.Listen
	if o.to == session.TunnelToProvider {
		address = net.JoinHostPort("127.0.0.1", strconv.Itoa(cfg.ProviderPort))
	}
	return tunnel.Serve(ctx, commandConn{a.In, a.Out}, address)
}

// commandConn joins the input and output of a command into one connection.
type commandConn struct {
	io.Reader
	io.Writer
}

// Close ends a pending read. That works for a pipe, which is what the input is here.
func (c commandConn) Close() error {
	if f, ok := c.Reader.(*os.File); ok {
		return f.Close()
	}
	return nil
}
