// Package engine brings a project to where it should be and keeps it there.
//
// [Engine.Up] converges once: build and pull what changed, plan, carry out, wait until the page
// answers. Services start when what they depend on is as they need it; one that never will be is an
// error that names it.
// [Engine.Supervise] then follows what runs and acts on what happens: a changed dependency file means a
// rebuild and a replacement, a changed project file a new plan, a gateway that was restarted a
// restart of the app that lives in its network. [Engine.Down] removes everything of the project.
//
// What runs is known from the runtime alone, so any number of sdev processes may come and go. A file in the
// project's state directory keeps only what saves time (builds, pulls) or should stay the same (ports). Those that change something take turns by a lock file.
// What a clone in another directory made under the same name is neither read nor changed: [CheckOwnership].
//
// The package declares what it needs of others: [Runtime] and [Images] of whatever runs containers,
// [Gateway], [Copier] and [Loader]. Methods block until every goroutine that they started has ended.
// The engine reports events through Emit, which several goroutines may call.
package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sdev/dev"
	"sdev/dev/plan"
)

// Runtime is what containers, or whatever stands in for them, run on. Methods may be called by
// several goroutines; Do is idempotent for removals.
type Runtime interface {
	// Observe reports what carries the project's label, and which of the images are there.
	Observe(ctx context.Context, project string, images []string) (plan.Observed, error)
	Do(ctx context.Context, op plan.Operation, labels plan.Labels) error
	// Kill removes a container without waiting for it to end by itself.
	Kill(ctx context.Context, id string) error
	// Follow reports logs, states and the gateway's events until ctx ends.
	Follow(ctx context.Context, f plan.Follow, emit func(time.Time, dev.Event)) error
	// Tail gives the last lines that a container printed.
	Tail(ctx context.Context, c plan.Container, n int) []string
}

// Images is where images come from.
type Images interface {
	Image(ctx context.Context, ref string) (plan.ImageInfo, bool, error)
	Build(ctx context.Context, b plan.Build, emit func(dev.Event)) (id string, err error)
	Pull(ctx context.Context, ref, platform string) error
	// PortOwner says which container publishes a port of this machine; "" if none does.
	PortOwner(ctx context.Context, port uint16) string
}

// Loader reads the project, again each time it is asked.
type Loader func(ctx context.Context) (Project, error)

// Project is what an engine has to know of a project.
type Project struct {
	Name, App, Gateway string
	Files              []string // the compose files and .env, relative to the project, with slashes
	StateDir           string
	Labels             plan.Labels
	Warnings           []dev.Warning

	Images []plan.ImageSource // of the app and the other services

	External []string // volumes, by the engine's name, that the project uses and does not own

	Container string     // name of the app's container
	Copies    []dev.Copy // what is copied into it
	Rules     []dev.Rule // what a save means

	Host      string // address of the engine, for what is remembered of it
	Mounted   bool   // containers see the project through mounts, and the gateway notices saves there
	MountOnly bool   // asked for by flag: nothing else will do

	Mode     dev.Mode // how its login is treated
	Reserved []int    // ports that the local provider must not have

	Port      int  // host port that the project asks for
	PortFixed bool // asked for by flag: no other will do
	PortNamed int  // host port that the project's files ask for, whatever the flag says

	GatewayImage string
	// Effective derives what should run, once the app's image and the ports are known.
	Effective func(ctx context.Context, image plan.ImageInfo, ports Ports) (Effective, error)
}

// Ports are ports of this machine.
type Ports struct {
	App      int // of the app's origin
	Identity int // of the local provider
}

// imageOf is the reference of a service's image.
func (p Project) imageOf(service string) string {
	i := slices.IndexFunc(p.Images, func(img plan.ImageSource) bool { return img.Service == service })
	if i < 0 {
		return ""
	}
	return p.Images[i].Ref
}

func (p Project) lockFile() string { return filepath.Join(p.StateDir, "lock") }

// supervisedFile is the file that whoever supervises a project holds a shared lock on.
func supervisedFile(stateDir string) string { return filepath.Join(stateDir, "attended") }

