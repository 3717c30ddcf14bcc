// Package program is the gateway as a program: its command line, and what each command does. Two executables are this
// program. One is sdev-gateway, which release builds of sdev contain for each architecture. The other is sdev itself,
// with its hidden command "gateway". The command line of both is the same (see dev.GatewayCommand), so a caller need not
// know which of them a container has.
//
// The package starts no goroutines itself. Those of the packages that it calls have ended when [Run] returns.
package program

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"strconv"

	"sdev/dev"
	"sdev/dev/gateway"
	"sdev/dev/mirror"
	"sdev/dev/tunnel"
)

// Streams is what the program uses of the outside world.
type Streams struct {
	In     io.Reader
	Out    io.Writer
	Getenv func(string) string
}

// Run carries out a command line without its first argument, dev.GatewayWord, until the command ends or ctx does.
func Run(ctx context.Context, s Streams, args []string) error {
	switch {
	case len(args) == 0:
		cfg, err := s.config()
		if err != nil {
			return err
		}
		return gateway.Run(ctx, cfg, s.Out)
	case len(args) == 1 && args[0] == dev.GatewayCall:
		return s.call(ctx)
	case len(args) == 1 && args[0] == dev.GatewayReceive:
		return mirror.Receive(s.In, s.Out)
	case len(args) == 2 && args[0] == dev.GatewayTunnel:
		return s.tunnel(ctx, args[1])
	}
	return dev.UsageError(dev.Line("the gateway has no command %v", args), "it is started by sdev up")
}

// config is the gateway's configuration, which is in the container's environment.
func (s Streams) config() (dev.GatewayConfig, error) {
	var cfg dev.GatewayConfig
	if err := json.Unmarshal([]byte(s.Getenv(dev.GatewayConfigEnv)), &cfg); err != nil {
		return cfg, dev.UsageError("the gateway cannot read its configuration from "+dev.GatewayConfigEnv+": "+err.Error(), "it is started by sdev up")
	}
	return cfg, nil
}

func (s Streams) call(ctx context.Context) error {
	var req gateway.Request
	if err := json.NewDecoder(s.In).Decode(&req); err != nil {
		return dev.UsageError("not a request: "+err.Error(), "it is sent by sdev")
	}
	cfg, err := s.config()
	if err != nil {
		return err
	}
	status, err := gateway.Call(ctx, cmp.Or(cfg.Control, dev.GatewaySocket), req)
	if err != nil {
		return err
	}
	return json.NewEncoder(s.Out).Encode(status)
}

// tunnel is the end of a tunnel inside the container. It connects to the app's origin, to the provider, or to a port.
func (s Streams) tunnel(ctx context.Context, to string) error {
	if _, err := strconv.ParseUint(to, 10, 16); err == nil {
		return tunnel.Serve(ctx, conn{s.In, s.Out}, net.JoinHostPort("127.0.0.1", to))
	}
	cfg, err := s.config()
	if err != nil {
		return err
	}
	address := "127.0.0.1" + cfg.Listen
	if to == dev.TunnelToProvider {
		address = net.JoinHostPort("127.0.0.1", strconv.Itoa(cfg.ProviderPort))
	}
	return tunnel.Serve(ctx, conn{s.In, s.Out}, address)
}

// conn joins the input and output of a command into one connection.
type conn struct {
	io.Reader
	io.Writer
}

// Close ends a pending read. That works for a pipe, which is what the input is here.
func (c conn) Close() error {
	if f, ok := c.Reader.(*os.File); ok {
		return f.Close()
	}
	return nil
}
