package docker

import (
	"context"
	"os"

	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"
)

// MinAPI is the oldest engine API that sdev works with: Docker 20.10.
const MinAPI = "1.41"

// Engine is a container engine that answers.
type Engine struct {
	api     *client.Client
	version string               // of the API, as negotiated
	builder build.BuilderVersion // which the engine says it has; "" where it says nothing
	getenv  func(string) string
}

// Open connects to the engine that the docker command would use, and agrees on an API version. The
// caller closes it.
func Open(ctx context.Context) (*Engine, error) {
	opts, err := clientOptions()
	if err != nil {
		return nil, err
	}
	api, err := client.NewClientWithOpts(append(opts, client.WithAPIVersionNegotiation())...)
	if err != nil {
		return nil, unreachable("", err)
	}
	ping, err := api.Ping(ctx)
	if err != nil {
		_ = api.Close()
		return nil, unreachable(api.DaemonHost(), err)
	}
	if versions.LessThan(ping.APIVersion, MinAPI) {
		_ = api.Close()
		return nil, tooOld(api.DaemonHost(), ping.APIVersion)
	}
	api.NegotiateAPIVersionPing(ping)
	return &Engine{api: api, version: ping.APIVersion, builder: ping.BuilderVersion, getenv: os.Getenv}, nil
}

// Close lets go of the connection.
func (e *Engine) Close() error { return e.api.Close() }

// Host is the address of the engine, for people.
func (e *Engine) Host() string { return e.api.DaemonHost() }
