package cli

import (
	"context"
	"errors"

	"sdev/cmd/internal/render"
	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/docker"
	"sdev/dev/engine"
	"sdev/dev/hub"
	"sdev/dev/release"
	"sdev/dev/session"
	"sdev/templates"
)

// host is this machine and the global flags, as a session takes them.
func (a *app) host() session.Host {
	h := session.Host{Dir: a.dir, Files: a.files, Env: a.Env, Targets: targetParams(), Now: a.now, GatewayRef: a.gatewayRef}
	if a.InTTY && !a.json {
		h.MFACode = a.askMFACode
	}
	return h
}

// gatewayRef is the reference of the gateway's image, which this program makes.
func (a *app) gatewayRef() (string, error) {
	cache, err := a.cacheDir()
	if err != nil {
		return "", err
	}
	return docker.GatewayRef(cache)
}

// load reads the project that the global flags point at.
func (a *app) load(ctx context.Context, o session.Options) (*config.Project, error) {
	return session.Load(ctx, a.host(), o)
}

// open connects to the container engine that flags and environment choose, and says which one that
// is where --verbose asks for it. The caller closes it.
func (a *app) open(ctx context.Context) (*docker.Engine, error) {
	e, err := docker.Open(ctx, a.context)
	if err != nil {
		return nil, err
	}
	if host := a.Getenv("DOCKER_HOST"); a.context != "" && host != "" && e.Host() != host && !a.quiet {
		a.notef("warning: --context %s is used, and DOCKER_HOST=%s is not\n", a.context, host)
	}
	if p := e.Place(); a.verbose {
		a.notef("engine %s (%s), API %s\n", p.Host, p.Why, p.API)
	}
	return e, nil
}

// releaser hands over from this machine. It shows the steps of a build, unless the output is for programs.
func (a *app) releaser() *release.Releaser {
	progress := a.printer(view{})
	return &release.Releaser{Dir: a.dir, Guard: a.guard(), Env: a.Env, Getenv: a.Getenv, Now: a.now, Version: buildVersion,
		Templates: templates.Targets(), TemplatesVersion: templates.TargetsVersion, CacheDir: a.cacheDir,
		OpenEngine: func(ctx context.Context) (release.Engine, error) {
			e, err := a.open(ctx)
			return releaseEngine{e, a.gatewayRef}, err
		},
		Emit: func(e dev.Event) {
			if !a.json {
				_ = progress.Print(dev.Stamped{Time: a.now(), Event: e}) // whoever reads has left
			}
		}}
}

// releaseEngine is the container engine as package release sees it.
type releaseEngine struct {
	*docker.Engine
	gatewayRef func() (string, error)
}

func (e releaseEngine) Inspect(ctx context.Context, ref string) (release.Image, error) {
	s, err := e.Shipped(ctx, ref)
	return release.Image(s), err
}

func (e releaseEngine) Start(ctx context.Context, t release.SmokeTest) (release.Container, error) {
	gateway, err := e.gatewayRef()
	if err != nil {
		return nil, err
	}
	tried, err := e.Try(ctx, docker.Trial{Project: t.Project, Image: t.Image, Command: t.Command, Env: t.Env, Scratch: t.Scratch, Port: t.Port, Gateway: gateway})
	if failure, ok := errors.AsType[*dev.Error](err); ok && failure.Code == dev.CodeEngine {
		return nil, &release.StartError{Message: failure.Message}
	}
	return releaseContainer{tried}, err
}

// releaseContainer is a container as package release sees it.
type releaseContainer struct{ *docker.Trying }

func (c releaseContainer) User() string { return c.Trying.User }

// running is what runs of the project here, and the engine that it runs on.
type running struct {
	session.Instance
	engine *docker.Engine
}

func (r running) close() { _ = r.engine.Close() }

// find reads the project and looks at what runs. What runs from another directory under the same name is
// an error. The caller closes the result.
func (a *app) find(ctx context.Context) (running, error) {
	r, err := a.seek(ctx)
	if err == nil && r.Elsewhere != nil {
		r.close()
		return running{}, r.Elsewhere
	}
	return r, err
}

// seek is find for commands that go on where the project runs from another directory: it finds nothing of
// that, and Elsewhere says so.
func (a *app) seek(ctx context.Context) (running, error) {
	p, err := a.load(ctx, session.Options{})
	if err != nil {
		return running{}, err
	}
	e, err := a.open(ctx)
	if err != nil {
		return running{}, err
	}
	i, err := session.Observe(ctx, e, p)
	if err != nil {
		_ = e.Close()
	}
	return running{i, e}, err
}

// view says how a command's events are shown.
type view struct {
	json   bool
	detach bool
}

// withEngine opens the container engine, runs work, and shows its events meanwhile. It returns
// once every event has been shown. The context that work gets ends with ctx, and also once nobody
// reads the events any more.
func (a *app) withEngine(ctx context.Context, o session.Options, v view, work func(context.Context, *engine.Engine) error) error {
	// A project that cannot be used is reported before an engine that does not answer.
	s, err := session.New(ctx, a.host(), o)
	if err != nil {
		return err
	}
	runtime, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer runtime.Close() //nolint:errcheck // nothing is lost with the connection
	events := hub.New(a.now)
	e, err := s.Engine(ctx, runtime, events.EmitAt)
	if err != nil {
		return err
	}
	reading, gone := context.WithCancel(ctx)
	defer gone()
	shown := a.show(ctx, events, v, gone)
	err = work(reading, e)
	events.Close()
	if showErr := <-shown; showErr != nil && (err == nil || errors.Is(err, context.Canceled)) {
		err = showErr
	}
	return err
}

// show prints events in a goroutine of its own until the hub is closed, then delivers how that went.
// It calls gone as soon as an event cannot be printed.
func (a *app) show(ctx context.Context, events *hub.Hub, v view, gone func()) <-chan error {
	ctx = context.WithoutCancel(ctx) // what happens after an interrupt is shown too
	_, stream := events.Subscribe()
	done := make(chan error, 1)
	printer := a.printer(v)
	go func() {
		for {
			ev, err := stream.Next(ctx)
			if err != nil {
				done <- render.End(err)
				return
			}
			if err := printer.Print(ev); err != nil {
				stream.Close()
				gone()
				done <- err
				return
			}
		}
	}()
	return done
}

func (a *app) printer(v view) render.Printer {
	if v.json {
		return render.NewJSON(a.out())
	}
	return render.NewPlain(a.out(), render.Options{Color: a.colored(), Width: a.Width, Wrap: a.OutTTY, Quiet: a.quiet, Verbose: a.verbose})
}
