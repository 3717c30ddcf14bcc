package session

import (
	"cmp"
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/engine"
	"sdev/dev/gateway"
	"sdev/dev/oidc"
	"sdev/dev/plan"
)

// Instance is a project together with its containers, networks and volumes.
type Instance struct {
	Project  *config.Project
	Observed plan.Observed
	// Elsewhere is an error if the containers under the project's name belong to another directory; Observed is
	// empty then.
	Elsewhere error
}

// Observe finds the containers of a project by their labels. All commands use it to look at containers.
func Observe(ctx context.Context, c Containers, p *config.Project) (Instance, error) {
	observed, err := observe(ctx, c, p.Name)
	if err != nil {
		return Instance{}, err
	}
	i := Instance{Project: p, Observed: observed}
	if i.Elsewhere = engine.CheckOwnership(engine.ProjectID{Name: p.Name, Dir: p.Dir, Host: c.Host, Named: p.Named}, observed); i.Elsewhere != nil {
		i.Observed = plan.Observed{}
	}
	return i, nil
}

// observe returns everything that the engine has under a project's name, whoever created it.
func observe(ctx context.Context, c Containers, name string) (plan.Observed, error) {
	return c.Runtime.Observe(ctx, name, nil)
}

// ObserveAll finds the containers of every project of sdev on the engine, without reading the projects: their directories
// may be gone. An instance has only the containers that sdev created from its directory.
func ObserveAll(ctx context.Context, c Containers) ([]Instance, error) {
	origins, err := c.Catalog.Projects(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]Instance, 0, len(origins))
	for _, o := range origins {
		have, err := observe(ctx, c, o.Name)
		if err != nil {
			return nil, err
		}
		i := Instance{Project: &config.Project{Name: o.Name, Plain: o.Name, Dir: o.Dir, Model: &types.Project{Name: o.Name}}, Observed: have}
		i.Observed.Containers = slices.DeleteFunc(slices.Clone(have.Containers), func(c plan.Container) bool { return !c.Ours || c.Dir != o.Dir })
		for _, one := range i.Observed.Containers {
			if one.Labels[dev.LabelMode] != "" {
				i.Project.App = one.Service
			}
		}
		if kept, ok := keptBy(o.Dir); ok && kept.Name == o.Name {
			i.Project.Plain = kept.Plain
		}
		if len(i.Observed.Containers) > 0 { // else it has just been removed
			all = append(all, i)
		}
	}
	return all, nil
}

// Container returns a service's container.
func (i Instance) Container(service string) (plan.Container, bool) {
	at := slices.IndexFunc(i.Observed.Containers, func(c plan.Container) bool { return c.Service == service })
	if at < 0 {
		return plan.Container{}, false
	}
	return i.Observed.Containers[at], true
}

