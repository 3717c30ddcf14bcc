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

// recordingCopier records the calls of an engine.
type recordingCopier struct {
	rig *rig

	mu    sync.Mutex // guards the fields below
	calls []string
	more  chan struct{}         // holds a token if calls grew
	saved func(dev.FileChanged) // of the latest Watch
}

func (c *recordingCopier) record(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, what)
	select {
	case c.more <- struct{}{}:
	default:
	}
}

func (c *recordingCopier) Fill(_ context.Context, _ engine.Project, container string) error {
	running := "stopped"
	if c.rig.runs(strings.TrimSuffix(strings.TrimPrefix(container, "shop-"), "-1")) {
		running = "running"
	}
	c.record("fill " + container + " " + running)
	return nil
}

func (c *recordingCopier) Compare(_ context.Context, _ engine.Project, container string) error {
	c.record("compare " + container)
	return nil
}

func (c *recordingCopier) Keep(ctx context.Context, p engine.Project, container string, started <-chan struct{}) error {
	c.record("keep " + p.Copies[0].Path + " in " + container)
	for {
		select {
		case <-started:
			c.record("started")
		case <-ctx.Done():
			c.record("kept " + p.Copies[0].Path)
			return nil
		}
	}
}

func (c *recordingCopier) Watch(ctx context.Context, p engine.Project, started <-chan struct{}, saved func(dev.FileChanged)) error {
	c.mu.Lock()
	c.saved = saved
	c.mu.Unlock()
	c.record("watch " + p.Rules[0].Path + " for " + p.App + " in " + p.Container)
	for {
		select {
		case <-started:
			c.record("started " + p.App)
		case <-ctx.Done():
			c.record("watched " + p.Rules[0].Path)
			return nil
		}
	}
}

// save reports a save to the latest Watch.
func (c *recordingCopier) save(action dev.Action, path string) {
	c.mu.Lock()
	saved := c.saved
	c.mu.Unlock()
	saved(dev.FileChanged{Paths: []string{path}, Rule: "test", Action: action, Service: "worker"})
}

// await waits until a call was recorded.
func (c *recordingCopier) await(what string) {
	c.rig.Helper()
	ctx, cancel := context.WithTimeout(c.rig.Context(), devtest.Patience)
	defer cancel()
	for {
		c.mu.Lock()
		found := slices.Contains(c.calls, what)
		said := strings.Join(c.calls, "\n")
		c.mu.Unlock()
		if found {
			return
		}
		select {
		case <-c.more:
		case <-ctx.Done():
			c.rig.Fatalf("no call %q, but:\n%s", what, said)
		}
	}
}

func (c *recordingCopier) all() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.calls, "\n")
}

// warnings returns the warnings so far.
func (r *rig) warnings() []dev.Warning {
	var out []dev.Warning
	for _, ev := range r.Events() {
		if w, ok := ev.(dev.Warning); ok {
			out = append(out, w)
		}
	}
	return out
}

