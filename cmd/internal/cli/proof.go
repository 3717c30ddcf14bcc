package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/docker"
	"sdev/dev/handoff"
	"sdev/dev/streamlit"
	"sdev/dev/tunnel"
)

// How long a trial waits. A start that installs packages, or loads a model, takes its time.
const (
	healthLimit = 60 * time.Second
	healthEvery = 50 * time.Millisecond
	runLimit    = 30 * time.Second
)

// healthPath is where Streamlit says that it is well, below its base path.
const healthPath = "/_stcore/health"

// proofLines is how much of the app's output is kept.
const proofLines = 20

// prove starts an image once, as it would be started where it ships, and says what came of it: with a
// root that cannot be written to but for /tmp, its own user, the variables and the command that ship,
// and neither mounts, nor network, nor credentials. Nothing of it is left behind.
//
// The error is of the engine or of ctx; an image that does not run is a finding.
func (a *app) prove(ctx context.Context, e *docker.Engine, project string, app handoff.App, image handoff.Image) (*handoff.Proof, []dev.Finding, error) {
	seen := handoff.Trial{Image: image.Ref, Scratch: []string{"/tmp"}, Port: app.Port, Health: basePath(app) + healthPath}
	shipped, err := e.Shipped(ctx, image.Ref)
	if err != nil {
		return nil, nil, err
	}
	if shipped.Foreign {
		seen.NotStarted = "it is for " + shipped.Platform + ", which the container engine's machine does not run"
		proof, findings := seen.Judge()
		return &proof, findings, nil
	}
	if err := a.try(ctx, e, project, app, &seen); err != nil {
		return nil, nil, err
	}
	proof, findings := seen.Judge()
	return &proof, findings, nil
}

func basePath(app handoff.App) string {
	if app.BasePath == "" {
		return ""
	}
	return "/" + app.BasePath
}

// try has the container run for as long as it is looked at.
func (a *app) try(ctx context.Context, e *docker.Engine, project string, app handoff.App, seen *handoff.Trial) (err error) {
	cache, err := a.cacheDir()
	if err != nil {
		return err
	}
	gateway, err := docker.GatewayRef(cache)
	if err != nil {
		return err
	}
	env := map[string]string{}
	for _, v := range app.Env {
		env[v.Name] = v.Value
	}
	begun := time.Now()
	tried, err := e.StartSmokeTest(ctx, docker.SmokeTest{Project: project, Image: seen.Image, Command: app.Command, Env: env, Scratch: seen.Scratch, Port: app.Port, Gateway: gateway})
	if failure, ok := errors.AsType[*dev.Error](err); ok && failure.Code == dev.CodeEngine {
		seen.Ended, seen.Output, seen.ExitCode = true, []string{failure.Message}, startFailed
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tried.Remove(ctx)) }()
	seen.User = tried.User
	if err := reached(ctx, tried, func(ctx context.Context, origin string) error {
		return a.visit(ctx, tried, origin, app, begun, seen)
	}); err != nil {
		return err
	}
	seen.Output = tried.Output(ctx, proofLines)
	return ctx.Err()
}

// startFailed is the exit code of a command that is not there, as shells have it.
const startFailed = 127

// reached does some work while the container's port is reachable from here, and ends with it.
func reached(ctx context.Context, tried *docker.SmokeTestRun, work func(ctx context.Context, origin string) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		cancel()
		return fmt.Errorf("reach the app: %w", err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- tunnel.Near(ctx, l, func(ctx context.Context) (io.ReadWriteCloser, error) { return tried.Reach(ctx) })
	}()
	err = work(ctx, "http://"+l.Addr().String())
	cancel()
	return errors.Join(err, <-ended)
}

// visit waits until the app is well, and looks at its page.
func (a *app) visit(ctx context.Context, tried *docker.SmokeTestRun, origin string, app handoff.App, begun time.Time, seen *handoff.Trial) error {
	if err := awaitHealth(ctx, tried, origin+seen.Health, seen); err != nil {
		return err
	}
	seen.Waited = time.Since(begun)
	if !seen.Healthy {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	v, err := streamlit.See(bounded, origin, basePath(app))
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !v.Page && err != nil:
		seen.Page = err.Error()
	case !v.Page:
		seen.Page = fmt.Sprintf("it is answered with %d, %s", v.Status, v.Kind)
	case errors.Is(err, context.DeadlineExceeded):
		seen.Run = fmt.Sprintf("it still runs after %d s", int(runLimit.Seconds()))
	case err != nil:
		seen.Run = err.Error()
	}
	for _, x := range v.Exceptions {
		seen.Raised = append(seen.Raised, handoff.Raised{Type: x.Type, Message: strings.Join(strings.Fields(x.Message), " "), Where: innermost(x.Stack)})
	}
	return nil
}

// awaitHealth asks until the app says that it is well, ends, or has had its time.
func awaitHealth(ctx context.Context, tried *docker.SmokeTestRun, address string, seen *handoff.Trial) error {
	limit, cancel := context.WithTimeout(ctx, healthLimit)
	defer cancel()
	again := time.NewTicker(healthEvery)
	defer again.Stop()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		if well(limit, client, address) {
			seen.Healthy = true
			return nil
		}
		ended, code, err := tried.Ended(ctx)
		if err != nil {
			return err
		}
		if ended {
			seen.Ended, seen.ExitCode = true, code
			return nil
		}
		select {
		case <-again.C:
		case <-limit.Done():
			return ctx.Err()
		}
	}
}

func well(ctx context.Context, client *http.Client, address string) bool {
	const patience = 5 * time.Second // as health checks have it
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// frame is a line of a stack as Streamlit shows it.
var frame = regexp.MustCompile(`File "([^"]+)", line (\d+)`)

// innermost is where an exception was raised in the app's own code; "" where that is not known.
func innermost(stack []string) string {
	for i := len(stack) - 1; i >= 0; i-- {
		m := frame.FindStringSubmatch(stack[i])
		if m != nil && !strings.Contains(m[1], "/site-packages/") && !strings.Contains(m[1], "/lib/python") {
			return m[1] + ":" + m[2]
		}
	}
	return ""
}