// IsSupervised reports whether some sdev supervises the project with this state directory, and so acts
// on changes that ask for a rebuild or a restart.
func IsSupervised(stateDir string) bool {
	l := lockOn(supervisedFile(stateDir))
	free, err := l.TryLock()
	if err != nil {
		return false
	}
	if free {
		_ = l.Unlock() // it ends with the process in any case
	}
	return !free
}

// Effective is what should run.
type Effective struct {
	Desired func(images map[string]string) plan.Desired
	Mode    dev.Mode
	URL     string
	Issuer  string // of the local provider; "" where nobody signs in
	// Warnings gives what is told where something has to be done to get there. It may be nil.
	Warnings func() []dev.Warning
	// Prepare makes what containers will mount. It is called before they start.
	Prepare func() error
}

// Engine works on one project.
type Engine struct {
	Runtime Runtime
	Host    string // address of it
	Images  Images
	Copier  Copier // for projects whose files are copied
	Source  Loader
	Emit    func(time.Time, dev.Event)
	// Gateway reaches the running gateway; nil where the engine only takes a project down.
	Gateway Gateway
	// Timeout is how long an app may take until its page answers.
	Timeout time.Duration

	forward func(Ports) // has these ports forwarded from now on; nil unless somebody supervises
}

// Request says what an Up is for.
type Request struct {
	dev.Announcement // how a replacement of the app is announced; not at all where How is ""

	Build   bool   // build even where nothing changed
	Service string // with Build: only this service's image; "" for the app's where How is given, else for all
	Quiet   bool   // say nothing where nothing has to be done
	Keep    bool   // leave what was made, even where the page never answers

	synced     bool // what is copied has been copied
	unattended bool // nobody stays to copy what changes
}

// Running is a project that runs.
type Running struct {
	Project Project
	URL     string
	Port    int
	Mode    dev.Mode
	Issuer  string // of the local provider; "" where nobody signs in
	Changed bool   // something had to be done

	appHash         string    // desired hash of the app's container; "" if unknown
	identity        int       // port of the local provider; 0 where nobody signs in
	services        []string  // that ran when nothing had to be done; else nil
	done            plan.Plan // operations that were begun
	configuredUntil time.Time // when the gateway's configuration expires; zero: never
}

func (e *Engine) emit(ev dev.Event) { e.Emit(time.Now(), ev) }

// Up brings the project to where it should be and waits until its page answers. Where that fails
// or is interrupted, what this call made is removed again.
func (e *Engine) Up(ctx context.Context, want Request) (Running, error) {
	start := time.Now()
	p, err := e.load(ctx)
	if err != nil {
		return Running{}, err
	}
	want.unattended = true
	run, err := e.up(ctx, p, want, start)
	if err != nil && ctx.Err() != nil && !want.Keep {
		e.undo(context.WithoutCancel(ctx), run)
	}
	return run, err
}

func (e *Engine) load(ctx context.Context) (Project, error) {
	p, err := e.Source(ctx)
	if err != nil {
		return p, err
	}
	for _, w := range p.Warnings {
		e.emit(w)
	}
	return p, nil
}

func (e *Engine) up(ctx context.Context, p Project, want Request, start time.Time) (Running, error) {
	run, err := e.inTurn(ctx, p, want)
	if err == nil {
		err = e.overtaken(ctx, run, e.awaitAndProbe(ctx, run))
	}
	if err != nil && ctx.Err() == nil && e.mountsRejected(ctx, p, err) {
		run, err = e.upWithoutMounts(ctx, p, want, run)
	}
	if err == nil && want.unattended {
		err = e.compare(ctx, run)
	}
	for errors.Is(err, errStaleNetwork) {
		before := run
		want.Build = false // it is built by now
		if run, err = e.inTurn(ctx, p, want); err == nil {
			err = e.overtaken(ctx, run, e.await(ctx, run))
		}
		run.done, run.Changed = append(before.done, run.done...), true
	}
	if err != nil {
		if !want.Keep && ctx.Err() == nil && !errors.Is(err, errSuperseded) {
			e.undo(ctx, run)
		}
		return run, err
	}
	if run.Changed {
		e.ended(ctx, run)
		e.checkApp(ctx, run.Project)
	}
	if run.Changed || !want.Quiet {
		e.emit(dev.Ready{URL: run.URL, Mode: run.Mode, Issuer: run.Issuer, Services: e.serviceNames(ctx, run), MS: time.Since(start).Milliseconds()})
	}
	return run, nil
}

