package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"sdev/cmd/internal/tui"
	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/docker"
	"sdev/dev/engine"
	"sdev/dev/hub"
	"sdev/dev/plan"
)

// hasScreen says whether a dashboard can be shown: a person sits at a terminal that knows more than
// lines.
func (a *app) hasScreen() bool {
	return a.InTTY && a.OutTTY && a.Getenv("TERM") != "dumb" && a.Getenv("TERM") != ""
}

// screen gives the terminal's two ends.
func (a *app) screen() (in, out *os.File, err error) {
	in, isIn := a.In.(*os.File)
	out, isOut := a.Out.(*os.File)
	if !isIn || !isOut {
		return nil, nil, usage("the dashboard needs a terminal", "without one: sdev status, sdev logs -f")
	}
	return in, out, nil
}

// dashboard is what the screen steers: at most one job that stays with the project, and whatever a
// person asks for beside it. Safe for concurrent use.
type dashboard struct {
	app     *app
	ctx     context.Context //nolint:containedctx // jobs live as long as the dashboard, whoever asks for them
	runtime *docker.Engine
	events  *hub.Hub
	project *config.Project
	up      upOptions

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

// runDashboard shows the dashboard. start begins the project at once, as the options have it;
// otherwise what runs is shown, or nothing.
func (a *app) runDashboard(ctx context.Context, o upOptions, start bool) error {
	p, runtime, err := a.loadAndOpen(ctx, o.runOptions)
	if err != nil {
		return err
	}
	return a.showDashboard(ctx, o, p, runtime, start)
}

// showDashboard shows the dashboard of a project, and closes the engine.
func (a *app) showDashboard(ctx context.Context, o upOptions, p *config.Project, runtime *docker.Engine, start bool) error {
	defer runtime.Close() //nolint:errcheck // nothing is lost with the connection
	in, out, err := a.screen()
	if err != nil {
		return err
	}
	d := &dashboard{app: a, ctx: ctx, runtime: runtime, events: hub.New(a.now), project: p, up: o, last: map[string]docker.Sample{}}
	before, stream := d.events.Subscribe()
	if start { // else the first look for facts joins what runs
		if err := d.attend(p); err != nil {
			return err
		}
	}
	exit, err := tui.Run(ctx, tui.Options{
		Host: d, HandOff: d, Before: before, Events: stream, Facts: d.first(),
		In: in, Out: out, Env: a.Env, Colors: a.color, StopOnQuit: o.quit == quitStop, Owned: d.attending() || !start, Now: a.now,
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

// loadAndOpen reads the project while the engine is found, because a person waits for the first
// picture. A project that cannot be used is said before an engine that does not answer.
func (a *app) loadAndOpen(ctx context.Context, o runOptions) (*config.Project, *docker.Engine, error) {
	var runtime *docker.Engine
	var closed error
	var opening sync.WaitGroup
	opening.Go(func() { runtime, closed = a.open(ctx) })
	p, err := a.load(ctx, o)
	opening.Wait()
	if err = cmp.Or(err, closed); err == nil {
		var r running
		if r, err = observe(ctx, runtime, p); err == nil {
			err = r.elsewhere
		}
	}
	if err != nil && closed == nil {
		_ = runtime.Close()
	}
	return p, runtime, err
}

// first is what is known before anything was asked.
func (d *dashboard) first() tui.Facts {
	return tui.Facts{
		Project: d.project.Name, Dir: d.app.fromHome(d.project.Dir), App: d.project.App, Gateway: config.GatewayService,
		Engine: d.runtime.Place().Host, API: d.runtime.Place().API, Provider: tui.Provider{People: d.project.Settings.Auth.People()},
	}
}

// fromHome writes a directory as a shell's prompt does.
func (a *app) fromHome(dir string) string {
	if rest, ok := strings.CutPrefix(dir, a.Getenv("HOME")+"/"); ok && a.Getenv("HOME") != "" {
		return "~/" + rest
	}
	return dir
}

// end lets go of what runs, or takes it down, and says in a line or two how things are left.
func (d *dashboard) end(ctx context.Context, stop bool) error {
	after := context.WithoutCancel(ctx)
	snap := d.events.Snapshot()
	shown := d.app.show(ctx, d.events, view{}, func() {})
	if stop && d.attending() {
		d.leave(context.Canceled)
	} else {
		d.leave(engine.ErrLeft)
	}
	d.events.Close()
	err := <-shown
	if d.failure() != nil && snap.Error.Code != "" {
		return d.failure()
	}
	if ctx.Err() != nil {
		return exitError(dev.ExitInterrupted)
	}
	if r, rerr := d.look(after); rerr == nil && r.url() != "" {
		err = d.app.printf("%s still runs at %s (%s). sdev ui shows it, sdev down stops it.\n", r.project.Name, r.url(), modeText(r.mode()))
		if s, ok := r.sidecar(); ok && s.Root == "" {
			err = d.app.printf("Saves are copied only while somebody attends: sdev up does.\n")
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
func (d *dashboard) attend(first *config.Project) error {
	d.mu.Lock()
	o := d.up
	d.mu.Unlock()
	ctx, stop := context.WithCancelCause(d.ctx)
	if first == nil {
		var err error
		if first, err = d.app.load(ctx, o.runOptions); err != nil {
			stop(err)
			return err
		}
	}
	e, err := d.engine(ctx, first, o.runOptions)
	if err != nil {
		stop(err)
		return err
	}
	e.Timeout = o.timeout
	d.begin(true, stop, func() error { return e.Attend(ctx, d.app.force, engine.Want{Build: o.build}) })
	return nil
}

// engine makes an engine that tells what it does to the dashboard.
func (d *dashboard) engine(ctx context.Context, p *config.Project, o runOptions) (*engine.Engine, error) {
	login, err := newSignIn(p, o)
	if err != nil {
		return nil, err
	}
	return d.app.engineOn(ctx, d.runtime, p, login, o, d.events)
}

// followHistory is how many lines each service has printed before that are shown.
const followHistory = 1000

// follow tells of what runs, from its beginning on.
func (d *dashboard) follow(r running) {
	d.tell(r)
	ctx, stop := context.WithCancelCause(d.ctx)
	f := plan.Follow{Project: r.project.Name, Gateway: config.GatewayService, Tail: followHistory, Whole: true, Stay: true}
	d.begin(false, stop, func() error { return d.runtime.Follow(ctx, f, d.events.EmitAt) })
}

// tell says of a project that was found running what its own start would have.
func (d *dashboard) tell(r running) {
	var names []string
	for _, c := range r.have.Containers {
		state := dev.ServiceState{Service: c.Service, State: dev.Exited, ExitCode: c.ExitCode}
		if c.Running {
			state = dev.ServiceState{Service: c.Service, State: dev.Running}
			names = append(names, c.Service)
		}
		d.events.EmitAt(c.Started, state)
	}
	if url := r.url(); url != "" {
		g, _ := r.container(config.GatewayService)
		d.events.EmitAt(g.Started, dev.Ready{URL: url, Mode: r.mode(), Issuer: r.issuer(), Services: names})
	}
}

// begin runs a job in a goroutine of its own. Its failure is an event.
func (d *dashboard) begin(attends bool, stop context.CancelCauseFunc, run func() error) {
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
func (d *dashboard) leave(why error) {
	d.mu.Lock()
	j := d.job
	d.mu.Unlock()
	if j != nil {
		j.stop(why)
		<-j.ended
	}
}

func (d *dashboard) attending() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.job != nil && d.job.attends
}

// wasCut reports whether an engine that went away ended what was attended to.
func (d *dashboard) wasCut() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cut
}

func (d *dashboard) busy() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.job != nil
}

func (d *dashboard) failure() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// look reads the project and what runs of it.
func (d *dashboard) look(ctx context.Context) (running, error) {
	p, err := d.app.load(ctx, runOptions{choice: d.up.choice})
	if err != nil {
		return running{}, err
	}
	r, err := observe(ctx, d.runtime, p)
	if err == nil {
		err = r.elsewhere
	}
	return r, err
}

// modes are the ways to treat the login that this project has, the present one included.
func (d *dashboard) modes(p *config.Project) []dev.Mode {
	modes := []dev.Mode{dev.Local}
	mode := cmp.Or(p.Settings.Auth.Mode, d.codeMode(p.Dir))
	if mode != "" && !slices.Contains(modes, mode) {
		modes = append(modes, mode)
	}
	return modes
}

// codeMode is the login that the code has; "" where it does not say.
func (d *dashboard) codeMode(dir string) dev.Mode {
	d.mu.Lock()
	known := d.login
	d.mu.Unlock()
	now := d.app.now()
	if age := now.Sub(known.at); age >= 0 && age < readAgain {
		return known.mode
	}
	known = codeLogin{at: now}
	if found, err := look(dir); err == nil {
		known.mode, _, _ = modeOf(found)
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

// issuer is the local provider of what runs; "" where nobody signs in.
func (r running) issuer() string {
	s, ok := r.sidecar()
	if !ok || !r.mode().SignsIn() {
		return ""
	}
	return dev.Issuer(s.Identity)
}
