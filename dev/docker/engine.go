package docker

import (
	"context"
	"crypto/tls"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"

	"sdev/dev/plan"
)

// MinAPI is the oldest engine API that sdev works with: Docker 20.10.
const MinAPI = "1.41"

// Engine is a connection to a container engine.
type Engine struct {
	api      *client.Client
	endpoint Endpoint
	builder  build.BuilderVersion // the builder that the engine reports; "" if none
	route    plan.HostRoute
	getenv   func(string) string

	newestAPI string      // the newest API that the engine has, which may be newer than the negotiated one
	tls       *tls.Config // for an address with TLS; nil without

	machine  sync.Mutex     // guards told and rootless
	told     *types.Version // see Engine.version; nil before its first call
	rootless *bool          // see Engine.Rootless; nil before its first call

	mountPoints sync.Mutex // held while mount points are created, see withMountPoints
}

// Open connects to the engine that the docker command would use, and negotiates an API version. contextName is a
// docker context, as with "docker --context"; "" leaves the choice to the environment. If nothing is chosen and
// the default socket does not answer, Open tries other known sockets. It times out after some seconds. The caller
// closes the engine.
func Open(ctx context.Context, contextName string) (*Engine, error) {
	return newFinder().open(ctx, contextName)
}

func (f finder) open(ctx context.Context, contextName string) (*Engine, error) {
	candidates, err := f.candidates(contextName)
	if err != nil {
		return nil, err
	}
	var failures []failure
	for _, c := range candidates {
		e, err := f.try(ctx, c)
		if err == nil {
			return e, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		failures = append(failures, failure{c.Endpoint, err})
	}
	return nil, f.on.unreachable(failures)
}

// Limits for an engine's first answer: it may take many seconds under load or behind SSH.
const (
	openTimeout    = 30 * time.Second
	openTimeoutSSH = 45 * time.Second
)

func (f finder) try(ctx context.Context, c candidate) (*Engine, error) {
	limit := openTimeout
	if strings.HasPrefix(c.Host, "ssh://") {
		limit = openTimeoutSSH
	}
	if f.timeout > 0 {
		limit = f.timeout
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := ping(bounded, c.Host); err != nil {
		return nil, err
	}
	e := &Engine{getenv: os.Getenv}
	api, err := client.NewClientWithOpts(append(c.opts, client.WithAPIVersionNegotiation(), keepTLS(&e.tls))...)
	if err != nil {
		return nil, err
	}
	ping, err := api.Ping(bounded)
	if err != nil {
		_ = api.Close()
		return nil, err
	}
	if versions.LessThan(ping.APIVersion, MinAPI) {
		_ = api.Close()
		return nil, tooOld(c.Host, ping.APIVersion)
	}
	api.NegotiateAPIVersionPing(ping)
	if c.API = api.ClientVersion(); versions.LessThan(c.API, MinAPI) {
		_ = api.Close()
		return nil, tooLow(c.API)
	}
	e.api, e.endpoint, e.builder, e.newestAPI = api, c.Endpoint, ping.BuilderVersion, ping.APIVersion
	e.route = f.hostRoute(c.Host)
	return e, nil
}

// Close closes the connection.
func (e *Engine) Close() error { return e.api.Close() }

// Endpoint is the engine's address and what chose it.
func (e *Engine) Endpoint() Endpoint { return e.endpoint }

// version returns what the engine says about itself and its machine. It asks once.
func (e *Engine) version(ctx context.Context) (types.Version, error) {
	e.machine.Lock()
	defer e.machine.Unlock()
	if e.told != nil {
		return *e.told, nil
	}
	v, err := e.api.ServerVersion(ctx)
	if err != nil {
		return v, engineError("ask the container engine for its version and platform", err)
	}
	e.told = &v
	return v, nil
}

// HostRoute says how containers of the engine reach programs on this machine.
func (e *Engine) HostRoute() plan.HostRoute { return e.route }
