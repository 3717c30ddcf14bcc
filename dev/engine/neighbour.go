package engine

import (
	"context"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"sdev/dev"
	"sdev/dev/plan"
)

// Neighbour is a service around the app that has rules for saves of its own.
type Neighbour struct {
	Service   string
	Container string
	Rules     []dev.Rule
	Copies    []dev.Copy
}

// seenFrom returns the project with one of its neighbours in the app's place, for a [Copier]. For the app itself it is
// the project.
func (p Project) seenFrom(service string) Project {
	if i := slices.IndexFunc(p.Neighbours, func(n Neighbour) bool { return n.Service == service }); i >= 0 {
		n := p.Neighbours[i]
		p.App, p.Container, p.Rules, p.Copies = n.Service, n.Container, n.Rules, n.Copies
	}
	return p
}

// neighbourNames lists the neighbours, in words.
func (p Project) neighbourNames() string {
	var names []string
	for _, n := range p.Neighbours {
		names = append(names, n.Service)
	}
	return strings.Join(names, ", ")
}

// neighbours applies the rules of the services around the app while a project is supervised. Each service has
// goroutines of its own, so neither their builds nor their restarts delay the app's saves, or each other's. Only the
// goroutine of [supervisor.run] uses it, and [Engine.Supervise] after that has ended.
type neighbours struct {
	engine  *Engine
	changed chan<- struct{} // receives a value when an image was built that the project does not run yet
	running map[string]*neighbour
}

// begin starts to watch for the project's neighbours. Those whose rules are the same go on.
func (n *neighbours) begin(ctx context.Context, p Project) {
	for service, old := range n.running {
		if !slices.ContainsFunc(p.Neighbours, func(is Neighbour) bool { return reflect.DeepEqual(is, old.Neighbour) }) {
			old.stop()
			delete(n.running, service)
		}
	}
	for _, is := range p.Neighbours {
		if n.running[is.Service] != nil {
			continue
		}
		work, cancel := context.WithCancel(ctx)
		next := &neighbour{Neighbour: is, engine: n.engine, project: p, changed: n.changed, started: make(chan struct{}, 1), woken: make(chan struct{}, 1)}
		ended := make(chan struct{})
		next.stop = func() { cancel(); <-ended }
		if n.running == nil {
			n.running = map[string]*neighbour{}
		}
		n.running[is.Service] = next
		go func() {
			defer close(ended)
			if err := next.run(work); err != nil && work.Err() == nil {
				next.warn(err)
			}
		}()
	}
}

// restarted reports that a service's container has started.
func (n *neighbours) restarted(service string) {
	if is := n.running[service]; is != nil {
		select {
		case is.started <- struct{}{}:
		default: // an earlier start is still unread, and one is enough
		}
	}
}

func (n *neighbours) end() {
	for _, is := range n.running {
		is.stop()
	}
	n.running = nil
}

// neighbour applies the rules of one service.
type neighbour struct {
	Neighbour
	engine  *Engine
	project Project
	changed chan<- struct{}
	started chan struct{}
	stop    func() // ends run and waits for it

	mu     sync.Mutex // guards the fields below
	wanted demand
	cancel context.CancelFunc // cancels the build that runs; nil if none does
	woken  chan struct{}      // holds a token if something is wanted
}

// demand is what saves have asked for.
type demand struct {
	build, restart bool
	trigger        string // path of the first save
}

// run watches and acts until ctx ends, once no other sdev does.
func (n *neighbour) run(ctx context.Context) error {
	release, err := waitForLock(ctx, filepath.Join(n.project.StateDir, "watching-"+n.Service))
	if err != nil {
		return err
	}
	defer release()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return n.engine.Copier.Watch(ctx, n.project.seenFrom(n.Service), n.started, n.saved)
	})
	group.Go(func() error { return n.act(ctx) })
	return group.Wait()
}