// RequireContainer returns a service's running container, or an error with a hint.
func (i Instance) RequireContainer(service string) (plan.Container, error) {
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

// NotRunning returns the error of a command that needs a running project.
func (i Instance) NotRunning() error {
	return &dev.Error{Code: dev.CodeNotRunning, Exit: dev.ExitFailed, Message: "project " + i.Project.Name + " is not running", Hint: "run: sdev up --local"}
}

// GatewayConfig returns the configuration with which the running gateway started; ok is false if none runs.
func (i Instance) GatewayConfig() (s dev.GatewayConfig, ok bool) {
	g, found := i.Container(config.GatewayService)
	if !found || !g.Running {
		return s, false
	}
	return s, json.Unmarshal([]byte(g.Env[dev.GatewayConfigEnv]), &s) == nil
}

// Mode returns the login mode of the app's container.
func (i Instance) Mode() dev.Mode {
	app, _ := i.Container(i.Project.App)
	return dev.Mode(cmp.Or(app.Labels[dev.LabelMode], string(dev.Local)))
}

// URL returns the address of the app's page; "" if no gateway runs.
func (i Instance) URL() string {
	s, ok := i.GatewayConfig()
	if !ok {
		return ""
	}
	return s.Origin() + s.Base
}

// Issuer returns the issuer of the local provider; "" if the login is bypassed or no gateway runs.
func (i Instance) Issuer() string {
	s, ok := i.GatewayConfig()
	if !ok || !i.Mode().SignsIn() {
		return ""
	}
	return dev.Issuer(s.ProviderPort)
}

// CurrentOptions returns the options with which the project runs now.
func (i Instance) CurrentOptions(h Host) Options {
	var o Options
	if s, ok := i.GatewayConfig(); ok {
		o.Copy, o.Mount, o.TLS = s.Root == "", s.Root != "", s.TLS
		o.AWS = i.AWS(h).Source
		o.Auth, o.As = i.login()
	}
	return o
}

// Person returns the e-mail of the person who st.user is while the login is bypassed; "" for nobody.
func (i Instance) Person() string {
	app, _ := i.Container(i.Project.App)
	return app.Labels[dev.LabelPerson]
}

// login returns the options Auth and As with which the project runs now.
func (i Instance) login() (auth, as string) {
	if !i.Mode().SignsIn() {
		return "", i.Person()
	}
	var stored dev.LoginSettings
	b, err := dev.ReadFile(filepath.Join(i.Project.StatePath(), dev.LoginDir, dev.LoginFile))
	if err != nil || json.Unmarshal(b, &stored) != nil {
		return string(i.Mode()), ""
	}
	return string(i.Mode()), stored.Current
}

// Restart restarts a running service and waits until the app's page answers.
func (i Instance) Restart(ctx context.Context, e *engine.Engine, service string) error {
	p, err := e.Source(ctx)
	if err != nil {
		return err
	}
	s, _ := i.GatewayConfig()
	return e.Restart(ctx, engine.Running{Project: p, URL: i.URL(), Port: s.Port, Mode: i.Mode(), Issuer: i.Issuer()}, service)
}

// Rebuild returns the request that builds the image of a running service and replaces its container.
func (i Instance) Rebuild(service string) (engine.Request, error) {
	req := engine.Request{Build: true, Service: service, Keep: true}
	if service == i.Project.App {
		req.How = dev.AnnounceRebuild
	}
	if _, err := i.RequireContainer(service); err != nil {
		return req, err
	}
	if i.Project.Model.Services[service].Build == nil {
		return req, &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Message: "service " + service + " has no build section, so there is nothing to rebuild", Hint: "add build: to the service in the compose file"}
	}
	return req, nil
}

// GatewayStatus returns the status of the running gateway.
func (i Instance) GatewayStatus(ctx context.Context, r Runner) (gateway.Status, error) {
	return i.callGateway(ctx, r, gateway.Request{Do: gateway.DoStatus})
}

// Steer sends a command to the local provider and returns its state afterwards.
func (i Instance) Steer(ctx context.Context, r Runner, c oidc.Command) (oidc.State, error) {
	if _, ok := i.GatewayConfig(); !ok {
		return oidc.State{}, &dev.Error{Code: dev.CodeNotRunning, Exit: dev.ExitFailed, Message: "project " + i.Project.Name + " is not running", Hint: "run: sdev up --with-auth"}
	}
	if !i.Mode().SignsIn() {
		return oidc.State{}, &dev.Error{Code: dev.CodeAuthOff, Exit: dev.ExitFailed, Message: "project " + i.Project.Name + " runs in local mode, in which nobody signs in at the local provider", Hint: "run: sdev up --with-auth"}
	}
	status, err := i.callGateway(ctx, r, gateway.Request{Do: gateway.DoAuth, Auth: c})
	return status.Auth, err
}

func (i Instance) callGateway(ctx context.Context, r Runner, req gateway.Request) (gateway.Status, error) {
	g, err := i.RequireContainer(config.GatewayService)
	if err != nil {
		return gateway.Status{}, err
	}
	return call(ctx, r, g.Name, req)
}

// FoundRemoval returns the part of an [engine.Project] that Down needs of a project that [ObserveAll] found.
func (i Instance) FoundRemoval(host string) (engine.Project, error) {
	p := i.Project
	out := engine.Project{Name: p.Name, Found: true, StateDir: p.StatePath(), Host: host, Labels: plan.Labels{Project: p.Name, Dir: p.Dir}}
	return out, config.CheckStateDir(p.StatePath()) // it holds the lock
}

// Removal returns the part of an [engine.Project] that Down needs.
func Removal(p *config.Project, host string) engine.Project {
	out := engine.Project{Name: p.Name, Named: p.Named, StateDir: p.StatePath(), Host: host, Labels: plan.Labels{Project: p.Name, Dir: p.Dir}}
	for _, v := range p.Model.Volumes {
		if v.External {
			out.External = append(out.External, v.Name)
		}
	}
	return out
}
