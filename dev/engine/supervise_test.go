package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/engine"
	"sdev/dev/plan"
)

func TestSupervise_RebuildsAndReplacesTheApp(t *testing.T) {
	a := newRig(t).supervise()
	image, gateway := a.container("app").Image, a.container("gateway").ID
	a.save(dev.Rebuild, "pyproject.toml")
	a.await("build.done")
	a.await("ready")
	if after := a.container("app").Image; after == image {
		t.Error("the app runs its old image")
	}
	if a.container("gateway").ID != gateway {
		t.Error("the gateway was replaced, and with it the page that tells of the rebuild")
	}
}

// A save during a rebuild makes that one worthless. Supervise cancels it and starts a single new one, however many
// saves there were.
func TestSupervise_NewestSaveCancelsTheRebuildUnderWay(t *testing.T) {
	a := newRig(t).supervise()
	begun, stopped, builds := make(chan struct{}, 8), make(chan struct{}, 8), 0
	a.fake.OnBuild(func(ctx context.Context, _ plan.Build) error {
		builds++ // no lock: one build at a time
		begun <- struct{}{}
		if builds > 1 {
			return nil
		}
		<-ctx.Done()
		stopped <- struct{}{}
		return ctx.Err()
	})
	a.save(dev.Rebuild, "pyproject.toml")
	<-begun
	a.save(dev.Rebuild, "uv.lock")
	<-stopped
	a.await("build.done")
	a.await("ready")
	if builds != 2 {
		t.Errorf("%d builds, want 2", builds)
	}
	if got := a.Warnings(); len(got) != 0 {
		t.Errorf("warnings %v about a build that was not wanted any more", got)
	}
}

func TestSupervise_FailedRebuildIsAWarningAndTheNextSaveFixesIt(t *testing.T) {
	a := newRig(t).supervise()
	a.fake.OnBuild(func(context.Context, plan.Build) error {
		return &dev.Error{Code: dev.CodeBuildFailed, Message: "no such package", Hint: "fix it", Exit: dev.ExitFailed}
	})
	a.save(dev.Rebuild, "pyproject.toml")
	if w := a.awaitWarning(dev.CodeBuildFailed); w.Message != "no such package" || w.Hint != "fix it" {
		t.Errorf("%+v", w)
	}
	if !a.runs("app") {
		t.Error("the app was taken down for a build that failed")
	}
	a.fake.OnBuild(nil)
	a.save(dev.Rebuild, "pyproject.toml")
	a.await("build.done")
	a.await("ready")
}

func TestSupervise_BrokenProjectFileIsAWarning(t *testing.T) {
	a := newRig(t).supervise()
	broken := &dev.Error{Code: dev.CodeComposeSyntax, Message: "not valid YAML", File: "compose.yml", Line: 3, Exit: dev.ExitProject}
	a.mu.Lock()
	a.broken = broken
	a.mu.Unlock()
	a.save(dev.Restart, "compose.yml")
	if w := a.awaitWarning(dev.CodeComposeSyntax); w.Message != "compose.yml:3: not valid YAML" {
		t.Errorf("%+v", w)
	}
	a.mu.Lock()
	a.broken = nil
	a.mu.Unlock()
	done := len(a.fake.Done())
	a.change(func(_ *engine.Project, app *types.ServiceConfig) { app.User = "1000" })
	a.save(dev.Restart, "compose.yml")
	a.await("ready")
	// The save may cancel a job that has already removed the container for that reason.
	if got := a.ops(done); !strings.Contains(got, "container shop-app-1 (user added)") {
		t.Errorf("done:\n%s", got)
	}
}

