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

// errStopped ends a Supervise when something else has taken the project down.
var errStopped = errors.New("stopped from elsewhere")

// ErrDetached, as the cause of the end of Supervise's context, makes Supervise leave everything running.
var ErrDetached = errors.New("left running")

// Supervise is Up, then stays with the project: it emits what happens and reacts to it, as the package comment
// shows. It ends in one of these ways:
//   - ctx ends with the cause [ErrDetached]: everything keeps running, and Supervise returns nil.
//   - ctx ends otherwise: Supervise stops and removes everything, and returns ctx's error. Once force ends too, it
//     kills containers instead of waiting for them.
//   - Something else takes the project down: Supervise returns nil.
//   - The first up fails, or the container engine becomes unreachable: Supervise returns the error.
func (e *Engine) Supervise(ctx, force context.Context, want Request) error {
	start := time.Now()
	p, err := e.load(ctx)
	if err != nil {
		return err
	}
	if _, err := e.observe(ctx, p); err != nil { // before Follow emits events of another directory's containers
		return err
	}
	s := &supervisor{engine: e, project: p, events: make(chan dev.Event, 64), results: make(chan result, 1), renewals: make(chan time.Time, 1), forwards: make(chan Ports, 1), copying: &copying{engine: e}, built: make(chan struct{}, 1), missed: map[string]dev.ServiceState{}}
	s.neighbours = &neighbours{engine: e, changed: s.built}
	lock := lockOn(supervisedFile(p.StateDir))
	if err := lock.RLock(); err != nil { // IsSupervised holds it exclusively only for a moment
		return lockError(supervisedFile(p.StateDir), err)
	}
	defer lock.Unlock() //nolint:errcheck // the system releases it at the latest when the process ends
	group, gctx := errgroup.WithContext(ctx)
	if e.Gateway != nil {
		supervised := *e
		supervised.forward = func(ports Ports) {
			select {
			case s.forwards <- ports:
			case <-gctx.Done():
			}
		}
		s.engine = &supervised
		group.Go(func() error { return s.keepForwarding(gctx, p) })
	}
	group.Go(func() error { return s.follow(gctx, p, start) })
	group.Go(func() error { return s.run(gctx, want) })
	if e.Gateway != nil {
		group.Go(func() error { return s.keepConfigured(gctx, p) })
	}
	err = group.Wait()
	s.copying.end()
	s.neighbours.end()
	switch {
	case errors.Is(err, errStopped):
		e.emit(dev.Stopped{})
		return nil
	case ctx.Err() == nil:
		return err
	case errors.Is(context.Cause(ctx), ErrDetached):
		return nil
	}
	requested := time.Now()
	if _, err := e.remove(context.WithoutCancel(ctx), force, p, false); err != nil {
		return err
	}
	e.emit(stoppedEvent(requested))
	return ctx.Err()
}

// supervisor is the state of one [Engine.Supervise]. The channels connect its goroutines; project and all fields
// from copying on belong to the goroutine of run. A job runs in another goroutine, one at a time, and delivers its
// result through results.
type supervisor struct {
	engine   *Engine
	project  Project
	events   chan dev.Event // from follow to run
	results  chan result    // from the job to run
	forwards chan Ports     // ports to forward to this machine, for keepForwarding
	renewals chan time.Time // expiry of the gateway's configuration, for keepConfigured; only the newest counts
	built    chan struct{}  // from neighbours to run: a new image is there
	copying  *copying       // continues while a job runs

	neighbours *neighbours // continue while a job runs
	outdated   bool        // a neighbour has a new image, and a job must run to use it

	cancel        context.CancelFunc // cancels the running job; nil if none runs
	current       job                // the running job or, if restarting, the next one
	restarting    bool               // the running job is cancelled; current starts once it has ended
	retry         bool               // a save during the job may fix its failure
	starting      bool               // the project has never been up: a failure ends the supervision
	appExited     bool               // the app's container exited or is gone, and sdev did not cause that
	gatewayFailed bool               // the gateway exited with an error

	// missed is the last state of each service that arrived during a job. The job itself causes most of them;
	// handleMissed handles the rest after it.
	missed map[string]dev.ServiceState

	externalStops stopDetector // services that something else stopped
}

type result struct {
	run Running
	err error
}

