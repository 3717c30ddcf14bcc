package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"

	"golang.org/x/sync/errgroup"

	"sdev/dev"
	"sdev/dev/docker"
	"sdev/dev/engine"
	"sdev/dev/tunnel"
)

// bring is engine.Engine's Bring: the near ends of tunnels whose far ends are commands in the
// gateway's container.
func bring(e *docker.Engine) func(context.Context, engine.Project, engine.Ports) error {
	return func(ctx context.Context, p engine.Project, ports engine.Ports) error {
		group, ctx := errgroup.WithContext(ctx)
		near := func(port int, to string) error {
			var lc net.ListenConfig
			l, err := lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
			if err != nil {
				return &dev.Error{Code: dev.CodePortTaken, Exit: dev.ExitFailed, Cause: err, Message: fmt.Sprintf("port %d of this machine is taken", port), Hint: "choose another with --port"}
			}
			return tunnel.Near(ctx, l, func(ctx context.Context) (io.ReadWriteCloser, error) {
				return e.Stream(ctx, gatewayName(p.Name, p.Gateway), false, "/sdev", "gateway", "tunnel", to)
			})
		}
		group.Go(func() error { return near(ports.App, tunnelToApp) })
		if ports.Identity != 0 {
			group.Go(func() error { return near(ports.Identity, tunnelToProvider) })
		}
		return group.Wait()
	}
}

// Where a tunnel leads.
const (
	tunnelToApp      = "app"
	tunnelToProvider = "provider"
)

// runTunnel is the far end. What it leads to is one of the gateway's own places, or a port.
func (a *app) runTunnel(ctx context.Context, to string) error {
	if _, err := strconv.ParseUint(to, 10, 16); err == nil {
		return tunnel.Far(ctx, carrier{a.In, a.Out}, net.JoinHostPort("127.0.0.1", to))
	}
	var cfg dev.Sidecar
	if err := json.Unmarshal([]byte(a.Getenv(dev.SidecarEnv)), &cfg); err != nil {
		return usage("sdev gateway tunnel reads what it leads to from "+dev.SidecarEnv+": "+err.Error(), "it is started by sdev up")
	}
	address := "127.0.0.1" + cfg.Listen
	if to == tunnelToProvider {
		address = net.JoinHostPort("127.0.0.1", strconv.Itoa(cfg.Identity))
	}
	return tunnel.Far(ctx, carrier{a.In, a.Out}, address)
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