// upWithoutMounts continues without mounts, once it is known that they are of no use.
func (e *Engine) upWithoutMounts(ctx context.Context, p Project, want Request, made Running) (Running, error) {
	if p.MountOnly {
		return made, e.await(ctx, made)
	}
	p, err := e.Source(ctx)
	if err != nil {
		return made, err
	}
	run, err := e.inTurn(ctx, p, want)
	run.done = append(made.done, run.done...)
	run.Changed = true
	if err == nil {
		err = e.overtaken(ctx, run, e.await(ctx, run))
	}
	return run, err
}

// inTurn converges while it holds the project's lock. The lock is not held while waiting for the page, so
// that `sdev down` can end an app that hangs.
func (e *Engine) inTurn(ctx context.Context, p Project, want Request) (Running, error) {
	release, err := e.lock(ctx, p.lockFile())
	if err != nil {
		return Running{}, err
	}
	defer release()
	return e.converge(ctx, p, want)
}

func (e *Engine) serviceNames(ctx context.Context, run Running) []string {
	if run.services != nil {
		return run.services
	}
	have, err := e.Runtime.Observe(ctx, run.Project.Name, nil)
	if err != nil {
		return []string{run.Project.App} // the engine went away right now; the next call says so
	}
	return runningServices(have)
}

func runningServices(have plan.Observed) []string {
	names := []string{}
	for _, c := range have.Containers {
		if c.Running {
			names = append(names, c.Service)
		}
	}
	return names
}

// undo removes what an Up made that led to nothing.
func (e *Engine) undo(ctx context.Context, run Running) {
	if len(run.done) == 0 {
		return
	}
	release, err := e.lock(ctx, run.Project.lockFile())
	if err != nil {
		return // the error that led here is the one to tell
	}
	defer release()
	have, err := e.Runtime.Observe(ctx, run.Project.Name, nil)
	if err != nil {
		return
	}
	// Another clone may have created objects of the same names meanwhile: own leaves them out.
	_ = e.execute(ctx, plan.Undo(run.done, run.Project.own(have)), run.Project, nil)
}

// Down stops and removes everything of the project; volumes only if asked, and only those that are
// its own. Nothing running is no error. Once force ends, containers are killed instead of stopped.
func (e *Engine) Down(ctx, force context.Context, p Project, volumes bool) error {
	start := time.Now()
	// Without the lock, objects that another sdev is creating would survive. A project that was never up has
	// no directory to lock.
	if _, err := os.Stat(p.StateDir); err == nil {
		release, err := e.lock(ctx, p.lockFile())
		if err != nil {
			return err
		}
		defer release()
	}
	found, err := e.remove(ctx, force, p, volumes)
	if err == nil && found {
		e.emit(stopped(start))
	}
	return err
}

// stopped counts from the request; what took less than a millisecond took one.
func stopped(start time.Time) dev.Stopped {
	return dev.Stopped{MS: max(1, time.Since(start).Milliseconds())}
}

// remove is Down without a word; found is false where there was nothing to remove.
func (e *Engine) remove(ctx, force context.Context, p Project, volumes bool) (found bool, err error) {
	have, err := e.observe(ctx, p)
	if err != nil {
		return false, err
	}
	if volumes {
		var kept []dev.Warning
		if have.Volumes, kept = p.removable(have); len(kept) > 0 {
			defer func() {
				for _, w := range kept {
					e.emit(w)
				}
			}()
		}
	}
	done := make(chan struct{})
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		select {
		case <-done:
		case <-force.Done():
			for _, c := range have.Containers {
				_ = e.Runtime.Kill(context.WithoutCancel(ctx), c.ID) // Do reports what is left
			}
		}
	}()
	err = e.execute(ctx, plan.Down(have, volumes), Project{Labels: plan.Labels{Project: p.Name}}, nil)
	close(done)
	<-killed
	return len(have.Containers)+len(have.Networks) > 0, err
}