func TestSupervise_RestartsForSettingsOfTheApp(t *testing.T) {
	a := newRig(t).supervise()
	done := len(a.fake.Done())
	a.save(dev.Restart, ".streamlit/config.toml")
	a.await("ready")
	if diff := cmp.Diff("restart container shop-app-1 (requested)\n", a.ops(done)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A compose file defines the desired state: a save that does not change that causes no restart.
func TestSupervise_ProjectFileThatChangesNothingRestartsNothing(t *testing.T) {
	a := newRig(t).supervise()
	done := len(a.fake.Done())
	a.save(dev.Restart, "compose.yml")
	a.save(dev.Restart, ".streamlit/config.toml") // handled after the first save
	a.await("ready")
	if diff := cmp.Diff("restart container shop-app-1 (requested)\n", a.ops(done)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSupervise_AppFollowsAGatewayThatWasRestartedByHand(t *testing.T) {
	a := newRig(t).supervise()
	done := len(a.fake.Done())
	a.outsideSdev(plan.Restart, "gateway")
	a.await("ready")
	const want = `restart container shop-gateway-1 (by hand)
restart container shop-app-1 (it uses the network of gateway, which was restarted)
`
	if diff := cmp.Diff(want, a.ops(done)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSupervise_SaveStartsAnAppThatEnded(t *testing.T) {
	a := newRig(t).supervise()
	a.save(dev.Live, "Home.py") // a live save needs no operation
	a.await("file.changed")
	a.fake.End("app", 3)
	devtest.Await(t, a, func(ev dev.Event) bool { return ev == dev.ServiceState{Service: "app", State: dev.Exited, ExitCode: 3} })
	done := len(a.fake.Done())
	a.save(dev.Live, "Home.py")
	a.await("ready")
	if diff := cmp.Diff("start container shop-app-1 (not running)\n", a.ops(done)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSupervise_EndOfItsContextRemovesEverything(t *testing.T) {
	a := newRig(t).supervise()
	a.interrupt()
	if err := a.end(); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if left := a.containers(); len(left) != 0 {
		t.Errorf("left over: %+v", left)
	}
	events := a.Events()
	if last := events[len(events)-1]; last.Type() != "stopped" {
		t.Errorf("the last event is %+v", last)
	}
}

func TestSupervise_EndOfItsContextDuringTheStartRemovesEverything(t *testing.T) {
	r := newRig(t)
	r.mute.Store(true)
	a := r.begin()
	r.eventually(func() bool { return r.runs("app") })
	a.interrupt()
	if err := a.end(); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if left := a.containers(); len(left) != 0 {
		t.Errorf("left over: %+v", left)
	}
}

func TestSupervise_EndOfItsContextDuringARebuildRemovesEverything(t *testing.T) {
	a := newRig(t).supervise()
	begun := make(chan struct{})
	a.fake.OnBuild(func(ctx context.Context, _ plan.Build) error {
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	})
	a.save(dev.Rebuild, "pyproject.toml")
	<-begun
	a.interrupt()
	if err := a.end(); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if left := a.containers(); len(left) != 0 {
		t.Errorf("left over: %+v", left)
	}
}

func TestSupervise_ForceKillsWhatDoesNotStop(t *testing.T) {
	r := newRig(t)
	r.change(func(_ *engine.Project, app *types.ServiceConfig) { app.Command = devtest.Script{Deaf: true}.Command() })
	a := r.supervise()
	a.interrupt()
	a.eventually(func() bool { return !a.runs("gateway") })
	if !a.runs("app") {
		t.Error("the app was killed before anybody asked for it")
	}
	a.force()
	if err := a.end(); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if left := a.containers(); len(left) != 0 {
		t.Errorf("left over: %+v", left)
	}
}

func TestSupervise_EndsWhenSomebodyElseTakesTheProjectDown(t *testing.T) {
	a := newRig(t).supervise()
	if err := a.engine().Down(t.Context(), t.Context(), engine.Project{Name: "shop"}, false); err != nil {
		t.Fatal(err)
	}
	if err := a.end(); err != nil {
		t.Errorf("error %v", err)
	}
	a.await("stopped")
}

func TestSupervise_FailedStartEndsIt(t *testing.T) {
	r := newRig(t)
	r.change(func(_ *engine.Project, app *types.ServiceConfig) {
		app.Command = devtest.Script{Ends: true, Code: 2}.Command()
	})
	a := r.begin()
	if err := dev.AsError(a.end()); err.Code != dev.CodeAppExited || err.Exit != dev.ExitNotReady {
		t.Errorf("%+v", err)
	}
	if left := a.containers(); len(left) != 0 {
		t.Errorf("left over: %+v", left)
	}
}

func TestSupervise_ReportsWhatServicesPrint(t *testing.T) {
	a := newRig(t).supervise()
	a.fake.Print("app", "stderr", "\x1b[31mhello\x1b[0m")
	devtest.Await(t, a, func(ev dev.Event) bool { return ev == dev.LogLine{Service: "app", Stream: "stderr", Text: "hello"} })
	a.fake.Tell("gateway", dev.SessionOpened{Sessions: 1})
	a.await("session.opened")
}

func TestSupervise_AppThatCrashesAfterARebuildIsStartedByTheNextSave(t *testing.T) {
	a := newRig(t).supervise()
	a.change(func(_ *engine.Project, app *types.ServiceConfig) {
		app.Command = devtest.Script{Err: []string{"ImportError"}, Ends: true, Code: 1}.Command()
	})
	a.save(dev.Rebuild, "pyproject.toml")
	if w := a.awaitWarning(dev.CodeAppExited); !strings.Contains(w.Message, "ImportError") {
		t.Errorf("%+v", w)
	}
	if !a.runs("gateway") {
		t.Error("the gateway, which shows what is wrong, is gone too")
	}
	a.change(func(_ *engine.Project, app *types.ServiceConfig) { app.Command = nil })
	a.save(dev.Live, "Home.py")
	a.await("ready")
}

// The gateway counts the tabs that will reconnect, so it must know before the app stops.
func TestSupervise_AnnouncesAReplacementBeforeItHappens(t *testing.T) {
	r := newRig(t)
	var told []string
	r.gateway.announce = func(n dev.Announcement) {
		told = append(told, string(n.How)+" "+n.Trigger)
		if n.How == dev.AnnounceRebuild && !r.runs("app") {
			t.Error("announced when the app had gone already")
		}
	}
	a := r.supervise()
	a.save(dev.Rebuild, "uv.lock")
	a.await("build.done")
	a.await("ready")
	a.interrupt()
	if err := a.end(); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if got := strings.Join(told, "\n"); !strings.Contains(got, "restart .streamlit/config.toml\n") || !strings.HasSuffix(got, "rebuild uv.lock") {
		t.Errorf("announced:\n%s", got)
	}
}

func TestIsSupervised_WhileASuperviseRuns(t *testing.T) {
	r := newRig(t)
	if engine.IsSupervised(r.project.StateDir) {
		t.Error("supervised before a Supervise began")
	}
	stop, asked := make(chan struct{}), make(chan struct{})
	go func() { // concurrent calls must not hide a Supervise
		defer close(asked)
		for {
			select {
			case <-stop:
				return
			default:
				engine.IsSupervised(r.project.StateDir)
			}
		}
	}()
	a := r.supervise()
	close(stop)
	<-asked
	if !engine.IsSupervised(r.project.StateDir) {
		t.Error("not supervised while a Supervise runs")
	}
	a.interrupt()
	if err := a.end(); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if engine.IsSupervised(r.project.StateDir) {
		t.Error("supervised after the Supervise ended")
	}
}

// A list that a tool writes again without a change, as "uv run" does, builds nothing and keeps the app.
func TestSupervise_ATouchedListBuildsNothing(t *testing.T) {
	s := newRig(t).supervise()
	before := len(s.Events())
	s.touch(dev.Rebuild, "uv.lock")
	said := devtest.Await(s, s, func(ev dev.Event) bool { _, ok := ev.(dev.BuildStep); return ok }).Event.(dev.BuildStep)
	if said.Text != "uv.lock has the content that the image was built from: nothing to build" {
		t.Errorf("reported: %q", said.Text)
	}
	s.save(dev.Rebuild, "uv.lock")
	s.await("build.done")
	if got := s.imageOperations(before); got != "build image shop-app (requested)\n" {
		t.Errorf("operations: %s", got)
	}
}

// A project without a list of packages has those that its imports need: a new import is a new build.
func TestSupervise_AMissingModuleBuildsWhatTheProjectNeedsNow(t *testing.T) {
	a := newRig(t).supervise()
	before := a.container("app").Image
	raise := func(kind string) {
		a.fake.Tell("gateway", dev.AppException{Exception: kind, Message: "No module named 'humanize'", File: "app.py", Line: 1})
	}
	builds := make(chan struct{}, 8)
	a.fake.OnBuild(func(context.Context, plan.Build) error { builds <- struct{}{}; return nil })
	raise("ModuleNotFoundError") // of a misspelled module: the build is the same
	a.awaitStartHandled()
	if len(builds) > 0 {
		t.Errorf("%d builds of what has not changed", len(builds))
	}
	a.change(func(p *engine.Project, _ *types.ServiceConfig) {
		p.Images = slices.Clone(p.Images)
		p.Images[0].Input += ", and humanize"
	})
	raise("ModuleNotFoundError")
	a.await("build.done")
	a.await("ready")
	if a.container("app").Image == before {
		t.Error("the app runs its old image")
	}
}
