package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"sdev/dev"
	"sdev/dev/plan"
)

// portTries is how many numbers above the wanted port are tried.
const portTries = 100

// FirstProviderPort is the first number that is tried for the local provider.
const FirstProviderPort = 8601

// LastPorts are those of the last up below a state directory, where the project's files name the port that
// they named then; 0 where that is not known.
func LastPorts(stateDir string, named int) Ports {
	m := loadState(stateDir)
	ports := Ports{App: m.Port, Provider: m.ProviderPort}
	if m.Named != named {
		ports.App = 0
	}
	return ports
}

// ports chooses the ports of this machine that the project has.
func (e *Engine) ports(ctx context.Context, p Project, have plan.Observed, memory *savedState) (Ports, error) {
	app, err := e.port(ctx, p, have, memory)
	if err != nil {
		return Ports{}, err
	}
	provider, err := e.chooseProviderPort(ctx, p, app, have, memory)
	return Ports{App: app, Provider: provider}, err
}

// chooseProviderPort chooses the local provider's port: the one in use if the project runs, else the one
// remembered, else the next free one. It is part of every address that was registered somewhere, so
// that it is worth a word when it differs from the usual one, or from the one before.
func (e *Engine) chooseProviderPort(ctx context.Context, p Project, app int, have plan.Observed, memory *savedState) (int, error) {
	current := published(p, have, dev.LabelProvider)
	usable := func(port int) bool {
		return port != app && !slices.Contains(p.Reserved, port) && (port == current || free(ctx, port))
	}
	for _, port := range []int{current, memory.ProviderPort} {
		if port != 0 && usable(port) {
			memory.ProviderPort = port
			return port, nil
		}
	}
	wanted := FirstProviderPort
	if memory.ProviderPort != 0 {
		wanted = memory.ProviderPort
	}
	for port := FirstProviderPort; port < FirstProviderPort+portTries; port++ {
		if !usable(port) {
			continue
		}
		if port != wanted && p.Mode.SignsIn() && !slices.Contains(p.Reserved, wanted) && wanted != app {
			e.emit(dev.Warning{Code: dev.CodePortMoved, Message: fmt.Sprintf("port %d is taken by %s; people sign in at port %d", wanted, e.owner(ctx, wanted), port),
				Hint: "programs outside sdev that use the local provider have to know: sdev auth env"})
		}
		memory.ProviderPort = port
		return port, nil
	}
	return 0, takenError(wanted, e.owner(ctx, wanted), nil)
}

// port chooses the host port of the app's origin: the one asked for by flag, else the one in use
// if the project runs, else the one remembered or the usual one, else the next free one. Project
// files that ask for another port than before end what is in use and what is remembered. A port
// from a flag is not remembered.
func (e *Engine) port(ctx context.Context, p Project, have plan.Observed, memory *savedState) (int, error) {
	current := published(p, have, dev.LabelFront)
	available := func(port int) bool { return port == current || free(ctx, port) }
	asBefore := memory.Named == p.PortNamed
	if !asBefore {
		memory.Port, memory.Named = 0, p.PortNamed
	}
	switch {
	case p.PortFixed && available(p.Port):
		return p.Port, nil
	case p.PortFixed:
		return 0, takenError(p.Port, e.owner(ctx, p.Port), nil)
	case current != 0 && asBefore:
		return current, nil
	case memory.Port != 0 && available(memory.Port):
		return memory.Port, nil
	}
	for port := p.Port; port < p.Port+portTries && port < 65536; port++ {
		if !available(port) {
			continue
		}
		if port != p.Port {
			e.emit(dev.Warning{Code: dev.CodePortMoved, Message: fmt.Sprintf("port %d is taken by %s; using %d", p.Port, e.owner(ctx, p.Port), port),
				Hint: fmt.Sprintf("stop it and run: sdev down && sdev up --port %d", p.Port)})
		}
		memory.Port = port
		return port, nil
	}
	return 0, takenError(p.Port, e.owner(ctx, p.Port), nil)
}

func takenError(port int, owner string, cause error) error {
	return &dev.Error{Code: dev.CodePortTaken, Exit: dev.ExitFailed, Cause: cause, Message: fmt.Sprintf("port %d is taken by %s", port, owner),
		Hint: "stop it, or choose another with --port"}
}

// published is the host port that a running gateway of this project holds for what the label names;
// 0 if none does.
func published(p Project, have plan.Observed, label string) int {
	i := slices.IndexFunc(have.Containers, func(c plan.Container) bool { return c.Service == p.Gateway && c.Running })
	if i < 0 || len(have.Containers[i].Ports) == 0 {
		return 0
	}
	inside, ok := have.Containers[i].Labels[label]
	if !ok {
		return 0
	}
	for _, binding := range have.Containers[i].Ports {
		host, _, _ := strings.Cut(binding, "->")
		if n, err := strconv.Atoi(host[strings.LastIndexByte(host, ':')+1:]); err == nil && strings.HasSuffix(binding, "->"+inside) {
			return n
		}
	}
	return 0
}

// free tries to listen. Only a port in use counts as taken: any other refusal is the engine's to
// tell.
func free(ctx context.Context, port int) bool {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return !errors.Is(err, syscall.EADDRINUSE)
	}
	_ = l.Close()
	return true
}

// owner names who listens on a port, as well as can be told.
func (e *Engine) owner(ctx context.Context, port int) string {
	if name := e.Images.PortOwner(ctx, uint16(port)); name != "" {
		return name
	}
	if name := processOn(port); name != "" {
		return name
	}
	return "another program"
}
