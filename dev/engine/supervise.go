package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"sdev/dev"
	"sdev/dev/plan"
)

// errStopped ends a Supervise whose project was taken down by someone else.
var errStopped = errors.New("stopped from elsewhere")

// ErrDetached, as the cause of the end of a Supervise's context, leaves what runs as it is.
var ErrDetached = errors.New("left running")

// Supervise is Up, then staying with the project: it reports what happens, and acts on it. When ctx
// ends everything of the project is stopped and removed; once force ends as well, containers are
// killed. It returns ctx's error then, and nil where someone else took the project down. Where
// [ErrDetached] is why ctx ended, everything is left as it is, and it returns nil.
func (e *Engine) Supervise(ctx, force context.Context, want Request) error {
	start := time.Now()
	p, err := e.load(ctx)
	if err != nil {
		return err
	}
	if _, err := e.observe(ctx, p); err != nil { // before anything is told of what runs elsewhere
		return err
	}
	a := &supervisor{engine: e, project: p, happened: make(chan dev.Event, 64), worked: make(chan result, 1), configured: make(chan time.Time, 1), forwards: make(chan Ports, 1), copying: &copying{engine: e}, missed: map[string]dev.ServiceState{}}
	presence := lockOn(supervisedFile(p.StateDir))
	if err := presence.RLock(); err != nil { // whoever asks keeps it for a moment only
		return lockError(supervisedFile(p.StateDir), err)
	}
	defer presence.Unlock() //nolint:errcheck // it ends with the process in any case
	group, gctx := errgroup.WithContext(ctx)
	if e.Gateway != nil {
		staying := *e
		staying.forward = func(ports Ports) {
			select {
			case a.forwards <- ports:
			case <-gctx.Done():
			}
		}
		a.engine = &staying
		group.Go(func() error { return a.keepForwarding(gctx, p) })
	}
	group.Go(func() error { return a.follow(gctx, p, start) })
	group.Go(func() error { return a.run(gctx, want) })
	if e.Gateway != nil {
		group.Go(func() error { return a.keepConfigured(gctx, p) })
	}
	err = group.Wait()
	a.copying.end()
	switch {
	case errors.Is(err, errStopped):
		e.emit(dev.Stopped{})
		return nil
	case ctx.Err() == nil:
		return err
	case errors.Is(context.Cause(ctx), ErrDetached):
		return nil
	}
	asked := time.Now()
	if _, err := e.remove(context.WithoutCancel(ctx), force, p, false); err != nil {
		return err
	}
	e.emit(stopped(asked))
	return ctx.Err()
}

// supervisor owns what a Supervise knows. Its state belongs to the goroutine of run; a converge works
// in a goroutine of its own, one at a time, and reports through worked.
//
//	follow ──happened──▶ run ──start──▶ converge
//	                      ▲───worked──────┘
type supervisor struct {
	engine     *Engine
	project    Project
	happened   chan dev.Event
	worked     chan result
	forwards   chan Ports     // ports of this machine at which the page, and the local provider, are wanted
	configured chan time.Time // when the gateway's configuration expires; the newest only
	copying    *copying       // goes on whatever is built meanwhile

	cancel     context.CancelFunc // of the current converge; nil if there is none
	doing      job                // the current converge's job
	restarting bool               // the current converge was cancelled, and doing starts once it has ended
	retry      bool               // a save came meanwhile that may fix what fails
	first      bool               // the project has not been up yet: a failure ends the supervision
	exited     bool               // the app's container ended or is gone, and sdev did not ask for that
	lost       bool               // the gateway failed

	// missed is the last state of each service that came while a converge was under way. Most are its
	// own doing, but not all: those are seen to when it has ended.
	missed map[string]dev.ServiceState

	stops stopDetector // services that were ended by somebody else
}

type result struct {
	run Running
	err error
}

// follow tells everything, and hands to run what may need acting on.
func (a *supervisor) follow(ctx context.Context, p Project, since time.Time) error {
	f := plan.Follow{Project: p.Name, Gateway: p.Gateway, Since: since, Tail: -1, Stay: true}
	return a.engine.Runtime.Follow(ctx, f, func(at time.Time, ev dev.Event) {
		a.engine.Emit(at, ev)
		switch ev.(type) {
		case dev.FileChanged, dev.ServiceState:
			select {
			case a.happened <- ev:
			case <-ctx.Done():
			}
		}
	})
}

