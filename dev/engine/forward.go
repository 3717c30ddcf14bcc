package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"syscall"

	"sdev/dev"
)

// refusalsBeforeForward is how many times in a row the published port must refuse a connection, although
// gateway and app run, before the port counts as published on another machine.
const refusalsBeforeForward = 3

// isRefused reports whether nobody listens where a page should be.
func isRefused(ctx context.Context, page string) bool {
	u, err := url.Parse(page)
	if err != nil {
		return false
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return errors.Is(err, syscall.ECONNREFUSED)
	}
	_ = conn.Close()
	return false
}

// forwardHere asks for the forwarding of ports that the engine publishes on another machine. Where
// nobody supervises the project, nobody could keep it up, and that is an error.
func (e *Engine) forwardHere(run Running) error {
	if e.forward == nil {
		return &dev.Error{Code: dev.CodeEngineFar, Exit: dev.ExitFailed,
			Message: fmt.Sprintf("the engine (%s) publishes port %d on its own machine, where this one does not reach it", run.Project.Host, run.Port),
			Hint:    "leave --detach out: while sdev up stays, the page is brought here"}
	}
	e.forward(Ports{App: run.Port, Provider: run.providerPort})
	return nil
}

// String names the ports in a sentence.
func (p Ports) String() string {
	if p.Provider == 0 {
		return fmt.Sprintf("port %d is", p.App)
	}
	return fmt.Sprintf("ports %d and %d are", p.App, p.Provider)
}

// keepForwarding forwards ports from the first request on. Ports that are requested later replace
// those before.
func (a *supervisor) keepForwarding(ctx context.Context, p Project) error {
	stop := func() {}
	defer func() { stop() }()
	current := Ports{}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case ports := <-a.forwards:
			if ports == current {
				continue
			}
			stop()
			current = ports
			a.engine.emit(dev.Warning{Code: dev.CodeEngineFar, Message: fmt.Sprintf("the engine (%s) publishes ports on its own machine; %s forwarded to this machine while sdev up runs", p.Host, ports),
				Hint: "nothing needs to be done"})
			work, cancel := context.WithCancel(ctx)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				if err := a.engine.Gateway.Forward(work, p, ports); err != nil && work.Err() == nil {
					said := dev.AsError(err)
					a.engine.emit(dev.Warning{Code: said.Code, Message: said.Error(), Hint: said.Hint})
				}
			}()
			stop = func() { cancel(); <-ended }
		}
	}
}
