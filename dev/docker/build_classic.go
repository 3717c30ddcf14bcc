package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/registry"

	"sdev/dev"
)

// buildClassic builds with the classic builder. Docker's supports no mounts, no secrets and no SSH: buildClassic
// refuses a build that needs them before it sends anything. See sendPodman for podman's, which has the same API.
func (e *Engine) buildClassic(ctx context.Context, r *recipe, emit func(dev.Event)) error {
	podman, err := e.podman(ctx)
	if err != nil {
		return err
	}
	check, send := r.checkClassic, e.sendClassic
	if podman {
		check, send = r.checkPodman, e.sendPodman
	}
	if err := check(); err != nil {
		return err
	}
	options, err := e.classicOptions(ctx, r)
	if err != nil {
		return err
	}
	var secrets map[string]string
	if podman {
		if secrets, err = r.secrets(); err != nil {
			return err
		}
	}
	var body io.Reader
	if options.RemoteContext == "" {
		dir, err := r.pack(ctx, podman, secrets)
		if err != nil {
			return err
		}
		defer dir.Close()
		body = dir
	}
	output, err := send(ctx, r, options, body, secrets)
	switch {
	case err == nil:
	case isConnectionLost(err):
		return r.failed(err, "", nil)
	case errdefs.IsNotFound(err), errdefs.IsNotImplemented(err): // it has no such request
		return e.cannotBuild(r, err)
	default:
		return r.failed(errors.New(engineText(err)), "", nil)
	}
	defer output.Close()
	steps := &classicSteps{service: r.Service, names: r.displayNames(), emit: emit, now: time.Now}
	if err := steps.read(output); err != nil {
		name, tail := steps.failure(err)
		return r.failed(err, name, tail)
	}
	return nil
}

// cannotBuild is the error for an engine that runs containers, but has no builder.
func (e *Engine) cannotBuild(r *recipe, err error) error {
	return &dev.Error{Code: dev.CodeEngine, Exit: dev.ExitFailed, Cause: err, Message: fmt.Sprintf("the container engine at %s cannot build images: it answers %q to the build of service %s", e.endpoint.Host, engineText(err), r.Service),
		Hint: "choose an engine that can (--context, DOCKER_HOST), or build the image elsewhere and name it in the compose file (image)"}
}

// sendClassic starts a build with Docker's classic builder, which knows no secrets, and returns the builder's output.
func (e *Engine) sendClassic(ctx context.Context, _ *recipe, options build.ImageBuildOptions, body io.Reader, _ map[string]string) (io.ReadCloser, error) {
	response, err := e.api.ImageBuild(ctx, body, options)
	return response.Body, err
}

// checkClassic refuses a build that needs a feature of BuildKit. The error names the line of the Dockerfile.
func (r *recipe) checkClassic() error {
	const hint = "enable BuildKit: unset DOCKER_BUILDKIT, or set \"features\": {\"buildkit\": true} in the engine's daemon.json"
	refuse := func(line int, what string) error {
		return &dev.Error{Code: dev.CodeBuildFailed, Exit: dev.ExitFailed, File: r.dockerfilePath(), Line: line,
			Message: what + " needs BuildKit, but the engine builds service " + r.Service + " with its classic builder", Hint: hint}
	}
	if err := r.checkShippedCA("the classic builder", "enable BuildKit (unset DOCKER_BUILDKIT)"); err != nil {
		return err
	}
	if r.file != nil {
		for kind, line := range r.file.Mounts() {
			return refuse(line, "RUN --mount=type="+kind)
		}
		if what, since := r.file.Newest(); since > 0 {
			return refuse(0, what)
		}
	}
	if len(r.SSH) > 0 {
		return refuse(0, "build.ssh")
	}
	if remote(r.Context) && r.content != nil {
		return refuse(0, "dockerfile_inline with a remote context")
	}
	return nil
}

func (e *Engine) classicOptions(ctx context.Context, r *recipe) (build.ImageBuildOptions, error) {
	o := build.ImageBuildOptions{Version: build.BuilderV1, Tags: append([]string{r.Tag}, r.Tags...), Dockerfile: packedName, Target: r.Target,
		NoCache: r.NoCache, PullParent: r.Pull && !r.replacesBases(), Platform: r.Platform, NetworkMode: r.Network, Labels: r.Labels,
		Remove: true, ForceRemove: true, BuildArgs: map[string]*string{}, AuthConfigs: map[string]registry.AuthConfig{}}
	if remote(r.Context) {
		o.RemoteContext, o.Dockerfile = r.Context, r.path()
	}
	for _, args := range []map[string]string{r.Proxy, r.Args} {
		for k, v := range maps.All(args) {
			o.BuildArgs[k] = &v
		}
	}
	for _, from := range r.CacheFrom {
		if entry := cacheImport(from); entry.Type == "registry" {
			o.CacheFrom = append(o.CacheFrom, entry.Attrs["ref"])
		}
	}
	logins, err := dockerLogins().GetAllCredentials()
	if err != nil {
		logins = nil // a broken credential store must not fail a build that needs no login
	}
	for host, l := range logins {
		o.AuthConfigs[host] = registry.AuthConfig{Username: l.Username, Password: l.Password, ServerAddress: l.ServerAddress, IdentityToken: l.IdentityToken, RegistryToken: l.RegistryToken}
	}
	hosts, err := e.hosts(ctx, r.ExtraHosts)
	for _, h := range hosts {
		o.ExtraHosts = append(o.ExtraHosts, strings.Replace(h, "=", ":", 1))
	}
	return o, err
}
