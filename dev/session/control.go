package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"golang.org/x/sync/errgroup"

	"sdev/dev"
	"sdev/dev/awslocal"
	"sdev/dev/engine"
	"sdev/dev/gateway"
	"sdev/dev/plan"
	"sdev/dev/tunnel"
)

// gatewayName is the name of a project's gateway container.
func gatewayName(project, service string) string {
	return plan.ContainerName(project, types.ServiceConfig{Name: service})
}

// call sends a request to the gateway in a container and returns its answer. It runs the gateway's program there, which
// passes the request on to the control socket. The request goes over standard input, because other users can see the
// arguments of a process.
func call(ctx context.Context, r Runner, container string, req gateway.Request) (gateway.Status, error) {
	line, err := json.Marshal(req)
	if err != nil {
		return gateway.Status{}, err
	}
	var out, errs bytes.Buffer
	code, err := r.Run(ctx, plan.Exec{Container: container, Command: dev.GatewayCommand(dev.GatewayProgram, dev.GatewayCall), In: bytes.NewReader(line), Out: &out, Err: &errs})
	if err != nil {
		return gateway.Status{}, err
	}
	var status gateway.Status
	if err := json.Unmarshal(out.Bytes(), &status); code != 0 || err != nil {
		return status, &dev.Error{Code: dev.CodeGateway, Exit: dev.ExitFailed, Message: fmt.Sprintf("the gateway in container %s does not answer (exit code %d): %s", container, code, strings.TrimSpace(errs.String())),
			Hint: "recreate it: sdev down, then sdev up"}
	}
	if f := status.Refused; f != nil {
		return status, f.Err()
	}
	return status, nil
}

// gatewayLink implements [engine.Gateway] with requests to the gateway's control socket. It is safe for concurrent use.
type gatewayLink struct {
	exec   Execer
	config gatewayConfig
	onHost bool // the gateway is a process of this machine
}

func (l *gatewayLink) call(ctx context.Context, p engine.Project, req gateway.Request) (gateway.Status, error) {
	return call(ctx, l.exec, gatewayName(p.Name, p.Gateway), req)
}

// Announce implements [engine.Gateway].
func (l *gatewayLink) Announce(ctx context.Context, p engine.Project, a dev.Announcement) {
	_, _ = l.call(ctx, p, gateway.Request{Do: gateway.DoAnnounce, Announce: a}) // best effort: it only improves the hold page and the next report
}

// Configure implements [engine.Gateway]. The configuration that it sends expires with the AWS keys.
func (l *gatewayLink) Configure(ctx context.Context, p engine.Project) (time.Time, error) {
	list := l.config.requests(p)
	if len(list) == 0 && l.onHost {
		list = append(list, gateway.Request{Do: gateway.DoStatus}) // a process may not have got its ports
	}
	for _, req := range list {
		if _, err := l.call(ctx, p, req); err != nil {
			return time.Time{}, err
		}
	}
	l.config.pushed()
	if l.config.aws == nil {
		return time.Time{}, nil
	}
	keys, err := l.config.aws.next(ctx)
	if err != nil {
		return time.Time{}, err
	}
	grant := awslocal.Grant{Authorization: l.config.project.AWSToken(), Keys: keys}
	if _, err := l.call(ctx, p, gateway.Request{Do: gateway.DoGrant, Grant: grant}); err != nil {
		return time.Time{}, err
	}
	return keys.Expires, nil
}

// saved reports saves that this machine noticed.
func (l *gatewayLink) saved(ctx context.Context, p engine.Project, s gateway.Saved) error {
	_, err := l.call(ctx, p, gateway.Request{Do: gateway.DoSaved, Saved: s})
	return err
}

// probeInterval is the pause between two writes of the probe's file.
const probeInterval = 25 * time.Millisecond

// ProbeMount implements [engine.Gateway]. It writes a file repeatedly until the gateway has answered, because the
// gateway notices only writes that happen after it has begun to watch.
func (l *gatewayLink) ProbeMount(ctx context.Context, p engine.Project) (engine.MountProbe, error) {
	name := "look-" + strconv.Itoa(os.Getpid())
	file := filepath.Join(p.StateDir, name)
	type answer struct {
		status gateway.Status
		err    error
	}
	answered := make(chan answer, 1)
	if err := dev.WriteFile(file, nil, 0o600); err != nil {
		return engine.MountProbe{}, err
	}
	defer func() { _ = os.Remove(file) }() // a leftover does no harm
	go func() {
		st, err := l.call(ctx, p, gateway.Request{Do: gateway.DoProbe, Probe: name})
		answered <- answer{st, err}
	}()
	writes := time.NewTicker(probeInterval)
	defer writes.Stop()
	for {
		select {
		case a := <-answered:
			return engine.MountProbe(a.status.Probe), a.err
		case now := <-writes.C:
			if err := dev.WriteFile(file, []byte(now.String()), 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
				a := <-answered
				return engine.MountProbe(a.status.Probe), errors.Join(a.err, err)
			}
		}
	}
}

// Forward implements [engine.Gateway]. It listens on ports of this machine and tunnels the connections to commands in
// the gateway's container.
func (l *gatewayLink) Forward(ctx context.Context, p engine.Project, ports engine.Ports) error {
	group, ctx := errgroup.WithContext(ctx)
	forward := func(port int, to string) error {
		var lc net.ListenConfig
		listener, err := lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return &dev.Error{Code: dev.CodePortTaken, Exit: dev.ExitFailed, Cause: err, Message: fmt.Sprintf("port %d of this machine is taken", port), Hint: "choose another with --port"}
		}
		return tunnel.Forward(ctx, listener, func(ctx context.Context) (io.ReadWriteCloser, error) {
			return l.exec.Stream(ctx, gatewayName(p.Name, p.Gateway), false, dev.GatewayCommand(dev.GatewayProgram, dev.GatewayTunnel, to)...)
		})
	}
	group.Go(func() error { return forward(ports.App, dev.TunnelToApp) })
	if ports.Provider != 0 {
		group.Go(func() error { return forward(ports.Provider, dev.TunnelToProvider) })
	}
	return group.Wait()
}
