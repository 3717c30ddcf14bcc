package docker

import (
	"context"
	"slices"
	"strings"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/build"
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