// follow emits every event and passes on to run those that may need a reaction. If run is busy and events is full,
// follow blocks, and with it only [Runtime.Follow].
func (s *supervisor) follow(ctx context.Context, p Project, since time.Time) error {
	f := plan.Follow{Project: p.Name, Gateway: p.Gateway, Since: since, Tail: -1, Stay: true}
	return s.engine.Runtime.Follow(ctx, f, func(at time.Time, ev dev.Event) {
		s.engine.Emit(at, ev)
		switch ev.(type) {
		case dev.FileChanged, dev.ServiceState, dev.AppException:
			select {
			case s.events <- ev:
			case <-ctx.Done():
			}
		}
	})
}

func (s *supervisor) run(ctx context.Context, want Request) error {
	s.starting = true
	s.startJob(ctx, job{Request: want})
	defer func() {
		if s.cancel != nil {
			s.cancel()
			<-s.results
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case ev := <-s.events:
			if err := s.handle(ctx, ev); err != nil {
				return err
			}
		case <-s.externalStops.due:
			s.warnOfExternalStops()
		case <-s.built:
			s.outdated = true
		case r := <-s.results:
			s.cancel = nil
			if err := s.handleResult(ctx, r); err != nil {
				return err
			}
		}
		if s.outdated && s.cancel == nil { // not during a job: that may be a build of the app, which would begin again
			s.outdated = false
			s.startJob(ctx, job{})
		}
	}
}

// missingModule is the exception of an import that finds no module.
const missingModule = "ModuleNotFoundError"

// handle reacts to an event.
func (s *supervisor) handle(ctx context.Context, ev dev.Event) error {
	switch ev := ev.(type) {
	case dev.FileChanged:
		s.handleSave(ctx, ev)
	case dev.AppException:
		if ev.Exception == missingModule && s.cancel == nil {
			// Without a list of packages the image has what the imports needed. A new import changes its build.
			s.startJob(ctx, job{Request: Request{Announcement: dev.Announcement{How: dev.AnnounceRebuild, Trigger: ev.File}}})
		}
	case dev.ServiceState:
		if ev.Service == s.project.App && ev.State == dev.Running {
			s.copying.begin(ctx, s.project)
			s.copying.restarted()
		}
		if ev.State == dev.Running {
			s.neighbours.restarted(ev.Service)
		}
		if s.cancel != nil {
			s.missed[ev.Service] = ev
			return nil
		}
		s.externalStops.note(ev, s.project.App)
		if ev.State == dev.Removed {
			if err := s.checkDown(ctx); err != nil { // the last removal ends the supervision
				return err
			}
		}
		switch ev.Service {
		case s.project.Gateway:
			s.handleGatewayState(ctx, ev)
		case s.project.App:
			s.handleAppState(ctx, ev)
		}
	}
	return nil
}

func (s *supervisor) handleSave(ctx context.Context, ev dev.FileChanged) {
	switch {
	case len(ev.Paths) == 0:
	case ev.Action == dev.Rebuild:
		s.startJob(ctx, job{Request: Request{Announcement: dev.Announcement{How: dev.AnnounceRebuild, Trigger: ev.Paths[0]}, Build: true}})
	case ev.Action == dev.Restart || ev.Action == dev.SyncRestart:
		// A new plan applies changes of the project's own files; changes of other files need a restart.
		foreign := slices.ContainsFunc(ev.Paths, func(p string) bool { return !slices.Contains(s.project.Files, p) })
		s.startJob(ctx, job{Request: Request{Announcement: dev.Announcement{How: dev.AnnounceRestart, Trigger: ev.Paths[0]}}, restart: foreign})
	case (ev.Action == dev.Live || ev.Action.Syncs()) && (s.appExited || hasEnded(s.missed[s.project.App].State)):
		if s.cancel != nil {
			// The running job starts the app, with or without this save. If each save cancelled it, the app
			// of somebody who keeps saving would never start.
			s.retry = true
			return
		}
		s.startJob(ctx, job{})
	}
}

func (s *supervisor) handleGatewayState(ctx context.Context, ev dev.ServiceState) {
	switch ev.State {
	case dev.Removed:
		if s.gatewayFailed {
			s.startJob(ctx, job{})
		}
	case dev.Exited:
		// After an orderly stop, such as "sdev down" in another terminal, the exit code is 0.
		if s.gatewayFailed = ev.ExitCode != 0; s.gatewayFailed {
			s.startJob(ctx, job{})
		}
	case dev.Running:
		s.startJob(ctx, job{}) // restarted from outside sdev: the app must join its new network
	default: // creating, starting, or the result of a health check: no reaction
	}
}