// newCopied returns a rig whose app gets copies.
func newCopied(t *testing.T) (*rig, *recordingCopier) {
	t.Helper()
	r := newRig(t)
	c := &recordingCopier{rig: r, more: make(chan struct{}, 1)}
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
	a := r.supervise()
	c.await("keep src in shop-app-1")
	a.fake.End("app", 137)
	a.save(dev.Sync, "src/app.py") // starts the app again, with the saves since
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

// Two at once would report each save twice.
func TestSupervise_OnlyOneSupervisorCopies(t *testing.T) {
	r, c := newCopied(t)
	other := flock.New(filepath.Join(r.project.StateDir, "copying"))
	if err := other.Lock(); err != nil {
		t.Fatal(err)
	}
	r.supervise()
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
	a := r.supervise()
	c.await("keep src in shop-app-1")
	a.change(func(p *engine.Project, _ *types.ServiceConfig) {
		p.Copies = []dev.Copy{{Service: "app", Path: "lib", Target: "/lib"}}
	})
	a.save(dev.Restart, "compose.yml")
	c.await("kept src")
	c.await("keep lib in shop-app-1")
}

// Copied files are no part of the image, so a restart causes no build, although they differ from those in the
// image.
func TestSupervise_CopiedFilesAreNoReasonToBuild(t *testing.T) {
	r, _ := newCopied(t)
	r.change(func(p *engine.Project, _ *types.ServiceConfig) { p.Images[0].Rest = "rest 1" })
	a := r.supervise()
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

func TestUp_CopiesIfMountsAreUseless(t *testing.T) {
	for about, sight := range map[string]engine.MountProbe{
		"saves on this machine raise no file events in containers": {Visible: true},
		"containers see another directory than the project's":      {},
	} {
		r, c := newCopied(t)
		newRigWithUselessMounts(r)
		e := r.engine()
		r.gateway.probe = func() (engine.MountProbe, error) { return sight, nil }
		if _, err := e.Up(t.Context(), engine.Request{}); err != nil {
			t.Fatal(err)
		}
		ws := r.warnings()
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
func newRigWithUselessMounts(r *rig) {
	r.change(func(p *engine.Project, _ *types.ServiceConfig) { p.Host = "tcp://far" })
	r.adapt = func(p *engine.Project) {
		if p.Mounted = !engine.MountsUnusable(p.StateDir, p.Host); p.Mounted {
			p.Copies = nil
		}
	}
}

func TestUp_ProbesMountsOnlyAtTheGatewaysStart(t *testing.T) {
	r, c := newCopied(t)
	newRigWithUselessMounts(r)
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

// A start on the kernel of this machine is not slowed down by a second probe.
func TestUp_ProbesASharedKernelOnce(t *testing.T) {
	for name, c := range map[string]struct {
		boot string
		want int
	}{
		"this machine's": {dev.BootID(), 1},
		"another":        {"another", 2},
		"unknown":        {"", 2},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := newCopied(t)
			newRigWithUselessMounts(r)
			e := r.engine()
			probes := 0
			r.gateway.probe = func() (engine.MountProbe, error) {
				probes++
				return engine.MountProbe{Visible: true, Noticed: true, Boot: c.boot}, nil
			}
			for range 2 {
				if _, err := e.Up(t.Context(), engine.Request{}); err != nil {
					t.Fatal(err)
				}
				r.fake.End("gateway", 1)
			}
			if probes != c.want {
				t.Errorf("%d probes for two starts of the gateway, want %d", probes, c.want)
			}
		})
	}
}

type absent struct{}

func (absent) Error() string     { return "the engine does not see /work/shop, which is here" }
func (absent) MountAbsent() bool { return true }

func TestUp_CopiesIfTheEngineLacksTheDirectory(t *testing.T) {
	r, c := newCopied(t)
	newRigWithUselessMounts(r)
	r.fake.Before(func(_ context.Context, op plan.Operation) error {
		if op.Verb == plan.Create && op.Kind == plan.ServiceContainer && !engine.MountsUnusable(r.project.StateDir, "tcp://far") {
			return absent{}
		}
		return nil
	})
	r.up(engine.Request{})
	if ws := r.warnings(); len(ws) == 0 || ws[0].Code != dev.CodeWatchSilent || !strings.HasPrefix(ws[0].Message, "the engine does not see /work/shop, which is here") {
		t.Errorf("warnings: %+v", ws)
	}
	if !strings.Contains(c.all(), "fill shop-app-1") {
		t.Errorf("said:\n%s", c.all())
	}
}

// A user who demands mounts gets them, and a warning.
func TestUp_MountsIfTheUserDemandsIt(t *testing.T) {
	r, c := newCopied(t)
	r.change(func(p *engine.Project, _ *types.ServiceConfig) { p.Mounted, p.MountOnly, p.Copies = true, true, nil })
	e := r.engine()
	r.gateway.probe = func() (engine.MountProbe, error) {
		return engine.MountProbe{Visible: true}, nil
	}
	if _, err := e.Up(t.Context(), engine.Request{}); err != nil {
		t.Fatal(err)
	}
	if ws := r.warnings(); len(ws) != 1 || !strings.HasSuffix(ws[0].Message, "saves are not live") || c.all() != "" {
		t.Errorf("%+v, %s", ws, c.all())
	}
}

// The app starts, even for somebody who keeps saving meanwhile.
func TestSupervise_SavesDoNotCancelTheStartThatTheyCause(t *testing.T) {
	for _, action := range []dev.Action{dev.Live, dev.Sync} {
		a := newRig(t).supervise()
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

// During a build, saves are copied into the running container, and then into its replacement.
func TestSupervise_ABuildDoesNotHoldUpCopies(t *testing.T) {
	r, c := newCopied(t)
	a := r.supervise()
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
