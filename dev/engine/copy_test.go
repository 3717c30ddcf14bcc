package engine_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/gofrs/flock"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/engine"
	"sdev/dev/plan"
)

// copies notes what an engine asks of it.
type copies struct {
	rig *rig

	mu   sync.Mutex // guards what follows
	said []string
	more chan struct{} // a token when said grew
}

func (c *copies) say(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = append(c.said, what)
	select {
	case c.more <- struct{}{}:
	default:
	}
}

func (c *copies) Fill(_ context.Context, _ engine.Project, container string) error {
	running := "stopped"
	if c.rig.runs("app") {
		running = "running"
	}
	c.say("fill " + container + " " + running)
	return nil
}

func (c *copies) Compare(_ context.Context, _ engine.Project, container string) error {
	c.say("compare " + container)
	return nil
}

func (c *copies) Keep(ctx context.Context, p engine.Project, container string, started <-chan struct{}) error {
	c.say("keep " + p.Copies[0].Path + " in " + container)
	for {
		select {
		case <-started:
			c.say("started")
		case <-ctx.Done():
			c.say("kept " + p.Copies[0].Path)
			return nil
		}
	}
}

// await waits until something was said.
func (c *copies) await(what string) {
	c.rig.Helper()
	ctx, cancel := context.WithTimeout(c.rig.Context(), devtest.Patience)
	defer cancel()
	for {
		c.mu.Lock()
		found := slices.Contains(c.said, what)
		said := strings.Join(c.said, "\n")
		c.mu.Unlock()
		if found {
			return
		}
		select {
		case <-c.more:
		case <-ctx.Done():
			c.rig.Fatalf("nobody said %q, but:\n%s", what, said)
		}
	}
}

func (c *copies) all() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.said, "\n")
}

// told gives the warnings so far.
func (r *rig) told() []dev.Warning {
	var out []dev.Warning
	for _, ev := range r.Events() {
		if w, ok := ev.(dev.Warning); ok {
			out = append(out, w)
		}
	}
	return out
}

// newCopied is a rig whose app is copied into its container.
func newCopied(t *testing.T) (*rig, *copies) {
	t.Helper()
	r := newRig(t)
	c := &copies{rig: r, more: make(chan struct{}, 1)}
	r.copies = c
	r.change(func(p *engine.Project, _ *types.ServiceConfig) {
		p.Copies, p.Container = []dev.Copy{{Service: "app", Path: "src", Target: "/app"}}, "shop-app-1"
	})
	return r, c
}

func TestUp_FillsAContainerBeforeItStarts(t *testing.T) {
	r, c := newCopied(t)
	r.up(engine.Request{})
	if got := c.all(); got != "fill shop-app-1 stopped\ncompare shop-app-1" {
		t.Errorf("said:\n%s", got)
	}
	if !slices.Contains(r.Warnings(), dev.CodeSyncUnattended) {
		t.Error("nobody says that saves are not copied any more")
	}
	if !strings.HasSuffix(r.Types(), " ready") {
		t.Errorf("the last event is not ready: %s", r.Types())
	}
	r.up(engine.Request{})
	if got := c.all(); got != "fill shop-app-1 stopped\ncompare shop-app-1\ncompare shop-app-1" {
		t.Errorf("after an up with nothing to do:\n%s", got)
	}
}

func TestSupervise_KeepsCopiesWhateverHappensToTheContainer(t *testing.T) {
	r, c := newCopied(t)
	a := r.attend()
	c.await("keep src in shop-app-1")
	a.fake.End("app", 137)
	a.save(dev.Sync, "src/app.py") // starts it again, with what was saved meanwhile
	a.await("ready")
	c.await("started")
	if got := c.all(); strings.Count(got, "fill") != 2 || strings.Contains(got, "running") || strings.Count(got, "keep ") != 1 {
		t.Errorf("said:\n%s", got)
	}
	a.interrupt()
	_ = a.end()
	if got := c.all(); !strings.HasSuffix(got, "kept src") {
		t.Errorf("the copying goes on after the end:\n%s", got)
	}
}

