// Package dashboard connects the screen of package tui with the project: it carries out what the user asks for, and
// answers what the screen needs to know.
//
// Goroutines: at most one job runs beside the screen. It supervises the project, or only follows its events. [Run]
// and [Show] end the job and wait for it before they return.
package dashboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"sdev/cmd/internal/console"
	"sdev/cmd/internal/render"
	"sdev/cmd/internal/tui"
	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/engine"
	"sdev/dev/hub"
	"sdev/dev/plan"
	"sdev/dev/session"
)

// Options say how the dashboard runs a project.
type Options struct {
	session.Options
	Build      bool          // build even if nothing changed
	Timeout    time.Duration // how long the app may take until its page answers
	StopOnQuit bool          // leaving the dashboard stops the project and removes its containers
}

// host implements tui.Host and tui.HandOff: it runs at most one job, and carries out the user's actions beside it.
// It is safe for concurrent use.
type host struct {
	console *console.Console
	ctx     context.Context //nolint:containedctx // a job lives as long as the dashboard, not as long as the call that starts it
	runtime console.Engine
	events  *hub.Hub
	project *config.Project
	options Options // mu guards Auth and As; the rest stays the same

	mu         sync.Mutex            // guards the fields below
	job        *job                  // nil while none runs
	startErr   error                 // why the last start failed
	engineLost bool                  // supervising ended because the engine did not answer any more
	running    []plan.Container      // containers that ran at the last call of Facts
	samples    map[string]dev.Sample // of the running containers, by id
	detected   detectedModes
}

// detectedModes are the login modes that the code of the project implies.
type detectedModes struct {
	modes []dev.Mode // none if the code has no login
	at    time.Time
}

// detectEvery is the minimal time between two searches of the code for its login: the screen asks for facts at every
// save, and the project may be large.
const detectEvery = time.Minute

// Run shows the dashboard until the user leaves it or ctx ends. With start it starts the project at once; otherwise
// it shows what already runs, or nothing.
func Run(ctx context.Context, c *console.Console, o Options, start bool) error {
	p, runtime, err := Open(ctx, c, o.Options)
	if err != nil {
		return err
	}
	return Show(ctx, c, o, p, runtime, start)
}

// Show is Run for a project and an engine that [Open] returned. It closes the engine.
func Show(ctx context.Context, c *console.Console, o Options, p *config.Project, runtime console.Engine, start bool) error {
	defer runtime.Close() //nolint:errcheck // nothing is lost with the connection
	in, out, err := c.Screen()
	if err != nil {
		return err
	}
	d := &host{console: c, ctx: ctx, runtime: runtime, events: hub.New(c.Now), project: p, options: o, samples: map[string]dev.Sample{}}
	before, stream := d.events.Subscribe()
	if start { // otherwise the first call of Facts follows what runs
		if err := d.supervise(p); err != nil {
			return err
		}
	}
	exit, err := tui.Run(ctx, tui.Options{
		Host: d, HandOff: d, Before: before, Events: stream, Facts: d.initialFacts(),
		In: in, Out: out, Env: c.Env, Colors: c.Color, StopOnQuit: o.StopOnQuit, Owned: d.supervising() || !start, Now: c.Now,
	})
	stream.Close()
	if ctx.Err() != nil {
		err = nil // a signal: finish takes care of the project, and returns the exit code
	}
	if ended := d.finish(ctx, exit.Stop || ctx.Err() != nil && d.supervising()); err == nil {
		err = ended
	}
	return err
}

