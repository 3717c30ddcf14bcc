package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/handoff"
	"sdev/dev/pattern"
	"sdev/dev/streamlit"
	"sdev/dev/tunnel"
)

// How long a smoke test waits. An app that installs packages or loads a model starts slowly.
const (
	healthLimit = 60 * time.Second
	healthEvery = 50 * time.Millisecond
	runLimit    = 30 * time.Second
)

// outputLines is how many lines of the app's output are kept.
const outputLines = 20

// startFailed is the exit code that shells use for a command that does not exist.
const startFailed = 127

// prover starts an image once, as its platform would: as its own user, with a root that is read-only except for /tmp,
// with the variables and the command that ship, and without mounts, network and credentials.
type prover struct {
	engine      Engine
	project     string
	app         handoff.App // Command is nil where the image's own runs
	healthLimit time.Duration
	runLimit    time.Duration
}

// prove starts the image that is handed over once, and keeps the result. An image that does not run is a finding; the
// error is that of the engine or of ctx.
func (r *Release) prove(ctx context.Context, e Engine) (err error) {
	p := prover{engine: e, project: r.project.config.Name, app: r.facts.App, healthLimit: healthLimit, runLimit: runLimit}
	p.app.Command = slices.Concat([]string(r.project.service.Entrypoint), []string(r.project.service.Command))
	r.facts.Image.Proof, r.proof, err = p.prove(ctx, r.facts.Image.Ref)
	return err
}

func (p prover) prove(ctx context.Context, image string) (*handoff.Proof, []dev.Finding, error) {
	result := handoff.SmokeTest{Image: image, Scratch: []string{"/tmp"}, Port: p.app.Port, Health: p.base() + streamlit.HealthPaths()[0]}
	known, err := p.engine.Inspect(ctx, image)
	switch {
	case err != nil:
		return nil, nil, err
	case known.NeedsEmulation:
		result.NotStarted = "it is built for " + known.Platform + ", which the container engine's machine cannot run"
	default:
		if err := p.start(ctx, &result); err != nil {
			return nil, nil, err
		}
	}
	proof, findings := result.Judge()
	return &proof, findings, nil
}

// base is the path below which the app is served, with a leading slash; "" is the root.
func (p prover) base() string {
	if p.app.BasePath == "" {
		return ""
	}
	return "/" + p.app.BasePath
}

// start runs the image, visits it, and removes the container.
func (p prover) start(ctx context.Context, result *handoff.SmokeTest) (err error) {
	env := map[string]string{}
	for _, v := range p.app.Env {
		env[v.Name] = v.Value
	}
	started := time.Now()
	c, err := p.engine.Start(ctx, SmokeTest{Project: p.project, Image: result.Image, Command: p.app.Command, Env: env, Scratch: result.Scratch, Port: p.app.Port})
	if failure, ok := errors.AsType[*StartError](err); ok {
		result.Ended, result.Output, result.ExitCode = true, []string{failure.Message}, startFailed
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Remove(ctx)) }()
	result.User = c.User()
	if err := reach(ctx, c, func(ctx context.Context, origin string) error {
		return p.visit(ctx, c, origin, started, result)
	}); err != nil {
		return err
	}
	result.Output = c.Output(ctx, outputLines)
	return ctx.Err()
}

// reach does some work while a port of this machine, at origin, is forwarded to the container's.
func reach(ctx context.Context, c Container, work func(ctx context.Context, origin string) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		cancel()
		return fmt.Errorf("reach the app: %w", err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- tunnel.Forward(ctx, l, func(ctx context.Context) (io.ReadWriteCloser, error) { return c.Reach(ctx) })
	}()
	err = work(ctx, "http://"+l.Addr().String())
	cancel()
	return errors.Join(err, <-ended)
}

// visit waits until the app is healthy, and loads its page.
func (p prover) visit(ctx context.Context, c Container, origin string, started time.Time, result *handoff.SmokeTest) error {
	if err := p.awaitHealth(ctx, c, origin, result); err != nil {
		return err
	}
	result.Waited = time.Since(started)
	if !result.Healthy {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, p.runLimit)
	defer cancel()
	v, err := streamlit.LoadPage(bounded, origin, p.base())
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !v.Page && err != nil:
		result.Page = err.Error()
	case !v.Page:
		result.Page = fmt.Sprintf("the answer is %d, %s", v.Status, v.Kind)
	case errors.Is(err, context.DeadlineExceeded):
		result.Run = fmt.Sprintf("it was still running after %d s", int(p.runLimit.Seconds()))
	case err != nil:
		result.Run = err.Error()
	}
	for _, x := range v.Exceptions {
		result.Exceptions = append(result.Exceptions, handoff.PageException{Type: x.Type, Message: strings.Join(strings.Fields(x.Message), " "), Where: innermost(x.Stack)})
	}
	return nil
}

// awaitHealth polls the health check, at the path of either version, until the app is healthy, has ended, or the time limit has passed.
func (p prover) awaitHealth(ctx context.Context, c Container, origin string, result *handoff.SmokeTest) error {
	limit, cancel := context.WithTimeout(ctx, p.healthLimit)
	defer cancel()
	next := time.NewTicker(healthEvery)
	defer next.Stop()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		for _, path := range streamlit.HealthPaths() {
			if isHealthy(limit, client, origin+p.base()+path) {
				result.Healthy, result.Health = true, p.base()+path
				return nil
			}
		}
		ended, code, err := c.Ended(ctx)
		if err != nil {
			return err
		}
		if ended {
			result.Ended, result.ExitCode = true, code
			return nil
		}
		select {
		case <-next.C:
		case <-limit.Done():
			return ctx.Err()
		}
	}
}

func isHealthy(ctx context.Context, client *http.Client, address string) bool {
	const patience = 5 * time.Second // a usual timeout of health checks
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

// frame matches a line of a Python stack trace.
var frame = pattern.New(`File "([^"]+)", line (\d+)`)

// innermost is the innermost place of an exception in the app's own code; "" if there is none.
func innermost(stack []string) string {
	for i := len(stack) - 1; i >= 0; i-- {
		m := frame.FindStringSubmatch(stack[i])
		if m != nil && !strings.Contains(m[1], "/site-packages/") && !strings.Contains(m[1], "/lib/python") {
			return m[1] + ":" + m[2]
		}
	}
	return ""
}
