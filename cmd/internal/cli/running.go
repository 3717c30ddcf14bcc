package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/docker"
	"sdev/dev/engine"
	"sdev/dev/gateway"
	"sdev/dev/plan"
)

// running is a project together with what runs of it, found in the engine's labels.
type running struct {
	project *config.Project
	engine  *docker.Engine
	have    plan.Observed

	elsewhere error // what runs under the project's name belongs to another directory; nil where it does not
}

// find loads the project and looks at what runs. What runs from another directory under the same name is
// an error. The caller closes the engine.
func (a *app) find(ctx context.Context) (running, error) {
	r, err := a.seek(ctx)
	if err == nil && r.elsewhere != nil {
		r.close()
		return running{}, r.elsewhere
	}
	return r, err
}

// seek is find for commands that go on where the project runs from another directory: nothing of that is
// found, and elsewhere says so.
func (a *app) seek(ctx context.Context) (running, error) {
	p, err := a.load(ctx, runOptions{})
	if err != nil {
		return running{}, err
	}
	e, err := a.open(ctx)
	if err != nil {
		return running{}, err
	}
	r, err := observe(ctx, e, p)
	if err != nil {
		_ = e.Close()
	}
	return r, err
}

// observe looks at what runs of a project. It is the one place where commands do.
func observe(ctx context.Context, e *docker.Engine, p *config.Project) (running, error) {
	have, err := e.Observe(ctx, p.Name, nil)
	if err != nil {
		return running{}, err
	}
	r := running{project: p, engine: e, have: have}
	if r.elsewhere = engine.Elsewhere(engine.Place{Name: p.Name, Dir: p.Dir, Host: e.Host()}, have); r.elsewhere != nil {
		r.have = plan.Observed{}
	}
	return r, nil
}

func (r running) close() { _ = r.engine.Close() }

// container gives a service's container.
func (r running) container(service string) (plan.Container, bool) {
	i := slices.IndexFunc(r.have.Containers, func(c plan.Container) bool { return c.Service == service })
	if i < 0 {
		return plan.Container{}, false
	}
	return r.have.Containers[i], true
}

// must gives a service's running container, or says what to do.
func (r running) must(service string) (plan.Container, error) {
	if _, ok := r.project.Model.Services[service]; !ok && service != config.GatewayService {
		return plan.Container{}, &dev.Error{Code: dev.CodeServiceUnknown, Exit: dev.ExitUsage, Message: "no service " + quote(service),
			Hint: "services here: " + strings.Join(r.project.Model.ServiceNames(), ", ")}
	}
	c, ok := r.container(service)
	if !ok || !c.Running {
		return c, notRunning(r.project.Name)
	}
	return c, nil
}

func notRunning(project string) error {
	return &dev.Error{Code: dev.CodeNotRunning, Exit: dev.ExitFailed, Message: "project " + project + " does not run", Hint: "run: sdev up --local"}
}

// sidecar is what the running gateway was told at its start; ok is false where none runs.
func (r running) sidecar() (s dev.Sidecar, ok bool) {
	g, found := r.container(config.GatewayService)
	if !found || !g.Running {
		return s, false
	}
	return s, json.Unmarshal([]byte(g.Env[dev.SidecarEnv]), &s) == nil
}

// mode is how the login of the app's container is treated.
func (r running) mode() dev.Mode {
	app, _ := r.container(r.project.App)
	return dev.Mode(cmp.Or(app.Labels[dev.LabelMode], string(dev.Local)))
}

// login gives the options that keep how the login is treated as it is.
func (r running) login() (auth, current string) {
	if !r.mode().SignsIn() {
		return "", ""
	}
	var kept dev.Login
	b, err := dev.ReadFile(filepath.Join(r.project.StatePath(), dev.LoginDir, dev.LoginFile))
	if err != nil || json.Unmarshal(b, &kept) != nil {
		return string(r.mode()), ""
	}
	return string(r.mode()), kept.Current
}

// url is the app's origin; "" where no gateway runs.
func (r running) url() string {
	s, ok := r.sidecar()
	if !ok {
		return ""
	}
	return "http://" + s.Host + ":" + strconv.Itoa(s.Port) + s.Base
}

// ask sends a command to the gateway, by exec: its socket is reachable in no other way.
func (r running) ask(ctx context.Context, req gateway.Request) (gateway.Status, error) {
	g, err := r.must(config.GatewayService)
	if err != nil {
		return gateway.Status{}, err
	}
	return ask(ctx, r.engine, g.Name, req)
}

// ask hands the request over on standard input, because arguments are there for everybody to see.
func ask(ctx context.Context, e *docker.Engine, container string, req gateway.Request) (gateway.Status, error) {
	line, err := json.Marshal(req)
	if err != nil {
		return gateway.Status{}, err
	}
	var out, errs bytes.Buffer
	code, err := e.Run(ctx, docker.Exec{Container: container, Command: []string{"/sdev", "gateway", "call"}, In: bytes.NewReader(line), Out: &out, Err: &errs})
	if err != nil {
		return gateway.Status{}, err
	}
	var status gateway.Status
	if err := json.Unmarshal(out.Bytes(), &status); code != 0 || err != nil {
		return status, fmt.Errorf("the gateway did not answer (exit code %d): %s", code, strings.TrimSpace(errs.String()))
	}
	if f := status.Refused; f != nil {
		return status, &dev.Error{Code: f.Code, Message: f.Message, Hint: f.Hint, File: f.File, Line: f.Line, Exit: f.Exit}
	}
	return status, nil
}

// gatewayName is the name of a project's gateway container.
func gatewayName(project, service string) string {
	return plan.ContainerName(project, types.ServiceConfig{Name: service})
}
