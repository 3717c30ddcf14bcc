package console

import (
	"context"
	"errors"
	"io"

	"sdev/cmd/internal/render"
	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/docker"
	"sdev/dev/engine"
	"sdev/dev/hub"
	"sdev/dev/session"
	"sdev/dev/sidecar"
)

// Host describes this machine and the global flags to package session.
func (c *Console) Host() session.Host {
	h := session.Host{Dir: c.Dir, Files: c.Files, App: c.App, Entry: c.Entry, Env: c.Env, Getenv: c.Getenv, Targets: targetParams(), Now: c.Now, Gateway: c.gateway, MachineDir: c.CacheDir}
	if c.InTTY && !c.JSON {
		h.MFACode = c.askMFACode
	}
	return h
}

// gateway returns the gateway's program for an architecture.
func (c *Console) gateway(architecture string) (sidecar.Program, error) {
	if c.Gateway != nil {
		return c.Gateway(architecture)
	}
	cache, err := c.CacheDir()
	if err != nil {
		return sidecar.Program{}, err
	}
	return sidecar.For(architecture, cache)
}

// Load reads the project that the global flags point at.
func (c *Console) Load(ctx context.Context, o session.Options) (*config.Project, error) {
	return session.Load(ctx, c.Host(), o)
}

// Engine is a container engine, Docker's or a test's, by the roles that commands need. Whoever opened it closes
// it.
type Engine struct {
	session.Containers
	Endpoint docker.Endpoint // where it is, and what chose it
	Meter    Meter           // nil if it cannot measure
	Release  ReleaseImages   // nil if it has no images that could ship
	Leave    func() error    // leaves running what would end with this process; nil if nothing would
	io.Closer
}

// Meter measures containers.
type Meter interface {
	// Sample measures a running container once.
	Sample(ctx context.Context, container string) (dev.Sample, error)
}

// ReleaseImages inspects, exports and starts the image of a release.
type ReleaseImages interface {
	IdentifyImage(ctx context.Context, ref string) (docker.ImageIdentity, error)
	Save(ctx context.Context, ref string) (io.ReadCloser, error)
	StartSmokeTest(ctx context.Context, t docker.SmokeTest) (*docker.SmokeTestRun, error)
}

// openDocker connects to Docker's engine.
func openDocker(ctx context.Context, name string) (Engine, error) {
	e, err := docker.Open(ctx, name)
	if err != nil {
		return Engine{}, err
	}
	return Engine{
		Containers: session.Containers{Runtime: e, Images: e, Exec: e, Files: e, Machine: e, Catalog: e, Host: e.Endpoint().Host, HostRoute: e.HostRoute()},
		Endpoint:   e.Endpoint(), Meter: e, Release: e, Closer: e,
	}, nil
}

// Open connects to the container engine that flags and environment choose. With --verbose it prints which one that
// is. The caller closes it.
func (c *Console) Open(ctx context.Context) (Engine, error) {
	open := c.OpenEngine
	if open == nil {
		open = openDocker
	}
	e, err := open(ctx, c.EngineContext)
	if err != nil {
		return Engine{}, err
	}
	if host := c.Getenv("DOCKER_HOST"); c.EngineContext != "" && host != "" && e.Host != host && !c.Quiet {
		c.Notef("warning: sdev uses --context %s and ignores DOCKER_HOST=%s\n", c.EngineContext, host)
	}
	if p := e.Endpoint; c.Verbose {
		c.Notef("engine %s (%s), API %s\n", p.Host, p.Why, p.API)
	}
	return e, nil
}

// Running is a project with its containers, and the engine that runs them.
type Running struct {
	session.Instance
	Engine Engine
}

// Close closes the connection to the engine.
func (r Running) Close() { _ = r.Engine.Close() }

// RequireRunning reads the project and finds its containers. It is an error if they were started from another
// directory. The caller closes the result.
func (c *Console) RequireRunning(ctx context.Context) (Running, error) {
	r, err := c.FindRunning(ctx)
	if err == nil && r.Elsewhere != nil {
		r.Close()
		return Running{}, r.Elsewhere
	}
	return r, err
}