func (a *supervisor) run(ctx context.Context, want Request) error {
	a.first = true
	a.start(ctx, job{Request: want})
	defer func() {
		if a.cancel != nil {
			a.cancel()
			<-a.worked
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case ev := <-a.happened:
			if err := a.act(ctx, ev); err != nil {
				return err
			}
		case <-a.stops.due:
			a.warnOfStops()
		case r := <-a.worked:
			a.cancel = nil
			if err := a.finished(ctx, r); err != nil {
				return err
			}
		}
	}
}

// act decides what an event calls for.
func (a *supervisor) act(ctx context.Context, ev dev.Event) error {
	switch ev := ev.(type) {
	case dev.FileChanged:
		a.saved(ctx, ev)
	case dev.ServiceState:
		if ev.Service == a.project.App && ev.State == dev.Running {
			a.copying.begin(ctx, a.project)
			a.copying.restarted()
		}
		if a.cancel != nil {
			a.missed[ev.Service] = ev
			return nil
		}
		a.stops.note(ev, a.project.App)
		if ev.State == dev.Removed {
			if err := a.stopped(ctx); err != nil { // whichever goes last
				return err
			}
		}
		switch ev.Service {
		case a.project.Gateway:
			a.handleGatewayState(ctx, ev)
		case a.project.App:
			a.handleAppState(ctx, ev)
		}
	}
	return nil
}

func (a *supervisor) saved(ctx context.Context, ev dev.FileChanged) {
	switch {
	case len(ev.Paths) == 0:
	case ev.Action == dev.Rebuild:
		a.start(ctx, job{Request: Request{Announcement: dev.Announcement{How: dev.ReloadRebuild, Trigger: ev.Paths[0]}, Build: true}})
	case ev.Action == dev.Restart || ev.Action == dev.SyncRestart:
		// A change of the project's own files is put into effect by converging; others need a restart.
		foreign := slices.ContainsFunc(ev.Paths, func(p string) bool { return !slices.Contains(a.project.Files, p) })
		a.start(ctx, job{Request: Request{Announcement: dev.Announcement{How: dev.ReloadRestart, Trigger: ev.Paths[0]}}, restart: foreign})
	case (ev.Action == dev.Live || ev.Action.Syncs()) && (a.exited || ended(a.missed[a.project.App].State)):
		if a.cancel != nil {
			// What is under way starts the app, with this save in it or not. To break it off for each
			// save would mean that somebody who goes on saving never sees it start.
			a.retry = true
			return
		}
		a.start(ctx, job{})
	}
}

func (a *supervisor) handleGatewayState(ctx context.Context, ev dev.ServiceState) {
	switch ev.State {
	case dev.Removed:
		if a.lost {
			a.start(ctx, job{})
		}
	case dev.Exited:
		// An orderly stop, such as `sdev down` elsewhere, exits with 0.
		if a.lost = ev.ExitCode != 0; a.lost {
			a.start(ctx, job{})
		}
	case dev.Running:
		a.start(ctx, job{}) // restarted by hand: the app has to follow
	default: // on its way up, or what a health check says: nothing to put right
	}
}

func (a *supervisor) handleAppState(ctx context.Context, ev dev.ServiceState) {
	a.exited = ended(ev.State)
	if ev.State == dev.Exited {
		text := fmt.Sprintf("It ended with exit code %d. The next save starts it again.", ev.ExitCode)
		if g := a.engine.Gateway; g != nil {
			g.Announce(ctx, a.project, dev.Announcement{How: dev.AnnounceExit, Text: text})
		}
	}
}

func ended(s dev.State) bool { return s == dev.Exited || s == dev.Removed }

// stopped is errStopped once nothing of the project is left.
func (a *supervisor) stopped(ctx context.Context) error {
	have, err := a.engine.Runtime.Observe(ctx, a.project.Name, nil)
	if err != nil {
		return err
	}
	if len(have.Containers) == 0 {
		return errStopped
	}
	return nil
}

// job is a converge that something asked for.
type job struct {
	Request
	restart bool // restart the app, even where converging changes nothing
}

// with adds what an unfinished job was to do.
func (j job) with(unfinished job) job {
	j.Build = j.Build || unfinished.Build
	j.restart = j.restart || unfinished.restart
	if j.How == "" || unfinished.How == dev.ReloadRebuild && j.How == dev.ReloadRestart {
		j.Announcement = unfinished.Announcement
	}
	return j
}

