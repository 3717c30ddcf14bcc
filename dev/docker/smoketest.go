package docker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"sdev/dev"
	"sdev/dev/plan"
)

// SmokeTest says how to start an image once, to check that it runs.
type SmokeTest struct {
	Project  string // the project that owns the image
	Image    string
	Platform string            // "" is the engine's own
	Command  []string          // instead of the image's; nil keeps it
	Env      map[string]string // added to the image's
	Dir      string            // "" is the image's own
	User     string            // "" is the image's own
	Scratch  []string          // writable directories in memory; all else is read-only
	Port     int               // port on which the image listens
	Gateway  string            // image of the gateway's program, which connects to the port; loaded if missing
}

// SmokeTestRun is the container of a smoke test. It has only a loopback interface, no mounts, and a read-only
// root. It is safe for concurrent use; call [SmokeTestRun.Remove] last, after all other calls have returned.
type SmokeTestRun struct {
	engine *Engine
	id     string
	test   SmokeTest
	User   string // user of its process; "" is root

	mu         sync.Mutex // guards the fields below: a tunnel connects from its own goroutines
	containers []string   // ids, in order of creation
	helper     string     // the last container that connects to it; "" before the first
}

// smokeTestLabel is the label of a smoke test's containers, with the project's name.
const smokeTestLabel = "dev.sdev.trial"

// staleAfter is the age from which a smoke test's container counts as left behind by a killed sdev.
const staleAfter = 10 * time.Minute

// StartSmokeTest starts an image. The caller calls Remove in any case. If the container cannot be started (its
// command does not exist), the error has the code dev.CodeEngine, and nothing is left behind.
func (e *Engine) StartSmokeTest(ctx context.Context, t SmokeTest) (*SmokeTestRun, error) {
	if _, found, err := e.Image(ctx, t.Gateway); err != nil {
		return nil, err
	} else if !found {
		if err := e.loadGateway(ctx, t.Gateway); err != nil {
			return nil, err
		}
	}
	e.removeStaleSmokeTests(ctx, t.Project)
	config := &container.Config{Image: t.Image, Cmd: t.Command, WorkingDir: t.Dir, User: t.User, Labels: map[string]string{smokeTestLabel: t.Project},
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}}} // the caller sends its own requests
	for name, value := range t.Env {
		config.Env = append(config.Env, name+"="+value)
	}
	host := &container.HostConfig{ReadonlyRootfs: true, NetworkMode: "none", Tmpfs: map[string]string{}}
	for _, dir := range t.Scratch {
		host.Tmpfs[dir] = "mode=1777"
	}
	run := &SmokeTestRun{engine: e, test: t}
	id, err := run.create(ctx, config, host, t.Platform, t.Project+"-trial-"+strings.ToLower(rand.Text()[:8]))
	if err != nil {
		return nil, err
	}
	run.id = id
	err = e.api.ContainerStart(ctx, id, container.StartOptions{})
	if err == nil {
		var c container.InspectResponse
		if c, err = e.api.ContainerInspect(ctx, id); err == nil {
			run.User = c.Config.User
		}
	}
	if err != nil {
		return nil, errors.Join(engineError("start "+t.Image, err), run.Remove(ctx))
	}
	return run, nil
}

// create creates a container that belongs to the smoke test.
func (r *SmokeTestRun) create(ctx context.Context, config *container.Config, host *container.HostConfig, system, name string) (string, error) {
	createCtx, cancel := withoutCancel(ctx)
	defer cancel()
	made, err := r.engine.api.ContainerCreate(createCtx, config, host, nil, platform(system), name)
	if err != nil && isGone(err) {
		return "", imageNotFound(config.Image, err)
	}
	if err != nil {
		return "", engineError("create "+name, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.containers = append(r.containers, made.ID)
	return made.ID, nil
}

// removeStaleSmokeTests removes containers that killed smoke tests have left behind.
func (e *Engine) removeStaleSmokeTests(ctx context.Context, project string) {
	list, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", smokeTestLabel+"="+project))})
	if err != nil {
		return // cleanup is not essential
	}
	for _, c := range list {
		if time.Since(time.Unix(c.Created, 0)) > staleAfter {
			_ = e.Kill(ctx, c.ID)
		}
	}
}

// Reach connects to the container, for package tunnel. The other end is the gateway's program in a second container that shares
// the network of the first. So it also works with an engine on another machine, and publishes no port.
func (r *SmokeTestRun) Reach(ctx context.Context) (io.ReadWriteCloser, error) {
	config := &container.Config{Image: r.test.Gateway, Cmd: []string{dev.GatewayTunnel, strconv.Itoa(r.test.Port)}, OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true, AttachStderr: true,
		Labels: map[string]string{smokeTestLabel: r.test.Project}}
	host := &container.HostConfig{ReadonlyRootfs: true, NetworkMode: container.NetworkMode("container:" + r.id), CapDrop: []string{"ALL"}}
	id, err := r.create(ctx, config, host, "", "")
	if err != nil {
		return nil, err
	}
	conn, err := r.engine.api.ContainerAttach(ctx, id, container.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	if err != nil {
		return nil, engineError("connect to the container", err)
	}
	if err := r.engine.api.ContainerStart(ctx, id, container.StartOptions{}); err != nil {
		conn.Close()
		return nil, engineError("connect to the container", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.helper = id
	return newStream(conn), nil
}

// Ended reports whether the container has ended, and with which exit code. If the connection to a running
// container has ended, that is an error.
func (r *SmokeTestRun) Ended(ctx context.Context) (ended bool, code int, err error) {
	c, err := r.engine.api.ContainerInspect(ctx, r.id)
	if err != nil {
		return false, 0, engineError("inspect the container", err)
	}
	r.mu.Lock()
	helper := r.helper
	r.mu.Unlock()
	if !c.State.Running || helper == "" {
		return !c.State.Running, c.State.ExitCode, nil
	}
	h, err := r.engine.api.ContainerInspect(ctx, helper)
	if err == nil && !h.State.Running {
		err = errors.New("the connection to it ended: " + strings.Join(r.engine.Tail(ctx, plan.Container{ID: helper}, 1), ""))
	}
	return false, 0, engineError("smoke-test the image", err)
}

// Output returns the last lines that the container printed.
func (r *SmokeTestRun) Output(ctx context.Context, lines int) []string {
	return r.engine.Tail(ctx, plan.Container{ID: r.id}, lines)
}

// Remove removes all containers of the smoke test, even if ctx has ended.
func (r *SmokeTestRun) Remove(ctx context.Context) error {
	ctx, cancel := withoutCancel(ctx)
	defer cancel()
	var failed error
	for i := len(r.containers) - 1; i >= 0; i-- {
		if err := r.engine.Kill(ctx, r.containers[i]); err != nil {
			failed = fmt.Errorf("remove a container of the smoke test: %w", err)
		}
	}
	r.containers = nil
	return failed
}
