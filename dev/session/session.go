package session

import (
	"context"
	"slices"
	"sync"
	"time"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/engine"
	"sdev/dev/plan"
	"sdev/dev/sidecar"
)

// Session is a project together with the options of this run.
type Session struct {
	Project *config.Project

	host    Host
	options Options
	login   loginSetup
}

// New reads the project and decides how to treat its login.
func New(ctx context.Context, h Host, o Options) (*Session, error) {
	p, err := Load(ctx, h, o)
	if err != nil {
		return nil, err
	}
	return ForProject(h, p, o)
}

// ForProject is [New] for a project that [Load] has just read with the same options.
func ForProject(h Host, p *config.Project, o Options) (*Session, error) {
	login, err := newLoginSetup(p, o)
	if err != nil {
		return nil, err
	}
	login.host = useOwnHost(p, login.mode)
	return &Session{Project: p, host: h, options: o, login: login}, nil
}

// Engine makes an engine that works on the project and reports events to emit. The engine uses the session's project
// first, under the name that this directory may use (see claim), and reads it from disk again each later time. If the app gets AWS keys from this machine, Engine fetches the
// first ones, so that a missing AWS login is an error before anything is built.
func (s *Session) Engine(ctx context.Context, c Containers, emit func(time.Time, dev.Event)) (*engine.Engine, error) {
	keys, err := newAWSKeys(ctx, s.host, s.Project)
	if err != nil {
		return nil, err
	}
	link := &gatewayLink{exec: c.Exec, config: gatewayConfig{project: s.Project, aws: keys, useCurrent: s.options.As != ""}, onHost: c.OnHost}
	first := true
	var mu sync.Mutex // guards first, the session and the link's project: several jobs may read the project at the same time
	return &engine.Engine{
		Runtime: c.Runtime, Host: c.Host, Images: c.Images, Gateway: link, Emit: emit, Timeout: time.Minute,
		Copier: &copier{files: c.Files, exec: c.Exec, program: func(ctx context.Context) (sidecar.Program, error) { return GatewayProgram(ctx, s.host, c) }, link: link, emit: func(ev dev.Event) { emit(s.host.Now(), ev) }},
		Source: func(ctx context.Context) (engine.Project, error) {
			mu.Lock()
			defer mu.Unlock()
			var named []dev.Warning
			var err error
			if first {
				named, err = s.claim(ctx, c)
				named = slices.Concat(c.Warnings, named)
				link.config.project = s.Project
			} else {
				err = s.reload(ctx, c)
			}
			if err != nil {
				return engine.Project{}, err
			}
			first = false
			p, err := s.project(ctx, c, link)
			p.Warnings = append(named, p.Warnings...)
			return p, err
		},
	}, nil
}

// reload reads the project again: its files may have changed, and another sdev may have switched the login mode.
func (s *Session) reload(ctx context.Context, c Containers) error {
	p, err := Load(ctx, s.host, s.options)
	if err != nil {
		return err
	}
	i, err := Observe(ctx, c, p)
	if err != nil {
		return err
	}
	o := s.options
	if app, ok := i.Container(p.App); ok && app.Labels[dev.LabelMode] != "" {
		o.Auth, o.As = i.login()
	}
	login, err := newLoginSetup(p, o)
	if err != nil {
		return err
	}
	login.host = useOwnHost(p, login.mode)
	s.Project, s.options, s.login = p, o, login
	return nil
}

// tlsWarnings says what an https page needs.
func (s *Session) tlsWarnings() []dev.Warning {
	if !s.options.TLS {
		return nil
	}
	return []dev.Warning{{Code: dev.CodeAssumed, Message: "the page is https, with a certificate of the project's own authority, which no browser knows",
		Hint: "accept the browser's warning, or import " + dev.StateDir + "/" + dev.LoginDir + "/" + config.AuthorityFile + " into it: it is valid for localhost and the hosts of front doors only"}}
}

// project converts the project into the form that package engine takes. It derives the model twice, because the parts
// depend on each other: a first derivation says which images to build, and what is copied and watched. The second,
// derivation.effective, needs facts about the built image and the ports that the engine has found free.
func (s *Session) project(ctx context.Context, c Containers, link *gatewayLink) (engine.Project, error) {
	p, login := s.Project, s.login
	parts, warnings, err := newParts(s.host, p)
	if err != nil {
		return engine.Project{}, err
	}
	if err := askIDs(ctx, c.Machine, &parts.Machine); err != nil {
		return engine.Project{}, err
	}
	gateway, err := GatewayProgram(ctx, s.host, c)
	if err != nil {
		return engine.Project{}, err
	}
	parts.GatewayImage, parts.Mode, parts.TLS = gateway.Ref, login.mode, s.options.TLS
	var place []dev.Warning
	if c.OnHost {
		if login.mode.HasDoor() {
			return engine.Project{}, doorOnHostError(login.mode)
		}
		parts.OnHost = onHost(s.host.Getenv, p.StatePath())
	} else {
		parts.Sync, place = s.options.copies(p, c.Host)
	}
	parts.HostGateway = c.HostRoute == plan.RouteByGateway
	if c.HostRoute == plan.RouteByName {
		warnings = append(warnings, p.HostGatewayWarnings()...)
	}
	state, err := p.StateDir()
	if err != nil {
		return engine.Project{}, err
	}
	p.RememberAccepted()
	if err := parts.Machine.CA.Write(); err != nil {
		return engine.Project{}, err
	}
	out := engine.Project{
		Name: p.Name, Named: p.Named, App: p.App, Gateway: config.GatewayService, StateDir: state, Files: p.RelativeFiles(), Host: c.Host, Mode: login.mode, Isolate: p.Settings.Components == config.ComponentsIsolate,
		Labels:   plan.Labels{Project: p.Name, App: p.App, Gateway: config.GatewayService, Dir: p.Dir, ConfigFiles: p.Files},
		Warnings: slices.Concat(p.Warnings, warnings, login.warnings, s.tlsWarnings(), place),
		Mounted:  !parts.Sync, MountOnly: s.options.Mount,
		Port: p.WantedPort(), PortNamed: p.WantedPort(), Reserved: func(app plan.ImageInfo) []int { return p.ReservedPorts(imageFacts(app)) }, GatewayImage: parts.GatewayImage,
	}
	if p.IsSeparate() {
		out.Separate = p.FixedPorts()
	}
	if s.options.Port != 0 {
		out.Port, out.PortFixed = s.options.Port, true
	}
	effective, err := config.Overlay(p, parts)
	if err != nil {
		return engine.Project{}, err
	}
	out.Warnings = append(out.Warnings, notStarted(effective)...)
	if out.Images, err = imageSources(ctx, p, effective, parts.Machine); err != nil {
		return engine.Project{}, err
	}
	out.Copies, out.Rules, out.Container = effective.Copies, hostRules(effective.GatewayConfig), plan.ContainerName(p.Name, effective.Project.Services[p.App])
	for _, n := range effective.Neighbours {
		out.Neighbours = append(out.Neighbours, engine.Neighbour{Service: n.Service, Container: plan.ContainerName(p.Name, effective.Project.Services[n.Service]), Rules: n.Rules, Copies: n.Copies})
	}
	out.Effective = derivation{project: p, login: login, parts: parts, images: c.Exec, stateDir: state, now: s.host.Now, config: &link.config}.effective
	return out, nil
}
