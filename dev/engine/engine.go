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

// Runtime runs containers, or imitates them. Its methods may be called by several goroutines. Do of a removal
// succeeds when the object does not exist.
type Runtime interface {
	// Observe returns the objects that carry the project's label, and those of the images that the runtime has.
	Observe(ctx context.Context, project string, images []string) (plan.Observed, error)
	Do(ctx context.Context, op plan.Operation, labels plan.Labels) error
	// Kill removes a container without waiting for a graceful exit.
	Kill(ctx context.Context, id string) error
	// Follow emits log lines, state changes and the gateway's events until ctx ends. It returns nil then.
	Follow(ctx context.Context, f plan.Follow, emit func(time.Time, dev.Event)) error
	// Tail returns the last n lines that a container printed.
	Tail(ctx context.Context, c plan.Container, n int) []string
}

// Images finds, builds and pulls images. Its methods may be called by several goroutines.
type Images interface {
	Image(ctx context.Context, ref string) (plan.ImageInfo, bool, error)
	Build(ctx context.Context, b plan.Build, emit func(dev.Event)) (id string, err error)
	Pull(ctx context.Context, ref, platform string) error
	// PortOwner names the container that publishes a port of this machine; "" if none does.
	PortOwner(ctx context.Context, port uint16) string
}

// Loader reads the project's files. It reads them again at each call.
type Loader func(ctx context.Context) (Project, error)

// Project is what an engine knows of a project. It is a value of one reading: a later [Loader] call may return
// another.
type Project struct {
	Name, App, Gateway string
	Files              []string // the compose files and .env, relative to the project, with slashes
	StateDir           string
	Named              bool // the user gave the name, so sdev changes nothing about it
	Labels             plan.Labels
	Warnings           []dev.Warning

	Images []plan.ImageSource // of the app and the other services

	// Found says that only the engine's labels tell of this project ("down --all"): Down then removes what sdev created from
	// the project's directory, and nothing else that carries its name.
	Found bool

	External []string // volumes, by the engine's name, that the project uses but does not own

	Container string     // name of the app's container
	Copies    []dev.Copy // files and directories that sdev copies into it
	Rules     []dev.Rule // what a saved file calls for

	Neighbours []Neighbour // services around the app that have rules for saves of their own

	Host      string // address of the engine; saved facts are valid for one engine only
	Mounted   bool   // containers mount the project, so the gateway notices saves
	MountOnly bool   // the user demanded mounts (--sync=false), so sdev never copies instead

	Mode dev.Mode // how sdev treats the app's login
	// Isolate says that the gateway withholds the app's origin from components.
	Isolate bool
	// Reserved returns the ports that neither the local provider nor a page that moves may use, once the app's image is known; nil for none.
	Reserved func(app plan.ImageInfo) []int

	// Separate are the ports that services around the app request and may not have, because they belong to another
	// checkout of the project; the engine chooses others.
	Separate []dev.PublishedPort

	Port      int  // host port that the project asks for
	PortFixed bool // the user named the port (--port), so sdev uses no other
	PortNamed int  // host port that the project's files name, whatever the flag says

	GatewayImage string
	// Effective derives the desired state, once the app's image and the ports are known.
	Effective func(ctx context.Context, image plan.ImageInfo, ports Ports) (Effective, error)
}

// Ports are ports of this machine.
type Ports struct {
	App      int // of the app's origin
	Provider int // of the local provider
	// Moved are the ports that services get in place of those of [Project.Separate].
	Moved map[dev.PublishedPort]int
}

// imageOf returns the image reference of a service; "" if the project has no such service.
func (p Project) imageOf(service string) string {
	i := slices.IndexFunc(p.Images, func(img plan.ImageSource) bool { return img.Service == service })
	if i < 0 {
		return ""
	}
	return p.Images[i].Ref
}

func (p Project) lockFile() string { return filepath.Join(p.StateDir, "lock") }

// supervisedFile is the file on which each supervisor of a project holds a shared lock.
func supervisedFile(stateDir string) string { return filepath.Join(stateDir, "attended") }

// IsSupervised reports whether an sdev supervises the project with this state directory. Such an sdev reacts to
// changes that need a rebuild or a restart.
func IsSupervised(stateDir string) bool {
	l := lockOn(supervisedFile(stateDir))
	free, err := l.TryLock()
	if err != nil {
		return false
	}
	if free {
		_ = l.Unlock() // the system releases it at the latest when the process ends
	}
	return !free
}

