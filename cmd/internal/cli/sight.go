package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"sdev/dev"
	"sdev/dev/docker"
	"sdev/dev/engine"
	"sdev/dev/gateway"
)

// rewriteEvery is how often the file of a look is written until the gateway has answered.
const rewriteEvery = 25 * time.Millisecond

// sightOf asks the gateway whether it notices a file of the project that is written here meanwhile. The
// file is written over and over, so that it does not matter when the gateway begins to watch.
func sightOf(ctx context.Context, e *docker.Engine, p engine.Project) (engine.Sight, error) {
	name := "look-" + strconv.Itoa(os.Getpid())
	file := filepath.Join(p.StateDir, name)
	type answer struct {
		status gateway.Status
		err    error
	}
	answered := make(chan answer, 1)
	if err := dev.WriteFile(file, nil, 0o600); err != nil {
		return engine.Sight{}, err
	}
	defer func() { _ = os.Remove(file) }() // nobody minds one that is left
	go func() {
		st, err := ask(ctx, e, gatewayName(p.Name, p.Gateway), gateway.Request{Do: gateway.DoProbe, Probe: name})
		answered <- answer{st, err}
	}()
	again := time.NewTicker(rewriteEvery)
	defer again.Stop()
	for {
		select {
		case a := <-answered:
			return engine.Sight(a.status.Probe), a.err
		case now := <-again.C:
			if err := dev.WriteFile(file, []byte(now.String()), 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
				a := <-answered
				return engine.Sight(a.status.Probe), errors.Join(a.err, err)
			}
		}
	}
}
