package session

import (
	"cmp"
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/engine"
	"sdev/dev/gateway"
	"sdev/dev/oidc"
	"sdev/dev/plan"
)

// Instance is a project together with what runs of it, as the engine's labels say.
type Instance struct {
	Project  *config.Project
	Observed plan.Observed
	// Elsewhere is an error where what runs under the project's name belongs to another directory.
	// Observed is empty then.
	Elsewhere error
}

// Observe looks at what runs of a project. It is the one place where commands do.
func Observe(ctx context.Context, c Containers, p *config.Project) (Instance, error) {
	have, err := c.Runtime.Observe(ctx, p.Name, nil)
	if err != nil {
		return Instance{}, err
	}
	i := Instance{Project: p, Observed: have}
	if i.Elsewhere = engine.CheckOwnership(engine.ProjectID{Name: p.Name, Dir: p.Dir, Host: c.Host}, have); i.Elsewhere != nil {
		i.Observed = plan.Observed{}
	}
	return i, nil
}

// Container gives a service's container.
func (i Instance) Container(service string) (plan.Container, bool) {
	at := slices.IndexFunc(i.Observed.Containers, func(c plan.Container) bool { return c.Service == service })
	if at < 0 {
		return plan.Container{}, false
	}
	return i.Observed.Containers[at], true
}

// RequireRunning gives a service's running container, or an error that says what to do.
func (i Instance) RequireRunning(service string) (plan.Container, error) {
	if _, ok := i.Project.Model.Services[service]; !ok && service != config.GatewayService {
		return plan.Container{}, &dev.Error{Code: dev.CodeServiceUnknown, Exit: dev.ExitUsage, Message: "no service " + strconv.Quote(service),
			Hint: "services here: " + strings.Join(i.Project.Model.ServiceNames(), ", ")}
	}
	c, ok := i.Container(service)
	if !ok || !c.Running {
		return c, i.NotRunning()
	}
	return c, nil
}

// NotRunning is the error of a command that needs a project that runs.
func (i Instance) NotRunning() error {
	return &dev.Error{Code: dev.CodeNotRunning, Exit: dev.ExitFailed, Message: "project " + i.Project.Name + " is not running", Hint: "run: sdev up --local"}
}

// GatewayConfig is the configuration that the running gateway started with; ok is false where none runs.
func (i Instance) GatewayConfig() (s dev.GatewayConfig, ok bool) {
	g, found := i.Container(config.GatewayService)
	if !found || !g.Running {
		return s, false
	}
	return s, json.Unmarshal([]byte(g.Env[dev.GatewayConfigEnv]), &s) == nil
}

// Mode is how the login of the app is treated.
func (i Instance) Mode() dev.Mode {
	app, _ := i.Container(i.Project.App)
	return dev.Mode(cmp.Or(app.Labels[dev.LabelMode], string(dev.Local)))
}

// URL is the app's origin; "" where no gateway runs.
func (i Instance) URL() string {
	s, ok := i.GatewayConfig()
	if !ok {
		return ""
	}
	return "http://" + s.Host + ":" + strconv.Itoa(s.Port) + s.Base
}

// Issuer is the local provider's; "" where nobody signs in.
func (i Instance) Issuer() string {
	s, ok := i.GatewayConfig()
	if !ok || !i.Mode().SignsIn() {
		return ""
	}
	return dev.Issuer(s.Identity)
}

// CurrentOptions are the options that leave the project running as it does now.
func (i Instance) CurrentOptions(h Host) Options {
	var o Options
	if s, ok := i.GatewayConfig(); ok {
		o.Copy, o.Mount = s.Root == "", s.Root != ""
		o.AWS = i.AWS(h).Source
		o.Auth, o.As = i.login()
	}
	return o
}

// login gives the options that leave the login as it is.
func (i Instance) login() (auth, as string) {
	if !i.Mode().SignsIn() {
		return "", ""
	}
	var kept dev.Login
	b, err := dev.ReadFile(filepath.Join(i.Project.StatePath(), dev.LoginDir, dev.LoginFile))
	if err != nil || json.Unmarshal(b, &kept) != nil {
		return string(i.Mode()), ""
	}
	return string(i.Mode()), kept.Current
}

// Restart restarts a service of what runs, and waits until the app's page answers.
func (i Instance) Restart(ctx context.Context, e *engine.Engine, service string) error {
	p, err := e.Source(ctx)
	if err != nil {
		return err
	}
	s, _ := i.GatewayConfig()
	return e.Restart(ctx, engine.Running{Project: p, URL: i.URL(), Port: s.Port, Mode: i.Mode(), Issuer: i.Issuer()}, service)
}

// Rebuild is the request that brings a running service up to date with a new build of its image.
func (i Instance) Rebuild(service string) (engine.Request, error) {
	req := engine.Request{Build: true, Service: service, Keep: true}
	if service == i.Project.App {
		req.How = dev.ReloadRebuild
	}
	if _, err := i.RequireRunning(service); err != nil {
		return req, err
	}
	if i.Project.Model.Services[service].Build == nil {
		return req, &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Message: "service " + service + " has no build section, so there is nothing to rebuild", Hint: "add build: to the service in the compose file"}
	}
	return req, nil
}

// GatewayStatus asks the running gateway for its status.
func (i Instance) GatewayStatus(ctx context.Context, r Runner) (gateway.Status, error) {
	return i.callGateway(ctx, r, gateway.Request{Do: gateway.DoStatus})
}

// Steer sends a command to the local provider, and gives its state after that.
func (i Instance) Steer(ctx context.Context, r Runner, c oidc.Command) (oidc.State, error) {
	if _, ok := i.GatewayConfig(); !ok {
		return oidc.State{}, &dev.Error{Code: dev.CodeNotRunning, Exit: dev.ExitFailed, Message: "project " + i.Project.Name + " is not running", Hint: "run: sdev up --with-auth"}
	}
	if !i.Mode().SignsIn() {
		return oidc.State{}, &dev.Error{Code: dev.CodeAuthOff, Exit: dev.ExitFailed, Message: "project " + i.Project.Name + " runs with its login bypassed", Hint: "run: sdev up --with-auth"}
	}
	status, err := i.callGateway(ctx, r, gateway.Request{Do: gateway.DoAuth, Auth: c})
	return status.Auth, err
}

func (i Instance) callGateway(ctx context.Context, r Runner, req gateway.Request) (gateway.Status, error) {
	g, err := i.RequireRunning(config.GatewayService)
	if err != nil {
		return gateway.Status{}, err
	}
	return call(ctx, r, g.Name, req)
}

// Removal is what an engine has to know of a project to take it down.
func Removal(p *config.Project, host string) engine.Project {
	out := engine.Project{Name: p.Name, StateDir: p.StatePath(), Host: host, Labels: plan.Labels{Project: p.Name, Dir: p.Dir}}
	for _, v := range p.Model.Volumes {
		if v.External {
			out.External = append(out.External, v.Name)
		}
	}
	return out
}