// Effective is the desired state of a project, once its image and ports are known.
type Effective struct {
	Desired func(images map[string]string) plan.Desired
	Mode    dev.Mode
	URL     string
	Issuer  string // of the local provider; "" if nobody signs in
	// Warnings returns warnings to emit if the plan has any operations. It may be nil.
	Warnings func() []dev.Warning
	// Prepare creates the files that containers will mount. The engine calls it before they start.
	Prepare func() error
}

// Engine works on one project. Set its fields before the first call of a method.
type Engine struct {
	Runtime Runtime
	Host    string // address of the runtime
	Images  Images
	Copier  Copier // nil for a project whose files are not copied
	Source  Loader
	Emit    func(time.Time, dev.Event)
	// Gateway talks to the running gateway; nil if the engine only takes a project down.
	Gateway Gateway
	// Timeout limits each wait: for the app's page, and for a service that others depend on.
	Timeout time.Duration

	forward func(Ports) // forwards these ports from now on; nil unless the project is supervised
}

// Request describes one run of [Engine.Up].
type Request struct {
	dev.Announcement // how the gateway announces a replacement of the app; not at all if How is ""

	Build   bool   // build images even if nothing has changed
	Service string // with Build: build only this service's image; "" means the app's if How is set, else all
	Quiet   bool   // emit nothing if there is nothing to do, and ignore pull policies "always" and "build"
	Keep    bool   // keep created objects even if the page never answers

	synced     bool // the copied files are up to date, so they are no reason to build
	unattended bool // no supervisor will copy later changes
}

// Running is a project that runs.
type Running struct {
	Project Project
	URL     string
	Port    int
	Mode    dev.Mode
	Issuer  string // of the local provider; "" if nobody signs in
	Changed bool   // sdev had to do something

	appHash         string    // desired hash of the app's container; "" if unknown
	providerPort    int       // port of the local provider; 0 if nobody signs in
	services        []string  // running services, if there was nothing to do; else nil
	done            plan.Plan // operations that sdev has begun
	configuredUntil time.Time // when the gateway's configuration expires; zero means never
}

func (e *Engine) emit(ev dev.Event) { e.Emit(time.Now(), ev) }

// Up brings the project to its desired state and waits until its page answers. If that fails or is interrupted, Up
// removes what it created, unless want.Keep is set or another sdev has replaced the app meanwhile.
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

// up converges, and waits until the page answers. It recovers from what others do meanwhile, in this order:
//
//	a program takes the chosen port    convergeLocked chooses another one (see converge)
//	mounts do not carry saves          once: again, with copies instead of mounts
//	somebody restarts the gateway      errStaleNetwork: again, so that the app joins its network; each time, since each
//	                                   is somebody's doing, and ctx ends it
//	another sdev replaces the app      errSuperseded: that one waits for the page; nothing is undone
//
// Whatever else fails undoes what this up made, unless want.Keep.
func (e *Engine) up(ctx context.Context, p Project, want Request, start time.Time) (Running, error) {
	run, err := e.convergeLocked(ctx, p, want)
	if err == nil {
		err = e.explainSuperseded(ctx, run, e.awaitAndProbe(ctx, run))
	}
	if err != nil && ctx.Err() == nil && e.mountsRejected(ctx, p, err) {
		run, err = e.upWithoutMounts(ctx, p, want, run)
	}
	if err == nil && want.unattended {
		err = e.copyOnce(ctx, run)
	}
	for errors.Is(err, errStaleNetwork) {
		before := run
		want.Build = false // it is built by now
		if run, err = e.convergeLocked(ctx, p, want); err == nil {
			err = e.explainSuperseded(ctx, run, e.await(ctx, run))
		}
		run.done, run.Changed = append(before.done, run.done...), true
	}
	if err != nil {
		if !want.Keep && ctx.Err() == nil && !errors.Is(err, errSuperseded) {
			e.undo(ctx, run)
		}
		return run, err
	}
	services := run.services
	if run.Changed {
		services = []string{p.App} // if the engine has just become unreachable, which the next call reports
		if have, err := e.Runtime.Observe(ctx, p.Name, nil); err == nil {
			e.warnOfExits(ctx, run, have)
			services = runningServices(have)
		}
		e.checkApp(ctx, run.Project)
	}
	if run.Changed || !want.Quiet {
		e.emit(dev.Ready{URL: run.URL, Mode: run.Mode, Issuer: run.Issuer, Services: services, MS: time.Since(start).Milliseconds()})
	}
	return run, nil
}

