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

	"sdev/dev/plan"
)

// SmokeTest says how an image is started once, to see whether it runs.
type SmokeTest struct {
	Project  string // whose image it is
	Image    string
	Platform string            // "" is the engine's own
	Command  []string          // in place of the image's; nil leaves that
	Env      map[string]string // on top of the image's
	Dir      string            // "" is the image's own
	User     string            // "" is the image's own
	Scratch  []string          // directories in memory that can be written to; nothing else can
	Port     int               // that it listens on
	Gateway  string            // image of this program, which reaches the port; it is made where it is missing
}

// SmokeTestRun is a container that is being tried. It has a loopback interface and no other network, no
// mounts, and a root that cannot be written to. It may be used by several goroutines; [Trying.Remove]
// comes last, after all else has returned.
type SmokeTestRun struct {
	engine *Engine
	id     string
	test   SmokeTest
	User   string // that it runs as; "" is root

	mu         sync.Mutex // guards what follows: a tunnel reaches in by itself
	containers []string   // containers, in order
	helper     string     // the last one that reaches in; "" before the first
}

// smokeTestLabel is on the containers of a trial, with the project's name.
const smokeTestLabel = "dev.sdev.trial"

// staleAfter is the age at which a trial's containers are nobody's any more.
const staleAfter = 10 * time.Minute

// StartSmokeTest starts an image. The caller removes the container, whatever came of it. A container that cannot
// even be started (its command is not there) is an error with code dev.CodeEngine, and nothing is left.
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
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}}} // who tries it asks by itself
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

// create makes a container that goes with the trial.
func (r *SmokeTestRun) create(ctx context.Context, config *container.Config, host *container.HostConfig, system, name string) (string, error) {
	making, cancel := withoutCancel(ctx)
	defer cancel()
	made, err := r.engine.api.ContainerCreate(making, config, host, nil, platform(system), name)
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

// removeStaleSmokeTests removes what trials that were killed have left.
func (e *Engine) removeStaleSmokeTests(ctx context.Context, project string) {
	list, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", smokeTestLabel+"="+project))})
	if err != nil {
		return // a matter of tidiness alone
	}
	for _, c := range list {
		if time.Since(time.Unix(c.Created, 0)) > staleAfter {
			_ = e.Kill(ctx, c.ID)
		}
	}
}

// Reach gives the two ends of a connection into the container, which package tunnel talks over: the
// other end is this program in a container of its own that shares the tried one's network. It works
// wherever the engine is, and opens no port to anybody else.
func (r *SmokeTestRun) Reach(ctx context.Context) (io.ReadWriteCloser, error) {
	config := &container.Config{Image: r.test.Gateway, Cmd: []string{"tunnel", strconv.Itoa(r.test.Port)}, OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true, AttachStderr: true,
		Labels: map[string]string{smokeTestLabel: r.test.Project}}
	host := &container.HostConfig{ReadonlyRootfs: true, NetworkMode: container.NetworkMode("container:" + r.id), CapDrop: []string{"ALL"}}
	id, err := r.create(ctx, config, host, "", "")
	if err != nil {
		return nil, err
	}
	conn, err := r.engine.api.ContainerAttach(ctx, id, container.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	if err != nil {
		return nil, engineError("reach into the container", err)
	}
	if err := r.engine.api.ContainerStart(ctx, id, container.StartOptions{}); err != nil {
		conn.Close()
		return nil, engineError("reach into the container", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.helper = id
	return newStream(conn), nil
}

// Ended says whether the container has ended, and how. It is an error if what reaches into it has ended
// while it runs: then nothing can be said of it.
func (r *SmokeTestRun) Ended(ctx context.Context) (ended bool, code int, err error) {
	c, err := r.engine.api.ContainerInspect(ctx, r.id)
	if err != nil {
		return false, 0, engineError("look at the container", err)
	}
	r.mu.Lock()
	helper := r.helper
	r.mu.Unlock()
	if !c.State.Running || helper == "" {
		return !c.State.Running, c.State.ExitCode, nil
	}
	h, err := r.engine.api.ContainerInspect(ctx, helper)
	if err == nil && !h.State.Running {
		err = errors.New("what reaches into it ended: " + strings.Join(r.engine.Tail(ctx, plan.Container{ID: helper}, 1), ""))
	}
	return false, 0, engineError("try the image", err)
}

// Output gives the last lines that it printed.
func (r *SmokeTestRun) Output(ctx context.Context, lines int) []string {
	return r.engine.Tail(ctx, plan.Container{ID: r.id}, lines)
}

// Remove takes away all that the trial made. It works with a ctx that has ended.
func (r *SmokeTestRun) Remove(ctx context.Context) error {
	ctx, cancel := withoutCancel(ctx)
	defer cancel()
	var failed error
	for i := len(r.containers) - 1; i >= 0; i-- {
		if err := r.engine.Kill(ctx, r.containers[i]); err != nil {
			failed = fmt.Errorf("remove a container that was tried: %w", err)
		}
	}
	r.containers = nil
	return failed
}
