// Package dashboard joins the screen with the project: it is what package tui asks and steers.
//
// At most one job stays with the project, in a goroutine of its own: it supervises the project, or only
// follows its events. Leaving the dashboard ends the job and waits for it.
package dashboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"sdev/cmd/internal/console"
	"sdev/cmd/internal/tui"
	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/detect"
	"sdev/dev/docker"
	"sdev/dev/engine"
	"sdev/dev/hub"
	"sdev/dev/plan"
	"sdev/dev/session"
)

// Options say how the dashboard runs a project.
type Options struct {
	session.Options
	Build      bool          // build even where nothing changed
	Timeout    time.Duration // how long the app may take until its page answers
	StopOnQuit bool          // leaving the dashboard takes the project down
}

// host is what the screen steers: at most one job that stays with the project, and whatever a
// person asks for beside it. Safe for concurrent use.
type host struct {
	console *console.Console
	ctx     context.Context //nolint:containedctx // jobs live as long as the dashboard, whoever asks for them
	runtime console.Engine
	events  *hub.Hub
	project *config.Project
	options Options

	mu    sync.Mutex               // guards what follows
	job   *job                     // nil where nothing is followed
	err   error                    // why the last start failed
	cut   bool                     // what was attended to was lost with the engine
	found []plan.Container         // that ran when they were last looked for
	last  map[string]docker.Sample // of them, by id
	login codeLogin
}

// codeLogin is what the code says of its login, and when it was read.
type codeLogin struct {
	mode dev.Mode // "" where it says nothing
	at   time.Time
}

// readAgain is how long what the code says of its login is taken to stay so: the dashboard looks for
// facts at every save, and a tree may be large.
const readAgain = time.Minute

// job stays with what runs: it attends to it, or only follows it.
type job struct {
	attends bool
	stop    context.CancelCauseFunc
	ended   chan struct{}
}

// Run shows the dashboard. start begins the project at once, as the options have it; otherwise what runs
// is shown, or nothing.
func Run(ctx context.Context, c *console.Console, o Options, start bool) error {
	p, runtime, err := Open(ctx, c, o.Options)
	if err != nil {
		return err
	}
	return Show(ctx, c, o, p, runtime, start)
}

// Show shows the dashboard of a project, and closes the engine.
func Show(ctx context.Context, c *console.Console, o Options, p *config.Project, runtime console.Engine, start bool) error {
	defer runtime.Close() //nolint:errcheck // nothing is lost with the connection
	in, out, err := c.Screen()
	if err != nil {
		return err
	}
	d := &host{console: c, ctx: ctx, runtime: runtime, events: hub.New(c.Now), project: p, options: o, last: map[string]docker.Sample{}}
	before, stream := d.events.Subscribe()
	if start { // else the first look for facts joins what runs
		if err := d.attend(p); err != nil {
			return err
		}
	}
	exit, err := tui.Run(ctx, tui.Options{
		Host: d, HandOff: d, Before: before, Events: stream, Facts: d.first(),
		In: in, Out: out, Env: c.Env, Colors: c.Color, StopOnQuit: o.StopOnQuit, Owned: d.attending() || !start, Now: c.Now,
	})
	stream.Close()
	if ctx.Err() != nil {
		err = nil // a signal: the project is seen to below, and the exit code says it
	}
	if ended := d.end(ctx, exit.Stop || ctx.Err() != nil && d.attending()); err == nil {
		err = ended
	}
	return err
}

// Open reads the project while the engine is found, because a person waits for the first picture. A
// project that cannot be used is reported before an engine that does not answer.
func Open(ctx context.Context, c *console.Console, o session.Options) (*config.Project, console.Engine, error) {
	var runtime console.Engine
	var closed error
	var opening sync.WaitGroup
	opening.Go(func() { runtime, closed = c.Open(ctx) })
	p, err := c.Load(ctx, o)
	opening.Wait()
	if err = cmp.Or(err, closed); err == nil {
		var i session.Instance
		if i, err = session.Observe(ctx, runtime.Containers, p); err == nil {
			err = i.Elsewhere
		}
	}
	if err != nil && closed == nil {
		_ = runtime.Close()
	}
	return p, runtime, err
}

// first is what is known before anything was asked.
func (d *host) first() tui.Facts {
	return tui.Facts{
		Project: d.project.Name, Dir: d.console.FromHome(d.project.Dir), App: d.project.App, Gateway: config.GatewayService,
		Engine: d.runtime.Endpoint.Host, API: d.runtime.Endpoint.API, Provider: tui.Provider{People: d.project.Settings.Auth.People()},
	}
}

