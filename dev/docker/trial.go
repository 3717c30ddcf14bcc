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

// Trial says how an image is started once, to see whether it runs.
type Trial struct {
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

// Trying is a container that is being tried. It has a loopback interface and no other network, no
// mounts, and a root that cannot be written to. It may be used by several goroutines; [Trying.Remove]
// comes last, after all else has returned.
type Trying struct {
	engine *Engine
	id     string
	trial  Trial
	User   string // that it runs as; "" is root

	mu     sync.Mutex // guards what follows: a tunnel reaches in by itself
	made   []string   // containers, in order
	helper string     // the last one that reaches in; "" before the first
}

// trialLabel is on the containers of a trial, with the project's name.
const trialLabel = "dev.sdev.trial"

// abandoned is the age at which a trial's containers are nobody's any more.
const abandoned = 10 * time.Minute

// Try starts an image. The caller removes the container, whatever came of it. A container that cannot
// even be started (its command is not there) is an error with code dev.CodeEngine, and nothing is left.
func (e *Engine) Try(ctx context.Context, t Trial) (*Trying, error) {
	if _, found, err := e.Image(ctx, t.Gateway); err != nil {
		return nil, err
	} else if !found {
		if err := e.loadGateway(ctx, t.Gateway); err != nil {
			return nil, err
		}
	}
	e.forgetTrials(ctx, t.Project)
	config := &container.Config{Image: t.Image, Cmd: t.Command, WorkingDir: t.Dir, User: t.User, Labels: map[string]string{trialLabel: t.Project},
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}}} // who tries it asks by itself
	for name, value := range t.Env {
		config.Env = append(config.Env, name+"="+value)
	}
	host := &container.HostConfig{ReadonlyRootfs: true, NetworkMode: "none", Tmpfs: map[string]string{}}
	for _, dir := range t.Scratch {
		host.Tmpfs[dir] = "mode=1777"
	}
	tried := &Trying{engine: e, trial: t}
	id, err := tried.create(ctx, config, host, t.Platform, t.Project+"-trial-"+strings.ToLower(rand.Text()[:8]))
	if err != nil {
		return nil, err
	}
	tried.id = id
	err = e.api.ContainerStart(ctx, id, container.StartOptions{})
	if err == nil {
		var c container.InspectResponse
		if c, err = e.api.ContainerInspect(ctx, id); err == nil {
			tried.User = c.Config.User
		}
	}
	if err != nil {
		return nil, errors.Join(refused("start "+t.Image, err), tried.Remove(ctx))
	}
	return tried, nil
}

// create makes a container that goes with the trial.
func (t *Trying) create(ctx context.Context, config *container.Config, host *container.HostConfig, system, name string) (string, error) {
	making, cancel := unbroken(ctx)
	defer cancel()
	made, err := t.engine.api.ContainerCreate(making, config, host, nil, platform(system), name)
	if err != nil && isGone(err) {
		return "", absent(config.Image, err)
	}
	if err != nil {
		return "", refused("create "+name, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.made = append(t.made, made.ID)
	return made.ID, nil
}

// forgetTrials removes what trials that were killed have left.
func (e *Engine) forgetTrials(ctx context.Context, project string) {
	list, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", trialLabel+"="+project))})
	if err != nil {
		return // a matter of tidiness alone
	}
	for _, c := range list {
		if time.Since(time.Unix(c.Created, 0)) > abandoned {
			_ = e.Kill(ctx, c.ID)
		}
	}
}

// Reach gives the two ends of a connection into the container, which package tunnel talks over: the
// other end is this program in a container of its own that shares the tried one's network. It works
// wherever the engine is, and opens no port to anybody else.
func (t *Trying) Reach(ctx context.Context) (io.ReadWriteCloser, error) {
	config := &container.Config{Image: t.trial.Gateway, Cmd: []string{"tunnel", strconv.Itoa(t.trial.Port)}, OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true, AttachStderr: true,
		Labels: map[string]string{trialLabel: t.trial.Project}}
	host := &container.HostConfig{ReadonlyRootfs: true, NetworkMode: container.NetworkMode("container:" + t.id), CapDrop: []string{"ALL"}}
	id, err := t.create(ctx, config, host, "", "")
	if err != nil {
		return nil, err
	}
	conn, err := t.engine.api.ContainerAttach(ctx, id, container.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	if err != nil {
		return nil, refused("reach into the container", err)
	}
	if err := t.engine.api.ContainerStart(ctx, id, container.StartOptions{}); err != nil {
		conn.Close()
		return nil, refused("reach into the container", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.helper = id
	return carried(conn), nil
}

// Ended says whether the container has ended, and how. It is an error if what reaches into it has ended
// while it runs: then nothing can be said of it.
func (t *Trying) Ended(ctx context.Context) (ended bool, code int, err error) {
	c, err := t.engine.api.ContainerInspect(ctx, t.id)
	if err != nil {
		return false, 0, refused("look at the container", err)
	}
	t.mu.Lock()
	helper := t.helper
	t.mu.Unlock()
	if !c.State.Running || helper == "" {
		return !c.State.Running, c.State.ExitCode, nil
	}
	h, err := t.engine.api.ContainerInspect(ctx, helper)
	if err == nil && !h.State.Running {
		err = errors.New("what reaches into it ended: " + strings.Join(t.engine.Tail(ctx, plan.Container{ID: helper}, 1), ""))
	}
	return false, 0, refused("try the image", err)
}

// Output gives the last lines that it printed.
func (t *Trying) Output(ctx context.Context, lines int) []string {
	return t.engine.Tail(ctx, plan.Container{ID: t.id}, lines)
}

// Remove takes away all that the trial made. It works with a ctx that has ended.
func (t *Trying) Remove(ctx context.Context) error {
	ctx, cancel := unbroken(ctx)
	defer cancel()
	var failed error
	for i := len(t.made) - 1; i >= 0; i-- {
		if err := t.engine.Kill(ctx, t.made[i]); err != nil {
			failed = fmt.Errorf("remove a container that was tried: %w", err)
		}
	}
	t.made = nil
	return failed
}