// FindRunning is RequireRunning for commands that also work if the containers were started from another directory:
// then the result has no containers, and Elsewhere is the error.
func (c *Console) FindRunning(ctx context.Context) (Running, error) {
	p, err := c.Load(ctx, session.Options{})
	if err != nil {
		return Running{}, err
	}
	e, err := c.OpenFor(ctx, p, "", false)
	if err != nil {
		return Running{}, err
	}
	i, err := session.Observe(ctx, e.Containers, p)
	if err != nil {
		_ = e.Close()
	}
	return Running{i, e}, err
}

// View says how a command's events are shown.
type View struct {
	JSON   bool
	Detach bool
	// Attached says that the command follows the project until its end. Processes of this machine then end with it.
	Attached bool
	Cut      bool // earlier events are not shown, see [render.Options]
	Several  bool // several services print lines
}

// WithEngine connects to the container engine, runs work, and prints the events of work meanwhile. It returns after
// the last event has been printed. The context of work ends with ctx, or when an event cannot be printed.
func (c *Console) WithEngine(ctx context.Context, o session.Options, v View, work func(context.Context, *engine.Engine) error) error {
	// A project that cannot be used is reported before an engine that does not answer.
	s, err := session.New(ctx, c.Host(), o)
	if err != nil {
		return err
	}
	runtime, err := c.OpenFor(ctx, s.Project, o.Runtime, v.Attached)
	if err != nil {
		return err
	}
	defer runtime.Close() //nolint:errcheck // nothing is lost with the connection
	if o.Runtime != "" {
		if err := c.SwitchTo(ctx, s.Project, runtime); err != nil {
			return err
		}
	}
	return c.showing(ctx, v, func(ctx context.Context, events *hub.Hub) error {
		e, err := s.Engine(ctx, runtime.Containers, events.EmitAt)
		if err != nil {
			return err
		}
		return work(ctx, e)
	})
}

// WithFound is WithEngine for projects that are found on runtimes, and not read from this directory. on makes the engine of
// a runtime.
func (c *Console) WithFound(ctx context.Context, v View, work func(ctx context.Context, on func(Engine) *engine.Engine) error) error {
	return c.showing(ctx, v, func(ctx context.Context, events *hub.Hub) error {
		return work(ctx, func(e Engine) *engine.Engine {
			return &engine.Engine{Runtime: e.Runtime, Host: e.Host, Emit: events.EmitAt}
		})
	})
}

// showing runs work and prints its events meanwhile, see WithEngine.
func (c *Console) showing(ctx context.Context, v View, work func(context.Context, *hub.Hub) error) error {
	events := hub.New(c.Now)
	reading, gone := context.WithCancel(ctx)
	defer gone()
	shown := c.Show(ctx, events, v, gone)
	err := work(reading, events)
	events.Close()
	if showErr := <-shown; showErr != nil && (err == nil || errors.Is(err, context.Canceled)) {
		err = showErr
	}
	return err
}

// Show starts a goroutine that prints events until the hub is closed, and then sends its error, or nil. If an event
// cannot be printed, it calls gone and ends.
func (c *Console) Show(ctx context.Context, events *hub.Hub, v View, gone func()) <-chan error {
	ctx = context.WithoutCancel(ctx) // events after an interrupt are printed too
	_, stream := events.Subscribe()
	done := make(chan error, 1)
	printer := c.Printer(v)
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

// Printer prints events as the flags require.
func (c *Console) Printer(v View) render.Printer {
	if v.JSON {
		return render.NewJSON(c.Stdout())
	}
	return render.NewPlain(c.lines(), render.Options{Color: c.Colored(), Width: c.Width, Wrap: c.OutTTY, Quiet: c.Quiet, Verbose: c.Verbose, Cut: v.Cut, Several: v.Several})
}