// saved notes what a save calls for. A save that calls for a build cancels the one that runs: only the newest state of
// the files counts.
func (n *neighbour) saved(ev dev.FileChanged) {
	if len(ev.Paths) == 0 {
		return
	}
	n.engine.emit(ev)
	build := ev.Action == dev.Rebuild
	if !build && ev.Action != dev.Restart && ev.Action != dev.SyncRestart {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if build && n.cancel != nil {
		n.cancel()
	}
	if !n.wanted.build && !n.wanted.restart {
		n.wanted.trigger = ev.Paths[0]
	}
	n.wanted.build, n.wanted.restart = n.wanted.build || build, n.wanted.restart || !build
	select {
	case n.woken <- struct{}{}:
	default: // a token is there already
	}
}

// act does what saves call for until ctx ends, one thing at a time.
func (n *neighbour) act(ctx context.Context) error {
	for {
		select {
		case <-n.woken:
		case <-ctx.Done():
			return ctx.Err()
		}
		work, cancel := context.WithCancel(ctx)
		n.mu.Lock()
		d := n.wanted
		n.wanted = demand{}
		if d.build {
			n.cancel = cancel
		}
		n.mu.Unlock()
		err := n.do(work, d)
		n.mu.Lock()
		n.cancel = nil
		superseded := work.Err() != nil
		n.wanted.restart = n.wanted.restart || superseded && d.restart
		n.mu.Unlock()
		cancel()
		if err != nil && !superseded {
			n.warn(err) // the next save may fix it
		}
	}
}

func (n *neighbour) warn(err error) {
	e := dev.AsError(err)
	n.engine.emit(dev.Warning{Code: e.Code, Message: e.Error(), Hint: e.Hint})
}

func (n *neighbour) do(ctx context.Context, d demand) error {
	if d.build {
		replaced, err := n.build(ctx, d.trigger+" changed")
		if err != nil {
			return err
		}
		if replaced {
			select {
			case n.changed <- struct{}{}:
			default: // the supervisor has not handled the previous one yet
			}
			return nil // the new container starts with all changes
		}
	}
	if d.restart {
		return n.restart(ctx, d.trigger+" changed")
	}
	return nil
}

// build builds the service's image while the project goes on, and reports whether it is another one now.
func (n *neighbour) build(ctx context.Context, why string) (replaced bool, err error) {
	p, err := n.engine.Source(ctx) // the fingerprint of what is built now
	if err != nil {
		return false, err
	}
	ref := p.imageOf(n.Service)
	all := distinctImages(p.Images)
	i := slices.IndexFunc(all, func(img plan.ImageSource) bool { return img.Ref == ref })
	if i < 0 || all[i].Build == nil {
		return false, nil // the compose file changed at the same time
	}
	before, _, err := n.engine.Images.Image(ctx, ref)
	if err != nil {
		return false, err
	}
	info, err := n.engine.build(ctx, all[i], why, true)
	if err != nil {
		return false, err
	}
	release, err := waitForLock(ctx, p.lockFile())
	if err != nil {
		return false, err
	}
	defer release()
	state := loadState(p.StateDir)
	state.Builds[ref] = savedBuild{Input: all[i].Input, Rest: all[i].Rest, Image: info.ID}
	return info.ID != before.ID, state.save(p.StateDir)
}

// restart restarts the service's container, and those that restart with it.
func (n *neighbour) restart(ctx context.Context, why string) error {
	release, err := waitForLock(ctx, n.project.lockFile())
	if err != nil {
		return err
	}
	defer release()
	have, err := n.engine.observe(ctx, n.project)
	if err != nil {
		return err
	}
	ops := plan.RestartOf(have, n.Service, n.project.Gateway, n.project.App)
	for i := range ops {
		if ops[i].Reason == "requested" {
			ops[i].Reason = why
		}
	}
	n.engine.emit(dev.PlanMade{Operations: ops.Describe()})
	return n.engine.execute(ctx, ops, n.project, nil)
}