func (s *supervisor) handleAppState(ctx context.Context, ev dev.ServiceState) {
	s.appExited = hasEnded(ev.State)
	if ev.State == dev.Exited {
		text := fmt.Sprintf("It ended with exit code %d. The next save starts it again.", ev.ExitCode)
		if g := s.engine.Gateway; g != nil {
			g.Announce(ctx, s.project, dev.Announcement{How: dev.AnnounceExit, Text: text})
		}
	}
}

func hasEnded(s dev.State) bool { return s == dev.Exited || s == dev.Removed }

// checkDown returns errStopped once no container of the project is left.
func (s *supervisor) checkDown(ctx context.Context) error {
	have, err := s.engine.Runtime.Observe(ctx, s.project.Name, nil)
	if err != nil {
		return err
	}
	if len(have.Containers) == 0 {
		return errStopped
	}
	return nil
}

// job is one run of converge that an event requested.
type job struct {
	Request
	restart bool // restart the app even if the plan is empty
}

// mergedWith adds what a cancelled job has not finished.
func (j job) mergedWith(unfinished job) job {
	j.Build = j.Build || unfinished.Build
	j.restart = j.restart || unfinished.restart
	if j.How == "" || unfinished.How == dev.AnnounceRebuild && j.How == dev.AnnounceRestart {
		j.Announcement = unfinished.Announcement
	}
	return j
}

// startJob starts a job. If one runs, startJob cancels it and merges both: only the newest state of the files
// counts.
func (s *supervisor) startJob(ctx context.Context, j job) {
	if s.cancel != nil {
		s.cancel()
		j = j.mergedWith(s.current)
		s.current, s.restarting = j, true
		return
	}
	work, cancel := context.WithCancel(ctx)
	s.cancel, s.current = cancel, j
	if !s.starting {
		j.Quiet = true
		j.synced = true
		j.Keep = true // the gateway shows the failure in the open tabs
	}
	source := s.engine.Source
	if s.starting {
		source = func(context.Context) (Project, error) { return s.project, nil } // Supervise has just read it
	}
	go func() {
		run, err := s.engine.runJob(work, source, j)
		cancel()
		s.results <- result{run, err}
	}()
}

// runJob converges to the current state of the project's files.
func (e *Engine) runJob(ctx context.Context, source Loader, j job) (Running, error) {
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

// handleResult handles the end of a job. It reports a failure as a warning, and the supervision continues: the next
// save may fix it.
func (s *supervisor) handleResult(ctx context.Context, r result) error {
	if s.restarting {
		s.restarting = false
		s.starting = s.starting && r.err != nil // the job may have succeeded just before it was cancelled
		s.startJob(ctx, s.current)
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if r.err != nil && s.starting {
		return r.err
	}
	s.starting = false
	retry := s.retry
	s.retry = false
	if r.err != nil && retry {
		s.startJob(ctx, job{})
		return nil
	}
	if r.err != nil {
		e := dev.AsError(r.err)
		s.engine.emit(dev.Warning{Code: e.Code, Message: e.Error(), Hint: e.Hint})
		if e.Exit == dev.ExitEngine {
			return r.err
		}
		return s.handleMissed(ctx)
	}
	s.project, s.appExited, s.gatewayFailed = r.run.Project, false, false
	select {
	case <-s.renewals: // drops an expiry that keepConfigured has not read yet
	default:
	}
	s.renewals <- r.run.configuredUntil
	s.copying.begin(ctx, s.project)
	s.neighbours.begin(ctx, s.project)
	if err := s.handleMissed(ctx); err != nil {
		return err
	}
	if retry && s.appExited && s.cancel == nil {
		s.startJob(ctx, job{}) // the app exited after the job had checked it, and the save may have fixed that
	}
	return nil
}

// handleMissed handles the states that arrived during a job. States that the job itself caused need no reaction any
// more.
func (s *supervisor) handleMissed(ctx context.Context) error {
	missed := s.missed
	s.missed = map[string]dev.ServiceState{}
	for _, service := range slices.Sorted(maps.Keys(missed)) {
		if err := s.handle(ctx, missed[service]); err != nil {
			return err
		}
	}
	return nil
}
