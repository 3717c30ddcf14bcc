package engine

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"sdev/dev"
	"sdev/dev/plan"
)

// portTries is how many port numbers, from the preferred one upwards, are tried.
const portTries = 100

// FirstProviderPort is the preferred port of the local provider.
const FirstProviderPort = 8601

// LastPorts returns the ports of the last up, from the project's state directory; 0 if unknown. It forgets the
// app's port if the project's files named another port then than named.
func LastPorts(stateDir string, named int) Ports {
	state := loadState(stateDir)
	ports := Ports{App: state.Port, Provider: state.ProviderPort}
	if state.Named != named {
		ports.App = 0
	}
	return ports
}

// LastMoved returns the ports that the last up gave to services in place of their own, from the project's state directory.
func LastMoved(stateDir string, separate []dev.PublishedPort) map[dev.PublishedPort]int {
	saved, moved := loadState(stateDir).Moved, map[dev.PublishedPort]int{}
	for _, p := range separate {
		if port := saved[keyOf(p)]; port != 0 {
			moved[p] = port
		}
	}
	return moved
}

// ports chooses the ports of this machine that the project uses.
func (e *Engine) ports(ctx context.Context, p Project, reserved []int, have plan.Observed, state *savedState) (Ports, error) {
	app, err := e.appPort(ctx, p, reserved, have, state)
	if err != nil {
		return Ports{}, err
	}
	provider, err := e.providerPort(ctx, p, app, reserved, have, state)
	if err != nil {
		return Ports{}, err
	}
	moved, err := e.movedPorts(ctx, p, append([]int{app, provider}, reserved...), have, state)
	return Ports{App: app, Provider: provider, Moved: moved}, err
}

// movedPorts chooses ports for the services whose own ones belong to another checkout, whether that runs now or not: the
// port that the running service uses, else the saved one, else the next free one.
func (e *Engine) movedPorts(ctx context.Context, p Project, taken []int, have plan.Observed, state *savedState) (map[dev.PublishedPort]int, error) {
	if len(p.Separate) == 0 {
		return nil, nil
	}
	moved, saved := map[dev.PublishedPort]int{}, map[string]int{}
	for _, want := range p.Separate {
		current := p.currentPorts(want, have)
		usable := func(port int) bool {
			return port > 0 && port < 65536 && port != want.Port && !slices.Contains(taken, port) && (slices.Contains(current, port) || isFree(ctx, port))
		}
		before := state.Moved[keyOf(want)]
		port := before
		for next := want.Port + 1; !usable(port); next++ {
			if port = next; next > want.Port+portTries {
				return nil, &dev.Error{Code: dev.CodePortTaken, Exit: dev.ExitFailed,
					Message: fmt.Sprintf("service %s needs a port of its own in this checkout, and none from %d to %d is free", want.Service, want.Port+1, want.Port+portTries),
					Hint:    "free one of them, or write another port for this checkout into compose.override.yaml"}
			}
		}
		if port != before {
			e.emit(dev.Warning{Code: dev.CodePortMoved, Message: fmt.Sprintf("service %s is at port %d here: %d is for the first checkout", want.Service, port, want.Port),
				Hint: fmt.Sprintf("programs of this machine reach it at 127.0.0.1:%d; for containers nothing changes", port)})
		}
		moved[want], saved[keyOf(want)] = port, port
		taken = append(taken, port)
	}
	state.Moved = saved
	return moved, nil
}

// keyOf is a port's key in the saved state.
func keyOf(p dev.PublishedPort) string {
	return fmt.Sprintf("%s %d:%d/%s", p.Service, p.Port, p.Target, p.Protocol)
}

// currentPorts are the ports at which a service is published now. The gateway publishes those of the app.
func (p Project) currentPorts(want dev.PublishedPort, have plan.Observed) (ports []int) {
	suffix := fmt.Sprintf("->%d/%s", want.Target, want.Protocol)
	for _, c := range have.Containers {
		if !c.Running || c.Service != want.Service && (want.Service != p.App || c.Service != p.Gateway) {
			continue
		}
		for _, binding := range c.Ports {
			if n := hostPort(binding); n != 0 && strings.HasSuffix(binding, suffix) {
				ports = append(ports, n)
			}
		}
	}
	return ports
}