// upWithoutMounts repeats an up whose mounts proved useless, now with copies. If the user demands mounts, it only
// waits for the page.
func (e *Engine) upWithoutMounts(ctx context.Context, p Project, want Request, made Running) (Running, error) {
	if p.MountOnly {
		return made, e.await(ctx, made)
	}
	p, err := e.Source(ctx)
	if err != nil {
		return made, err
	}
	run, err := e.convergeLocked(ctx, p, want)
	run.done = append(made.done, run.done...)
	run.Changed = true
	if err == nil {
		err = e.explainSuperseded(ctx, run, e.await(ctx, run))
	}
	return run, err
}

// convergeLocked converges while it holds the project's lock. It releases the lock before the wait for the page, so
// that "sdev down" can end an app that hangs.
func (e *Engine) convergeLocked(ctx context.Context, p Project, want Request) (Running, error) {
	release, err := e.lock(ctx, p.lockFile())
	if err != nil {
		return Running{}, err
	}
	defer release()
	return e.converge(ctx, p, want)
}

func (e *Engine) serviceNames(ctx context.Context, run Running) []string {
	have, err := e.Runtime.Observe(ctx, run.Project.Name, nil)
	if err != nil {
		return []string{run.Project.App} // the engine has just become unreachable, which the next call reports
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

// undo removes the objects that a failed up has created.
func (e *Engine) undo(ctx context.Context, run Running) {
	if len(run.done) == 0 {
		return
	}
	release, err := e.lock(ctx, run.Project.lockFile())
	if err != nil {
		return // the caller reports the error of the up, which matters more
	}
	defer release()
	have, err := e.Runtime.Observe(ctx, run.Project.Name, nil)
	if err != nil {
		return
	}
	// Another clone may have created objects of the same names meanwhile; ownedOnly excludes them.
	_ = e.execute(ctx, plan.Undo(run.done, run.Project.ownedOnly(have)), run.Project, nil)
}

// Down stops and removes the project's containers and networks and, with volumes, the volumes that only this
// project owns. It succeeds if nothing exists. Once force ends, Down kills containers instead of waiting for their
// exit.
func (e *Engine) Down(ctx, force context.Context, p Project, volumes bool) error {
	start := time.Now()
	// Without the lock, objects that another sdev is creating would survive. A project that was never up has no
	// state directory, and so nothing to lock.
	if _, err := os.Stat(p.StateDir); err == nil {
		release, err := e.lock(ctx, p.lockFile())
		if err != nil {
			return err
		}
		defer release()
	}
	found, err := e.remove(ctx, force, p, volumes)
	if err == nil && found {
		stopped := stoppedEvent(start)
		if p.Found {
			stopped.Project = p.Name
		}
		e.emit(stopped)
	}
	return err
}

// stoppedEvent measures from the request on. It reports at least 1 ms, because 0 marks a stop that this sdev did
// not request.
func stoppedEvent(start time.Time) dev.Stopped {
	return dev.Stopped{MS: max(1, time.Since(start).Milliseconds())}
}

// removed returns what Down may remove.
func (e *Engine) removed(ctx context.Context, p Project) (plan.Observed, error) {
	if !p.Found {
		return e.observe(ctx, p)
	}
	have, err := e.Runtime.Observe(ctx, p.Name, nil)
	return p.made(have), err
}

// remove is Down without events; found reports whether any container or network existed.
func (e *Engine) remove(ctx, force context.Context, p Project, volumes bool) (found bool, err error) {
	have, err := e.removed(ctx, p)
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
				_ = e.Runtime.Kill(context.WithoutCancel(ctx), c.ID) // if this fails, the removal reports the container
			}
		}
	}()
	err = e.execute(ctx, plan.Down(have, volumes), Project{Labels: plan.Labels{Project: p.Name}}, nil)
	close(done)
	<-killed
	return len(have.Containers)+len(have.Networks) > 0, err
}
