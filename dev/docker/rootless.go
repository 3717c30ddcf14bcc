package docker

import (
	"context"
	"os"
	"slices"
	"strings"

	"sdev/dev"
)

// Rootless reports whether the engine runs as an ordinary user, who is root in its containers. Every other user of a
// container is one of the ids in /etc/subuid, which have no rights to the user's files. Docker and podman both say so.
//
// Podman takes 150 ms to answer, so an engine whose socket belongs to root is not asked: a rootless one cannot make such.
func (e *Engine) Rootless(ctx context.Context) (bool, error) {
	if path, ok := strings.CutPrefix(e.endpoint.Host, "unix://"); ok {
		if info, err := os.Stat(path); err == nil {
			if uid, _, ok := dev.Owner(info); ok && uid == 0 {
				return false, nil
			}
		}
	}
	e.machine.Lock()
	defer e.machine.Unlock()
	if e.rootless == nil {
		info, err := e.api.Info(ctx)
		if err != nil {
			return false, engineError("ask the container engine whether it is rootless", err)
		}
		rootless := slices.Contains(info.SecurityOptions, "name=rootless")
		e.rootless = &rootless
	}
	return *e.rootless, nil
}