// Open reads the project and connects to the engine at the same time, because the user waits for the first frame. If
// both fail, it returns the project's error.
func Open(ctx context.Context, c *console.Console, o session.Options) (*config.Project, console.Engine, error) {
	var runtime console.Engine
	var closed error
	var opening sync.WaitGroup
	opening.Go(func() { runtime, closed = c.Open(ctx) })
	p, err := c.Load(ctx, o)
	opening.Wait()
	if err == nil && (c.UsesProcesses(p, o.Runtime) || closed != nil && o.Runtime == session.RuntimeAuto) {
		if closed == nil {
			_ = runtime.Close() // another runtime is meant
		}
		runtime, closed = c.OpenFor(ctx, p, o.Runtime, true)
	}
	if err == nil && closed == nil && o.Runtime != "" {
		err = c.SwitchTo(ctx, p, runtime)
	}
	if err = cmp.Or(err, closed); err == nil {
		var i session.Instance
		if i, err = session.Observe(ctx, runtime.Containers, p); err == nil && p.Named {
			err = i.Elsewhere // else this checkout gets a name of its own once it starts
		}
	}
	if err != nil && closed == nil {
		_ = runtime.Close()
	}
	return p, runtime, err
}

// initialFacts are the facts that need no request.
func (d *host) initialFacts() tui.Facts {
	return tui.Facts{
		Project: d.project.Name, Dir: d.console.FromHome(d.project.Dir), App: d.project.App, Gateway: config.GatewayService,
		Engine: d.runtime.Endpoint.Host, API: d.runtime.Endpoint.API, Provider: tui.Provider{People: d.project.Settings.Auth.People()},
	}
}

// finish ends the job and prints whether the project still runs. With stop, the job stops the project first.
func (d *host) finish(ctx context.Context, stop bool) error {
	after := context.WithoutCancel(ctx)
	snap := d.events.Snapshot()
	shown := d.console.Show(ctx, d.events, console.View{}, func() {})
	if stop && d.supervising() {
		d.endJob(context.Canceled)
	} else {
		d.endJob(engine.ErrDetached)
	}
	d.events.Close()
	err := <-shown
	if d.runtime.Leave != nil {
		if lerr := d.runtime.Leave(); err == nil {
			err = lerr
		}
	}
	if d.startError() != nil && snap.Error.Code != "" {
		return d.startError()
	}
	if ctx.Err() != nil {
		return console.ExitError(dev.ExitInterrupted)
	}
	if err != nil {
		return err
	}
	if r, rerr := d.findRunning(after); rerr == nil && r.URL() != "" {
		err = d.console.Printf("%s still runs at %s (%s). sdev ui shows it, sdev down stops it.\n", r.Project.Name, r.URL(), modeText(r.Mode()))
		var b console.Page
		if s, ok := r.GatewayConfig(); ok && s.Root == "" {
			b.Add("Saves are copied only while sdev up runs.\n")
		}
		if text := lastSave(snap); text != "" {
			b.Add("The last save: %s.\n", text)
		}
		if names := running(snap, config.GatewayService); len(names) > 1 {
			b.Add("Services that run: %s.\n", strings.Join(names, ", "))
		}
		err = cmp.Or(err, d.console.Print(&b))
	}
	return err
}

// lastSave says what became of the last save that the dashboard has seen; "" if there was none.
func lastSave(s dev.Snapshot) string {
	if len(s.LastFile.Paths) == 0 {
		return ""
	}
	file := s.LastFile.Paths[0]
	switch e := s.Exception; {
	case e.Exception != "":
		at := e.File
		if e.Line > 0 {
			at = fmt.Sprintf("%s:%d", e.File, e.Line)
		}
		return fmt.Sprintf("%s; the page shows %s at %s", file, e.Exception, at)
	case s.Reload.Trigger == file:
		return fmt.Sprintf("%s, live in %s", file, render.Duration(s.Reload.MS))
	}
	return file + ", which no tab has shown yet"
}

// running are the services that run, without one.
func running(s dev.Snapshot, without string) []string {
	var names []string
	for _, service := range s.Services {
		if service.Name != without && (service.State == dev.Running || service.State == dev.Healthy || service.State == dev.Unhealthy) {
			names = append(names, service.Name)
		}
	}
	return names
}

func modeText(m dev.Mode) string {
	if m == dev.Local {
		return render.Mode(m)
	}
	return "login: " + string(m)
}

