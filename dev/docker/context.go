package docker

import (
	"fmt"
	"os"
	"path/filepath"

	dockerconfig "github.com/docker/cli/cli/config"
	dockercontext "github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	"github.com/docker/docker/client"

	"sdev/dev"
)

// clientOptions says where the engine is, as the docker command finds it: DOCKER_HOST, else the
// context that DOCKER_CONTEXT names, else the one that "docker context use" chose, else the usual
// socket.
func clientOptions() ([]client.Opt, error) {
	dir := os.Getenv(dockerconfig.EnvOverrideConfigDir)
	if dir == "" {
		dir = dockerconfig.Dir()
	}
	name := os.Getenv("DOCKER_CONTEXT")
	if name == "" {
		// A file that cannot be read chooses nothing: the docker command takes it that way too.
		if file, err := dockerconfig.Load(dir); err == nil {
			name = file.CurrentContext
		}
	}
	const usual = "default" // the context that stands for the environment and the usual socket
	if os.Getenv(client.EnvOverrideHost) != "" || name == "" || name == usual {
		return []client.Opt{client.FromEnv}, nil
	}
	settings := store.NewConfig(func() any { return &map[string]any{} },
		store.EndpointTypeGetter(dockercontext.DockerEndpoint, func() any { return &dockercontext.EndpointMeta{} }))
	contexts := store.New(filepath.Join(dir, "contexts"), settings)
	opts, err := contextOptions(contexts, name)
	if err != nil {
		return nil, &dev.Error{Code: dev.CodeEngineUnreachable, Exit: dev.ExitEngine, Cause: err,
			Message: fmt.Sprintf("docker context %q cannot be used: %v", name, err), Hint: "see: docker context ls (or unset DOCKER_CONTEXT)"}
	}
	return append(opts, client.WithVersionFromEnv()), nil
}

func contextOptions(contexts store.Reader, name string) ([]client.Opt, error) {
	meta, err := contexts.GetMetadata(name)
	if err != nil {
		return nil, err
	}
	place, err := dockercontext.EndpointFromContext(meta)
	if err != nil {
		return nil, err
	}
	endpoint, err := dockercontext.WithTLSData(contexts, name, place)
	if err != nil {
		return nil, err
	}
	return endpoint.ClientOpts()
}