// start begins a converge. One that is under way is cancelled first: the newest state of the files
// is what counts.
func (a *supervisor) start(ctx context.Context, j job) {
	if a.cancel != nil {
		a.cancel()
		j = j.with(a.doing)
		a.doing, a.restarting = j, true
		return
	}
	work, cancel := context.WithCancel(ctx)
	a.cancel, a.doing = cancel, j
	if !a.first {
		j.Quiet = true
		j.synced = true
		j.Keep = true // the gateway tells the open tabs what is wrong
	}
	source := a.engine.Source
	if a.first {
		source = func(context.Context) (Project, error) { return a.project, nil } // just read
	}
	go func() {
		run, err := a.engine.convergeAgain(work, source, j)
		cancel()
		a.worked <- result{run, err}
	}()
}

// convergeAgain brings about the project as its files are now.
func (e *Engine) convergeAgain(ctx context.Context, source Loader, j job) (Running, error) {
	start := time.Now()
	p, err := source(ctx)
	if err != nil {
		return Running{}, err
	}
	run, err := e.up(ctx, p, j.Request, start)
	if err != nil || run.Changed || !j.restart {
		return run, err
	}
	return run, e.restart(ctx, run, p.App, j.Announcement)
}

// finished handles a converge's result. A failure is reported, and the supervision continues: the next
// save may fix it.
func (a *supervisor) finished(ctx context.Context, r result) error {
	if a.restarting {
		a.restarting = false
		a.first = a.first && r.err != nil // it had come to its end, a moment before it was cancelled
		a.start(ctx, a.doing)
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if r.err != nil && a.first {
		return r.err
	}
	a.first = false
	retry := a.retry
	a.retry = false
	if r.err != nil && retry {
		a.start(ctx, job{})
		return nil
	}
	if r.err != nil {
		e := dev.AsError(r.err)
		a.engine.emit(dev.Warning{Code: e.Code, Message: e.Error(), Hint: e.Hint})
		if e.Exit == dev.ExitEngine {
			return r.err
		}
		return a.catchUp(ctx)
	}
	a.project, a.exited, a.lost = r.run.Project, false, false
	select {
	case <-a.configured: // nobody has taken the one before
	default:
	}
	a.configured <- r.run.configuredUntil
	a.copying.begin(ctx, a.project)
	if err := a.catchUp(ctx); err != nil {
		return err
	}
	if retry && a.exited && a.cancel == nil {
		a.start(ctx, job{}) // the app ended, and was fixed, after what was under way had looked at it
	}
	return nil
}

// catchUp acts on the states that came while a converge was under way. Where they were its own
// doing, it finds nothing to do.
func (a *supervisor) catchUp(ctx context.Context) error {
	missed := a.missed
	a.missed = map[string]dev.ServiceState{}
	for _, service := range slices.Sorted(maps.Keys(missed)) {
		if err := a.act(ctx, missed[service]); err != nil {
			return err
		}
	}
	return nil
}

// Restart restarts one service's container and waits for the app's page.
func (e *Engine) Restart(ctx context.Context, run Running, service string) error {
	release, err := e.lock(ctx, run.Project.lockFile())
	if err != nil {
		return err
	}
	defer release()
	var a dev.Announcement
	if service == run.Project.App {
		a.How = dev.ReloadRestart
	}
	return e.restart(ctx, run, service, a)
}

func (e *Engine) restart(ctx context.Context, run Running, service string, a dev.Announcement) error {
	start := time.Now()
	have, err := e.observe(ctx, run.Project)
	if err != nil {
		return err
	}
	ops := plan.RestartOf(have, service, run.Project.Gateway, run.Project.App)
	e.emit(dev.PlanMade{Operations: ops.Describe()})
	if err := e.announced(ctx, run.Project, a, func() error { return e.execute(ctx, ops, run.Project, nil) }); err != nil {
		return err
	}
	if _, err := e.configure(ctx, run.Project); err != nil { // it may be the gateway that was restarted
		return err
	}
	if err := e.await(ctx, run); err != nil {
		return err
	}
	e.emit(dev.Ready{URL: run.URL, Mode: run.Mode, Issuer: run.Issuer, Services: e.serviceNames(ctx, run), MS: time.Since(start).Milliseconds()})
	return nil
}