// supervise starts the project and a job that supervises it.
func (d *host) supervise(first *config.Project) error {
	d.mu.Lock()
	o := d.options
	d.mu.Unlock()
	ctx, stop := context.WithCancelCause(d.ctx)
	if first == nil {
		var err error
		if first, err = d.console.Load(ctx, o.Options); err != nil {
			stop(err)
			return err
		}
	}
	e, err := d.engine(ctx, first, o.Options)
	if err != nil {
		stop(err)
		return err
	}
	e.Timeout = o.Timeout
	d.startJob(true, stop, func() error { return e.Supervise(ctx, d.console.Force, engine.Request{Build: o.Build}) })
	return nil
}

// engine makes an engine that sends its events to the screen.
func (d *host) engine(ctx context.Context, p *config.Project, o session.Options) (*engine.Engine, error) {
	s, err := session.ForProject(d.console.Host(), p, o)
	if err != nil {
		return nil, err
	}
	return s.Engine(ctx, d.runtime.Containers, d.events.EmitAt)
}

// followHistory is how many earlier log lines of each service are shown.
const followHistory = 1000

// follow starts a job that follows the events of a running project, earlier log lines included.
func (d *host) follow(r console.Running) {
	d.emitStarted(r)
	ctx, stop := context.WithCancelCause(d.ctx)
	f := plan.Follow{Project: r.Project.Name, Gateway: config.GatewayService, Tail: followHistory, Whole: true, Stay: true}
	d.startJob(false, stop, func() error { return d.runtime.Runtime.Follow(ctx, f, d.events.EmitAt) })
}

// emitStarted sends the events that the start of a running project has sent elsewhere.
func (d *host) emitStarted(r console.Running) {
	var names []string
	for _, c := range r.Observed.Containers {
		state := dev.ServiceState{Service: c.Service, State: dev.Exited, ExitCode: c.ExitCode}
		if c.Running {
			state = dev.ServiceState{Service: c.Service, State: dev.Running}
			names = append(names, c.Service)
		}
		d.events.EmitAt(c.Started, state)
	}
	if url := r.URL(); url != "" {
		g, _ := r.Container(config.GatewayService)
		d.events.EmitAt(g.Started, dev.Ready{URL: url, Mode: r.Mode(), Issuer: r.Issuer(), Services: names})
	}
}

// findRunning reads the project and finds its containers.
func (d *host) findRunning(ctx context.Context) (console.Running, error) {
	p, err := d.console.Load(ctx, session.Options{Entry: d.options.Entry})
	if err != nil {
		return console.Running{}, err
	}
	i, err := session.Observe(ctx, d.runtime.Containers, p)
	if err == nil && p.Named {
		err = i.Elsewhere // see Open
	}
	return console.Running{Instance: i, Engine: d.runtime}, err
}

// modes are the login modes that the project can run with, including the current one.
func (d *host) modes(ctx context.Context, p *config.Project) []dev.Mode {
	modes := []dev.Mode{dev.Local}
	for _, mode := range append([]dev.Mode{p.Settings.Auth.Mode}, d.detectModes(ctx, p)...) {
		if mode != "" && !slices.Contains(modes, mode) {
			modes = append(modes, mode)
		}
	}
	return modes
}

// detectModes are the login modes that the code implies; none if it has no login. It searches the code at most once per
// detectEvery.
func (d *host) detectModes(ctx context.Context, p *config.Project) []dev.Mode {
	d.mu.Lock()
	known := d.detected
	d.mu.Unlock()
	now := d.console.Now()
	if age := now.Sub(known.at); age >= 0 && age < detectEvery {
		return known.modes
	}
	known = detectedModes{at: now}
	if found, err := session.Inspect(ctx, p, session.EntryChoice{}); err == nil {
		known.modes = session.LoginModes(found)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.detected = known
	return known.modes
}

// awaitStart waits until a start has succeeded or failed.
func awaitStart(ctx context.Context, stream *hub.Subscription) error {
	for {
		ev, err := stream.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch e := ev.Event.(type) {
		case dev.Ready:
			return nil
		case dev.Failed:
			return e.Err()
		}
	}
}

// since formats the time since start.
func since(start time.Time) string {
	return fmt.Sprintf("%.1f s", time.Since(start).Seconds())
}
