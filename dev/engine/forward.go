package engine

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"

	"sdev/dev"
)

// refusalsBeforeForward is how many connections in a row the published port must refuse, while gateway and app run,
// until sdev concludes that the engine publishes ports on another machine.
const refusalsBeforeForward = 3

// dialPage connects to an address of this machine. Browsers lead every name that ends in .localhost there (RFC 6761); the
// resolvers of systems often do not know those names.
func dialPage(ctx context.Context, network, address string) (net.Conn, error) {
	if name, port, err := net.SplitHostPort(address); err == nil && strings.HasSuffix(name, ".localhost") {
		address = net.JoinHostPort("localhost", port)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// isRefused reports whether a connection to the page's address is refused, because no process listens there.
func isRefused(ctx context.Context, page string) bool {
	u, err := url.Parse(page)
	if err != nil {
		return false
	}
	conn, err := dialPage(ctx, "tcp", u.Host)
	if err != nil {
		return dev.IsRefused(err)
	}
	_ = conn.Close()
	return false
}

// forwardHere requests that the supervisor forwards ports of the engine's machine to this one. Without a supervisor
// nothing could keep the forwarding up, so forwardHere returns an error then.
func (e *Engine) forwardHere(run Running) error {
	if e.forward == nil {
		return &dev.Error{Code: dev.CodeEngineFar, Exit: dev.ExitFailed,
			Message: fmt.Sprintf("the engine (%s) publishes port %d on its own machine, and this machine cannot reach it there", run.Project.Host, run.Port),
			Hint:    "run sdev up without --detach: while it runs, it forwards the port to this machine"}
	}
	e.forward(Ports{App: run.Port, Provider: run.providerPort})
	return nil
}

// String is the subject and verb of a sentence about the ports: "port 8501 is", "ports 8501 and 8601 are".
func (p Ports) String() string {
	if p.Provider == 0 {
		return fmt.Sprintf("port %d is", p.App)
	}
	return fmt.Sprintf("ports %d and %d are", p.App, p.Provider)
}

// keepForwarding forwards the ports of the latest request until ctx ends. It owns the goroutine that forwards, and
// waits for it before it starts the next one or returns.
func (s *supervisor) keepForwarding(ctx context.Context, p Project) error {
	stop := func() {}
	defer func() { stop() }()
	current := Ports{}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case ports := <-s.forwards:
			if ports.App == current.App && ports.Provider == current.Provider {
				continue
			}
			stop()
			current = ports
			s.engine.emit(dev.Warning{Code: dev.CodeEngineFar, Message: fmt.Sprintf("the engine (%s) publishes ports on its own machine; %s forwarded to this machine while sdev up runs", p.Host, ports),
				Hint: "nothing needs to be done"})
			work, cancel := context.WithCancel(ctx)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				if err := s.engine.Gateway.Forward(work, p, ports); err != nil && work.Err() == nil {
					failure := dev.AsError(err)
					s.engine.emit(dev.Warning{Code: failure.Code, Message: failure.Error(), Hint: failure.Hint})
				}
			}()
			stop = func() { cancel(); <-ended }
		}
	}
}