// end lets go of what runs, or takes it down, and says in a line or two how things are left.
func (d *host) end(ctx context.Context, stop bool) error {
	after := context.WithoutCancel(ctx)
	snap := d.events.Snapshot()
	shown := d.console.Show(ctx, d.events, console.View{}, func() {})
	if stop && d.attending() {
		d.leave(context.Canceled)
	} else {
		d.leave(engine.ErrDetached)
	}
	d.events.Close()
	err := <-shown
	if d.failure() != nil && snap.Error.Code != "" {
		return d.failure()
	}
	if ctx.Err() != nil {
		return console.ExitError(dev.ExitInterrupted)
	}
	if r, rerr := d.look(after); rerr == nil && r.URL() != "" {
		err = d.console.Printf("%s still runs at %s (%s). sdev ui shows it, sdev down stops it.\n", r.Project.Name, r.URL(), modeText(r.Mode()))
		if s, ok := r.GatewayConfig(); ok && s.Root == "" {
			err = d.console.Printf("Saves are copied only while sdev up runs.\n")
		}
	}
	return err
}

func modeText(m dev.Mode) string {
	if m == dev.Local {
		return "local: the login is bypassed"
	}
	return "login: " + string(m)
}

// attend starts the project and stays with it until it is left.
func (d *host) attend(first *config.Project) error {
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
	d.begin(true, stop, func() error { return e.Supervise(ctx, d.console.Force, engine.Request{Build: o.Build}) })
	return nil
}

// engine makes an engine that tells what it does to the dashboard.
func (d *host) engine(ctx context.Context, p *config.Project, o session.Options) (*engine.Engine, error) {
	s, err := session.ForProject(d.console.Host(), p, o)
	if err != nil {
		return nil, err
	}
	return s.Engine(ctx, d.runtime.Containers, d.events.EmitAt)
}

// followHistory is how many lines each service has printed before that are shown.
const followHistory = 1000

// follow tells of what runs, from its beginning on.
func (d *host) follow(r console.Running) {
	d.tell(r)
	ctx, stop := context.WithCancelCause(d.ctx)
	f := plan.Follow{Project: r.Project.Name, Gateway: config.GatewayService, Tail: followHistory, Whole: true, Stay: true}
	d.begin(false, stop, func() error { return d.runtime.Runtime.Follow(ctx, f, d.events.EmitAt) })
}

// tell says of a project that was found running what its own start would have.
func (d *host) tell(r console.Running) {
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

// begin runs a job in a goroutine of its own. Its failure is an event.
func (d *host) begin(attends bool, stop context.CancelCauseFunc, run func() error) {
	j := &job{attends, stop, make(chan struct{})}
	d.mu.Lock()
	d.job, d.err, d.cut = j, nil, false
	d.mu.Unlock()
	go func() {
		defer close(j.ended)
		err := run()
		stop(nil)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.job = nil
		if err != nil && !errors.Is(err, context.Canceled) {
			d.err, d.cut = err, attends && dev.AsError(err).Code == dev.CodeEngineUnreachable
			d.events.Emit(dev.AsError(err).Event())
		}
	}()
}

// leave ends the job for a reason, and waits for it.
func (d *host) leave(why error) {
	d.mu.Lock()
	j := d.job
	d.mu.Unlock()
	if j != nil {
		j.stop(why)
		<-j.ended
	}
}

func (d *host) attending() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.job != nil && d.job.attends
}

// wasCut reports whether an engine that went away ended what was attended to.
func (d *host) wasCut() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cut
}

func (d *host) busy() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.job != nil
}

func (d *host) failure() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// look reads the project and what runs of it.
func (d *host) look(ctx context.Context) (console.Running, error) {
	p, err := d.console.Load(ctx, session.Options{Entry: d.options.Entry})
	if err != nil {
		return console.Running{}, err
	}
	i, err := session.Observe(ctx, d.runtime.Containers, p)
	if err == nil {
		err = i.Elsewhere
	}
	return console.Running{Instance: i, Engine: d.runtime}, err
}

// modes are the ways to treat the login that this project has, the present one included.
func (d *host) modes(p *config.Project) []dev.Mode {
	modes := []dev.Mode{dev.Local}
	mode := cmp.Or(p.Settings.Auth.Mode, d.codeMode(p.Dir))
	if mode != "" && !slices.Contains(modes, mode) {
		modes = append(modes, mode)
	}
	return modes
}

// codeMode is the login that the code has; "" where it does not say.
func (d *host) codeMode(dir string) dev.Mode {
	d.mu.Lock()
	known := d.login
	d.mu.Unlock()
	now := d.console.Now()
	if age := now.Sub(known.at); age >= 0 && age < readAgain {
		return known.mode
	}
	known = codeLogin{at: now}
	if found, err := detect.Dir(dir); err == nil {
		known.mode, _, _ = session.LoginMode(found)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.login = known
	return known.mode
}

// settled waits until a start has come to its end, well or not.
func settled(ctx context.Context, stream *hub.Subscription) error {
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
			return &dev.Error{Code: e.Code, Message: e.Message, Hint: e.Hint, File: e.File, Line: e.Line, Exit: e.Exit}
		}
	}
}

// since is for results: how long something took.
func since(start time.Time) string {
	return fmt.Sprintf("%.1f s", time.Since(start).Seconds())
}
