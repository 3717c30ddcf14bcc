package gateway

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// fronts knows the proxies that the project itself runs in front of the app: an nginx, a Traefik. They pass on the host
// name that the browser requested, such as localhost:8080, which is none of the app's own names.
//
// Two things have to hold, so that DNS rebinding still fails. The request comes from the container of another service of
// the project; a browser on this machine never does, not even through a published port: there it comes from the
// network's own address. And the name is one that nobody can rebind, because the browser could be misled to the proxy's
// port as well: localhost, a name below it, a loopback address, a service of the project, or a name that x-sdev.origins
// lists.
type fronts struct {
	services []string // the other services of the project
	ports    []string // the ports of this machine that they publish
	listed   []string // x-sdev.origins
	resolve  func(ctx context.Context, name string) ([]netip.Addr, error)

	mu    sync.Mutex // guards the fields below
	addrs map[netip.Addr]bool
	asked time.Time
}

// How long to rely on the addresses of services, and to wait for them. A proxy that was restarted may have a new one.
const (
	addressesFor = 2 * time.Second
	resolveFor   = time.Second
)

func newFronts(cfg Config) *fronts {
	f := &fronts{services: cfg.Neighbours, listed: cfg.Origins, resolve: func(ctx context.Context, name string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	}}
	for _, p := range cfg.NeighbourPorts {
		f.ports = append(f.ports, strconv.Itoa(p))
	}
	return f
}

// admits reports whether a request under a name that is not the app's own comes through a proxy of the project.
func (f *fronts) admits(r *http.Request) bool {
	name, _ := splitHost(r.Host)
	return len(f.services) > 0 && f.isSafe(name) && f.isService(r)
}

// isSafe reports whether nobody can make a browser use the name for another machine's page.
func (f *fronts) isSafe(name string) bool {
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || isLoopback(name) || slices.Contains(f.services, name) ||
		slices.ContainsFunc(f.listed, func(origin string) bool { host, _ := originHost(origin); return host == name })
}

// isService reports whether a request comes from the container of a service of the project.
func (f *fronts) isService(r *http.Request) bool {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); now.Sub(f.asked) > addressesFor {
		f.addrs, f.asked = f.lookUp(r.Context()), now
	}
	return f.addrs[from.Addr().Unmap()]
}

// lookUp asks the engine's name server for the addresses of all services.
func (f *fronts) lookUp(ctx context.Context) map[netip.Addr]bool {
	ctx, cancel := context.WithTimeout(ctx, resolveFor)
	defer cancel()
	found := make([][]netip.Addr, len(f.services))
	var all sync.WaitGroup
	for i, name := range f.services {
		all.Go(func() { found[i], _ = f.resolve(ctx, name) }) // a service that does not run has no address
	}
	all.Wait()
	addrs := map[netip.Addr]bool{}
	for _, list := range found {
		for _, a := range list {
			if a = a.Unmap(); !a.IsLoopback() {
				addrs[a] = true
			}
		}
	}
	return addrs
}

// isOwn reports whether an origin is that of the proxy by which a request came. Proxies often drop the port from the
// Host header, so the origin's port may also be one that the project's services publish.
func (f *fronts) isOwn(origin string, r *http.Request) bool {
	name, port := splitHost(r.Host)
	host, at := originHost(origin)
	return host != "" && host == name && f.isSafe(name) && (at == port || slices.Contains(f.ports, at))
}

// originHost splits an origin into host name and port; "" if it is not one of a web page.
func originHost(origin string) (name, port string) {
	u, err := url.Parse(strings.ToLower(origin))
	if err != nil {
		return "", ""
	}
	switch port = u.Port(); {
	case u.Scheme != "http" && u.Scheme != "https":
		return "", ""
	case port == "" && u.Scheme == "http":
		port = "80"
	case port == "":
		port = "443"
	}
	return u.Hostname(), port
}

// frontKey is the context key for a request that came through a proxy of the project.
type frontKey struct{}

func withFront(ctx context.Context) context.Context {
	return context.WithValue(ctx, frontKey{}, true)
}

func isFront(ctx context.Context) bool {
	front, _ := ctx.Value(frontKey{}).(bool)
	return front
}