// Two at once would tell of each save twice.
func TestSupervise_OneAtATimeKeepsCopies(t *testing.T) {
	r, c := newCopied(t)
	other := flock.New(filepath.Join(r.project.StateDir, "copying"))
	if err := other.Lock(); err != nil {
		t.Fatal(err)
	}
	r.attend()
	if got := c.all(); strings.Contains(got, "keep") {
		t.Errorf("while another sdev does:\n%s", got)
	}
	if err := other.Unlock(); err != nil {
		t.Fatal(err)
	}
	c.await("keep src in shop-app-1")
}

func TestSupervise_NewRulesMeanOtherCopies(t *testing.T) {
	r, c := newCopied(t)
	a := r.attend()
	c.await("keep src in shop-app-1")
	a.change(func(p *engine.Project, _ *types.ServiceConfig) {
		p.Copies = []dev.Copy{{Service: "app", Path: "lib", Target: "/lib"}}
	})
	a.save(dev.Restart, "compose.yml")
	c.await("kept src")
	c.await("keep lib in shop-app-1")
}

// What is copied is not built: a restart stays one although the files are not those of the image.
func TestSupervise_CopiedFilesAreNoReasonToBuild(t *testing.T) {
	r, _ := newCopied(t)
	r.change(func(p *engine.Project, _ *types.ServiceConfig) { p.Images[0].Rest = "rest 1" })
	a := r.attend()
	a.change(func(p *engine.Project, _ *types.ServiceConfig) { p.Images[0].Input = "input 2" })
	done, image := len(a.fake.Done()), a.container("app").Image
	a.save(dev.SyncRestart, "src/app.conf")
	a.await("ready")
	if got := a.ops(done); got != "restart container shop-app-1 (requested)\n" || a.container("app").Image != image {
		t.Errorf("done:\n%s", got)
	}
	a.change(func(p *engine.Project, _ *types.ServiceConfig) { p.Images[0].Rest = "rest 2" })
	a.save(dev.Restart, "compose.yml")
	a.await("build.done")
}

func TestUp_CopiesWhereMountsAreSilent(t *testing.T) {
	for about, sight := range map[string]engine.MountProbe{
		"saves on this machine raise no file events in containers": {Visible: true},
		"containers see another directory than the project's":      {},
	} {
		r, c := newCopied(t)
		silent(r)
		e := r.engine()
		r.gateway.probe = func() (engine.MountProbe, error) { return sight, nil }
		if _, err := e.Up(t.Context(), engine.Request{}); err != nil {
			t.Fatal(err)
		}
		ws := r.told()
		i := slices.IndexFunc(ws, func(w dev.Warning) bool { return w.Code == dev.CodeWatchSilent })
		if i < 0 || ws[i].Message != about+" (engine tcp://far); sdev copies the project into them instead" {
			t.Errorf("warnings: %+v", ws)
		}
		if !strings.Contains(c.all(), "fill shop-app-1") {
			t.Errorf("said:\n%s", c.all())
		}
		if state := r.project.StateDir; !engine.MountsUnusable(state, "tcp://far") || engine.MountsUnusable(state, "tcp://near") || !engine.WasCopied(state) {
			t.Error("it is not remembered, or of the wrong engine")
		}
	}
}

// silent makes the rig's project one that is mounted until it is known that this is of no use.
func silent(r *rig) {
	r.change(func(p *engine.Project, _ *types.ServiceConfig) { p.Host = "tcp://far" })
	r.adapt = func(p *engine.Project) {
		if p.Mounted = !engine.MountsUnusable(p.StateDir, p.Host); p.Mounted {
			p.Copies = nil
		}
	}
}

func TestUp_LooksOnlyWhereItMatters(t *testing.T) {
	r, c := newCopied(t)
	silent(r)
	e := r.engine()
	looks := 0
	r.gateway.probe = func() (engine.MountProbe, error) {
		looks++
		return engine.MountProbe{Visible: true, Noticed: true}, nil
	}
	for range 2 {
		if _, err := e.Up(t.Context(), engine.Request{}); err != nil {
			t.Fatal(err)
		}
	}
	if engine.WasCopied(r.project.StateDir) {
		t.Error("a project that is mounted counts as copied")
	}
	if looks != 1 || c.all() != "" || len(r.Warnings()) != 0 {
		t.Errorf("%d looks, want one, at the gateway's start; %s; %v", looks, c.all(), r.Warnings())
	}
	r.gateway.probe = func() (engine.MountProbe, error) {
		return engine.MountProbe{}, errors.New("the gateway does not answer")
	}
	r.fake.End("gateway", 1)
	if _, err := e.Up(t.Context(), engine.Request{}); err != nil || len(r.Warnings()) != 0 {
		t.Errorf("who cannot be asked is not blind: %v, %v", err, r.Warnings())
	}
}