// providerPort chooses the local provider's port: the one that the running project uses, else the saved one, else
// the next free one. Client registrations contain this port, so providerPort warns if people sign in and the port
// is not the expected one.
func (e *Engine) providerPort(ctx context.Context, p Project, app int, reserved []int, have plan.Observed, state *savedState) (int, error) {
	current := publishedPort(p, have, dev.LabelProvider)
	usable := func(port int) bool {
		return port != app && !slices.Contains(reserved, port) && (port == current || isFree(ctx, port))
	}
	for _, port := range []int{current, state.ProviderPort} {
		if port != 0 && usable(port) {
			state.ProviderPort = port
			return port, nil
		}
	}
	wanted := FirstProviderPort
	if state.ProviderPort != 0 {
		wanted = state.ProviderPort
	}
	for port := FirstProviderPort; port < FirstProviderPort+portTries; port++ {
		if !usable(port) {
			continue
		}
		if port != wanted && p.Mode.SignsIn() && !slices.Contains(reserved, wanted) && wanted != app {
			e.emit(dev.Warning{Code: dev.CodePortMoved, Message: fmt.Sprintf("port %d is taken by %s; people sign in at port %d", wanted, e.portOwner(ctx, wanted), port),
				Hint: "update programs outside sdev that use the local provider: sdev auth env"})
		}
		state.ProviderPort = port
		return port, nil
	}
	return 0, takenError(wanted, e.portOwner(ctx, wanted), nil)
}

// appPort chooses the host port of the app's origin: the one from the flag, else the one that the running project
// uses, else the saved or preferred one, else the next free one. If the project's files name another port than at
// the last up, neither the used nor the saved one counts. A port from the flag is not saved. The next free one is none that
// another service of the project publishes.
func (e *Engine) appPort(ctx context.Context, p Project, reserved []int, have plan.Observed, state *savedState) (int, error) {
	current := publishedPort(p, have, dev.LabelFront)
	available := func(port int) bool { return port == current || publishes(have, p.App, port) || isFree(ctx, port) }
	asBefore := state.Named == p.PortNamed
	if !asBefore {
		state.Port, state.Named = 0, p.PortNamed
	}
	switch {
	case p.PortFixed && available(p.Port):
		return p.Port, nil
	case p.PortFixed:
		return 0, takenError(p.Port, e.portOwner(ctx, p.Port), nil)
	case current != 0 && asBefore:
		return current, nil
	case state.Port != 0 && available(state.Port):
		return state.Port, nil
	}
	for port := p.Port; port < p.Port+portTries && port < 65536; port++ {
		if port != p.Port && slices.Contains(reserved, port) || !available(port) {
			continue
		}
		if port != p.Port {
			e.emit(dev.Warning{Code: dev.CodePortMoved, Message: fmt.Sprintf("port %d is taken by %s; using %d", p.Port, e.portOwner(ctx, p.Port), port),
				Hint: fmt.Sprintf("stop it and run: sdev down && sdev up --port %d", p.Port)})
		}
		state.Port = port
		return port, nil
	}
	return 0, takenError(p.Port, e.portOwner(ctx, p.Port), nil)
}

func takenError(port int, owner string, cause error) error {
	return &dev.Error{Code: dev.CodePortTaken, Exit: dev.ExitFailed, Cause: cause, Message: fmt.Sprintf("port %d is taken by %s", port, owner),
		Hint: "stop it, or choose another port with --port"}
}

// hostPort is the host's port in a binding such as "127.0.0.1:8501->8501/tcp"; 0 if it names none.
func hostPort(binding string) int {
	host, _, _ := strings.Cut(binding, "->")
	n, err := strconv.Atoi(host[strings.LastIndexByte(host, ':')+1:])
	if err != nil {
		return 0
	}
	return n
}

// publishedPort is the host port of the running gateway for the container port that the label names; 0 if there is
// none.
func publishedPort(p Project, have plan.Observed, label string) int {
	i := slices.IndexFunc(have.Containers, func(c plan.Container) bool { return c.Service == p.Gateway && c.Running })
	if i < 0 || len(have.Containers[i].Ports) == 0 {
		return 0
	}
	inside, ok := have.Containers[i].Labels[label]
	if !ok {
		return 0
	}
	for _, binding := range have.Containers[i].Ports {
		if n := hostPort(binding); n != 0 && strings.HasSuffix(binding, "->"+inside) {
			return n
		}
	}
	return 0
}

// publishes reports whether a service's own container has a port of this machine: one that ran beside another app, and
// is now to be the app itself.
func publishes(have plan.Observed, service string, port int) bool {
	return slices.ContainsFunc(have.Containers, func(c plan.Container) bool {
		return c.Service == service && c.Running && slices.ContainsFunc(c.Ports, func(binding string) bool {
			host, _, _ := strings.Cut(binding, "->")
			return host[strings.LastIndexByte(host, ':')+1:] == strconv.Itoa(port)
		})
	})
}

// isFree tries to listen on a port. Only a port in use counts as taken: the engine reports any other failure
// itself.
func isFree(ctx context.Context, port int) bool {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return !dev.IsAddressTaken(err)
	}
	_ = l.Close()
	return true
}

// portOwner names the container or process that listens on a port, as far as it can be found out.
func (e *Engine) portOwner(ctx context.Context, port int) string {
	if name := e.Images.PortOwner(ctx, uint16(port)); name != "" {
		return name
	}
	if name := processOn(port); name != "" {
		return name
	}
	return "another program"
}
