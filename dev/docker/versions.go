package docker

import (
	"bytes"
	"context"
	"io"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// versionsScript prints name and version of each installed package among its arguments.
const versionsScript = `
import importlib.metadata, sys
for name in sys.argv[1:]:
    try:
        print(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        pass
`

// Versions returns the installed versions of packages in an image, without those that are missing; none if the
// image has no usable Python. It runs a container without a network for that, and removes it.
func (e *Engine) Versions(ctx context.Context, image string, packages ...string) (map[string]string, error) {
	const what = "read the package versions of an image"
	config := &container.Config{Image: image, Entrypoint: append([]string{"python", "-c", versionsScript}, packages...), Cmd: []string{}, NetworkDisabled: true}
	createCtx, cancel := withoutCancel(ctx)
	defer cancel()
	c, err := e.api.ContainerCreate(createCtx, config, &container.HostConfig{NetworkMode: container.NetworkMode("none")}, nil, nil, "")
	if err != nil {
		return nil, engineError(what, err)
	}
	defer func() {
		_ = e.api.ContainerRemove(context.WithoutCancel(ctx), c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true}) // a leftover container is empty and unnamed
	}()
	conn, err := e.api.ContainerAttach(ctx, c.ID, container.AttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		return nil, engineError(what, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, conn.Close)()
	if err := e.api.ContainerStart(ctx, c.ID, container.StartOptions{}); err != nil {
		return map[string]string{}, ctx.Err() // the image has no such program
	}
	var out bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, io.Discard, conn.Reader); err != nil && ctx.Err() == nil {
		return nil, engineError(what, err)
	}
	found := map[string]string{}
	for line := range strings.Lines(out.String()) {
		if name, version, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			found[name] = version
		}
	}
	return found, ctx.Err()
}
