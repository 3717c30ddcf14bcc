package session

import (
	"cmp"
	"context"
	"slices"
	"time"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/engine"
	"sdev/dev/plan"
	"sdev/dev/streamlit"
)

// Effective derives the model that a run of the project would use, and changes nothing. Image and ports come from the
// container engine; if containers is nil or does not answer, Effective uses the ports of the last run, or the default
// ones, the gateway for this machine's architecture, and no facts about the image.
func (s *Session) Effective(ctx context.Context, containers *Containers) (*config.Effective, error) {
	p := s.Project
	parts, _, err := newParts(s.host, p)
	if err != nil {
		return nil, err
	}
	gateway, err := s.host.Gateway("")
	if containers != nil {
		if chosen, asked := GatewayProgram(ctx, s.host, *containers); asked == nil {
			gateway, err = chosen, nil
		}
	}
	if err != nil {
		return nil, err
	}
	parts.GatewayImage, parts.Mode, parts.TLS = gateway.Ref, s.login.mode, s.options.TLS
	// The app's secrets on disk contain the ports of the last run.
	last := engine.LastPorts(p.StatePath(), p.WantedPort())
	parts.Port, parts.ProviderPort = cmp.Or(last.App, parts.Port), cmp.Or(last.Provider, parts.ProviderPort)
	if p.IsSeparate() {
		parts.Moved = engine.LastMoved(p.StatePath(), p.FixedPorts())
	}
	if containers != nil {
		parts.HostGateway = containers.HostRoute == plan.RouteByGateway
		if containers.OnHost {
			parts.OnHost = onHost(s.host.Getenv, p.StatePath())
		}
		s.completeParts(ctx, *containers, &parts)
	}
	parts.Login = s.login.overlay(p, engine.Ports{App: parts.Port, Provider: parts.ProviderPort})
	return config.Overlay(p, parts)
}

// completeParts adds to parts what the container engine knows: ports, whether files are copied, the image.
func (s *Session) completeParts(ctx context.Context, c Containers, parts *config.Parts) {
	p := s.Project
	i, err := Observe(ctx, c, p)
	if err != nil {
		return // parts keep their defaults
	}
	if running, ok := i.GatewayConfig(); ok {
		parts.Port, parts.ProviderPort, parts.Sync, parts.TLS = running.Port, running.ProviderPort, running.Root == "", parts.TLS || running.TLS
	}
	if err := askIDs(ctx, c.Machine, &parts.Machine); err != nil {
		return // as above
	}
	if info, found, err := c.Images.Image(ctx, plan.ImageName(p.Name, p.Model.Services[p.App])); err == nil && found {
		parts.Image = imageFacts(info)
	}
}

// derivation derives the model to run, once the app's image and the ports are known.
type derivation struct {
	project  *config.Project
	login    loginSetup
	parts    config.Parts // all but image, ports and login, which effective adds
	images   Execer
	stateDir string
	now      func() time.Time
	config   *gatewayConfig // effective sets its login
}

// effective is the function Effective of an [engine.Project].
func (d derivation) effective(ctx context.Context, image plan.ImageInfo, ports engine.Ports) (engine.Effective, error) {
	parts := d.parts
	parts.Port, parts.ProviderPort, parts.Moved, parts.Image = ports.App, ports.Provider, ports.Moved, imageFacts(image)
	login, err := d.login.provider(d.project, runFacts{ports, config.AppURL(d.project, parts), parts.TLS, parts.Machine.CA, d.now()})
	if err != nil {
		return engine.Effective{}, err
	}
	imageWarnings, err := d.login.checkImage(ctx, d.images, d.stateDir, image.ID)
	if err != nil {
		return engine.Effective{}, err
	}
	parts.Login = d.login.overlay(d.project, ports)
	if login.Door != nil {
		parts.Login.Door = login.Door // with the certificate authority that the app trusts
	}
	effective, err := config.Overlay(d.project, parts)
	if err != nil {
		return engine.Effective{}, err
	}
	d.config.setLogin(login)
	derived, err := asEffective(effective)
	derived.Warnings = func() []dev.Warning {
		warnings := slices.Concat(d.login.host, imageWarnings)
		found := d.login.found
		if found == nil {
			var err error
			if found, _, err = inspect(d.project); err != nil { // slow, because it reads all the code
				return warnings // the others are not essential
			}
		}
		return slices.Concat(warnings, d.login.bypassWarnings(found), d.missingWarnings(effective, found, image.Env))
	}
	return derived, err
}

// newParts returns the inputs of [config.Overlay] that are known without the container engine: all but the images, and
// the default ports in place of the actual ones. The mode is [dev.Local] until the caller sets it.
func newParts(h Host, p *config.Project) (config.Parts, []dev.Warning, error) {
	machine, warnings, err := config.ReadMachine(p, h.Getenv, h.Now())
	if err != nil {
		return config.Parts{}, nil, err
	}
	return config.Parts{Machine: machine, Mode: dev.Local, Port: p.WantedPort(), ProviderPort: engine.FirstProviderPort, Env: streamlit.DevEnv, Shim: streamlit.Shim(), ShimModules: streamlit.ShimModules(), BytecodeEnv: streamlit.ShimBytecode, StateDir: p.StatePath()}, warnings, err
}

// askIDs finds out which user of a container is the user of this machine. Where the answer makes no difference, it does not
// ask the engine.
func askIDs(ctx context.Context, engine Machine, m *config.Machine) (err error) {
	if m.UID != 0 && !m.Foreign {
		m.Rootless, err = engine.Rootless(ctx)
	}
	return err
}

func imageFacts(i plan.ImageInfo) config.ImageFacts {
	return config.ImageFacts{Env: i.Env, Command: i.Command, WorkingDir: i.WorkingDir, User: i.User}
}

// asEffective converts a derived model into the form that package engine takes.
func asEffective(e *config.Effective) (engine.Effective, error) {
	out := engine.Effective{Mode: e.Mode, URL: e.URL, Issuer: e.Issuer}
	files, err := e.ReadFiles()
	if err != nil {
		return out, err
	}
	out.Desired = func(images map[string]string) plan.Desired {
		desired := plan.NewDesired(e.Project, e.App, config.GatewayService, plan.Inputs{Images: images, Files: files})
		for i, s := range desired.Services {
			copies, _ := copiesInto(e, s.Config.Name)
			desired.Services[i].Synced = len(copies) > 0
		}
		return desired
	}
	out.Prepare = func() error {
		if err := e.MakeDirs(); err != nil {
			return err
		}
		return fillSeeds(e.Seeds)
	}
	return out, nil
}

// copiesInto returns what is copied into a service's container, and the rules that select the files.
func copiesInto(e *config.Effective, service string) ([]dev.Copy, []dev.Rule) {
	if service == e.App {
		return e.Copies, e.GatewayConfig.Rules
	}
	for _, n := range e.Neighbours {
		if n.Service == service {
			return n.Copies, n.Rules
		}
	}
	return nil, nil
}
