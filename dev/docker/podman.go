package docker

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/container"

	"sdev/dev/pattern"
)

// podman reports whether the engine is podman. An engine that has BuildKit is not, and is not asked: asking takes it
// some time.
func (e *Engine) podman(ctx context.Context) (bool, error) {
	if e.builder == build.BuilderBuildKit {
		return false, nil
	}
	v, err := e.version(ctx)
	return slices.ContainsFunc(v.Components, func(c types.ComponentVersion) bool { return strings.HasPrefix(c.Name, "Podman") }), err
}

// podmanInit is the program that podman runs first in a container with "init: true". Docker brings its own.
const podmanInit = "catatonit"

// podmanTmpfs returns the options of file systems in memory, by path, without the owner, which podman refuses. Everybody
// in the container may write to one that had an owner.
func podmanTmpfs(all map[string]string) map[string]string {
	out := map[string]string{}
	for path, options := range all {
		var kept []string
		owned := false
		for option := range strings.SplitSeq(options, ",") {
			if strings.HasPrefix(option, "uid=") || strings.HasPrefix(option, "gid=") {
				owned = true
			} else if option != "" {
				kept = append(kept, option)
			}
		}
		if owned {
			kept = append(slices.DeleteFunc(kept, func(o string) bool { return strings.HasPrefix(o, "mode=") }), "mode=1777")
		}
		out[path] = strings.Join(kept, ",")
	}
	return out
}

// podmanDependents matches podman's refusal to remove a container before those that use its network namespace. The group
// has their ids.
var podmanDependents = pattern.New(`has dependent containers which must be removed before it: ([0-9a-f, ]+)`)

// dependentsTime limits how long a removal waits for the removal of such containers.
const dependentsTime = 30 * time.Second

// remove removes a container, running or not. sdev removes the containers of a project side by side, so where podman wants
// another one removed first, that is under way.
func (e *Engine) remove(ctx context.Context, id string) error {
	options := container.RemoveOptions{Force: true, RemoveVolumes: true}
	err := e.api.ContainerRemove(ctx, id, options)
	if err == nil {
		return nil
	}
	m := podmanDependents.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, dependentsTime)
	defer cancel()
	for _, other := range strings.Split(m[1], ", ") {
		removed, failed := e.api.ContainerWait(bounded, other, container.WaitConditionRemoved)
		select {
		case <-removed:
		case failure := <-failed:
			if !isGone(failure) {
				return err
			}
		}
	}
	return e.api.ContainerRemove(ctx, id, options)
}
