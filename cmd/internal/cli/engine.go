package cli

import (
	"context"

	"sdev/dev/docker"
)

// open connects to the container engine that flags and environment choose, and says which one that
// is where --verbose asks for it. The caller closes it.
func (a *app) open(ctx context.Context) (*docker.Engine, error) {
	e, err := docker.Open(ctx, a.context)
	if err != nil {
		return nil, err
	}
	if host := a.Getenv("DOCKER_HOST"); a.context != "" && host != "" && e.Host() != host && !a.quiet {
		a.notef("warning: --context %s is used, and DOCKER_HOST=%s is not\n", a.context, host)
	}
	if p := e.Place(); a.verbose {
		a.notef("engine %s (%s), API %s\n", p.Host, p.Why, p.API)
	}
	return e, nil
}