type absent struct{}

func (absent) Error() string     { return "the engine does not see /work/shop, which is here" }
func (absent) MountAbsent() bool { return true }

func TestUp_CopiesWhereTheEngineHasOtherFiles(t *testing.T) {
	r, c := newCopied(t)
	silent(r)
	r.fake.Before(func(_ context.Context, op plan.Operation) error {
		if op.Verb == plan.Create && op.Kind == plan.ServiceContainer && !engine.MountsUnusable(r.project.StateDir, "tcp://far") {
			return absent{}
		}
		return nil
	})
	r.up(engine.Request{})
	if ws := r.told(); len(ws) == 0 || ws[0].Code != dev.CodeWatchSilent || !strings.HasPrefix(ws[0].Message, "the engine does not see /work/shop, which is here") {
		t.Errorf("warnings: %+v", ws)
	}
	if !strings.Contains(c.all(), "fill shop-app-1") {
		t.Errorf("said:\n%s", c.all())
	}
}

// Who insists on mounts gets them, and is told what that means.
func TestUp_MountsWhereThatIsAskedFor(t *testing.T) {
	r, c := newCopied(t)
	r.change(func(p *engine.Project, _ *types.ServiceConfig) { p.Mounted, p.MountOnly, p.Copies = true, true, nil })
	e := r.engine()
	r.gateway.probe = func() (engine.MountProbe, error) {
		return engine.MountProbe{Visible: true}, nil
	}
	if _, err := e.Up(t.Context(), engine.Request{}); err != nil {
		t.Fatal(err)
	}
	if ws := r.told(); len(ws) != 1 || !strings.HasSuffix(ws[0].Message, "saves are not live") || c.all() != "" {
		t.Errorf("%+v, %s", ws, c.all())
	}
}

// Who goes on saving while the app is started again sees it start nonetheless.
func TestSupervise_SavesDoNotBreakOffTheStartThatTheyAskFor(t *testing.T) {
	for _, action := range []dev.Action{dev.Live, dev.Sync} {
		a := newRig(t).attend()
		begun, proceed := make(chan struct{}, 8), make(chan struct{})
		a.fake.Before(func(ctx context.Context, op plan.Operation) error {
			if op.Verb != plan.Start {
				return nil
			}
			begun <- struct{}{}
			select {
			case <-proceed:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		a.fake.End("app", 1)
		devtest.Await(a, a, func(ev dev.Event) bool { return ev == dev.ServiceState{Service: "app", State: dev.Exited, ExitCode: 1} })
		a.save(action, "src/app.py")
		<-begun
		for range 3 {
			a.save(action, "src/app.py")
		}
		a.save(dev.Live, "last")
		devtest.Await(a, a, func(ev dev.Event) bool { f, ok := ev.(dev.FileChanged); return ok && f.Paths[0] == "last" })
		close(proceed)
		a.await("ready")
		if len(begun) != 0 {
			t.Errorf("%s: the start was broken off and begun %d times more", action, len(begun))
		}
	}
}

// A build takes its time; saves go on to be copied into what runs, and into what takes its place.
func TestSupervise_ABuildDoesNotHoldUpCopies(t *testing.T) {
	r, c := newCopied(t)
	a := r.attend()
	c.await("keep src in shop-app-1")
	begun, proceed := make(chan struct{}), make(chan struct{})
	a.fake.OnBuild(func(context.Context, plan.Build) error {
		close(begun)
		<-proceed
		return nil
	})
	fills := strings.Count(c.all(), "fill")
	a.save(dev.Rebuild, "pyproject.toml")
	<-begun
	if got := c.all(); strings.Contains(got, "kept") || strings.Count(got, "fill") != fills {
		t.Errorf("during the build:\n%s", got)
	}
	close(proceed)
	a.await("build.done")
	a.await("ready")
	if got := c.all(); strings.Contains(got, "kept") || strings.Count(got, "fill shop-app-1 stopped") != fills+1 {
		t.Errorf("after the build:\n%s", got)
	}
}
