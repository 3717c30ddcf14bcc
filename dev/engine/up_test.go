package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/engine"
	"sdev/dev/plan"
)

func TestUp_MakesEverythingOnceAndThenNothing(t *testing.T) {
	r := newRig(t)
	run := r.up(engine.Request{})
	const all = `load image sdev-gateway:1 (the engine does not have the image of this sdev yet)
create container shop-gateway-1 (missing)
start container shop-gateway-1 (missing)
create container shop-app-1 (missing)
start container shop-app-1 (missing)
`
	// sdev creates the app's container while the gateway starts, so the order of these two varies.
	either := strings.Replace(all, "start container shop-gateway-1 (missing)\ncreate container shop-app-1 (missing)",
		"create container shop-app-1 (missing)\nstart container shop-gateway-1 (missing)", 1)
	if got := r.ops(0); got != all && got != either {
		t.Errorf("done:\n%s", got)
	}
	if got := r.Types(); got != "plan build.done plan ready" {
		t.Errorf("told: %s", got)
	}
	ready := r.Events()[3].(dev.Ready)
	if ready.URL != r.url || ready.Mode != dev.Local || !slices.Equal(ready.Services, []string{"app", "gateway"}) {
		t.Errorf("%+v", ready)
	}
	if !run.Changed || run.Port != r.project.Port || run.URL != r.url {
		t.Errorf("%+v", run)
	}

	done := len(r.fake.Done())
	if again := r.up(engine.Request{}); again.Changed || again.Port != run.Port {
		t.Errorf("the second time: %+v", again)
	}
	if got := r.ops(done); got != "" {
		t.Errorf("the second time was done:\n%s", got)
	}
	if got := r.Types(); got != "plan build.done plan ready plan ready" {
		t.Errorf("told: %s", got)
	}
	r.up(engine.Request{Quiet: true})
	if got := len(r.Events()); got != 6 {
		t.Errorf("a quiet one told %v", r.Events()[6:])
	}
}

func TestUp_BuildsWhenItHasTo(t *testing.T) {
	r := newRig(t)
	built := func() (reasons []string) {
		for _, ev := range r.Events() {
			if p, ok := ev.(dev.PlanMade); ok && len(p.Operations) == 1 && p.Operations[0].Verb == "build" {
				reasons = append(reasons, p.Operations[0].Reason)
			}
		}
		return reasons
	}
	r.up(engine.Request{})
	image := r.container("app").Image

	r.change(func(p *engine.Project, _ *types.ServiceConfig) { p.Images[0].Input = "input 2" })
	r.up(engine.Request{})
	if after := r.container("app").Image; after == image {
		t.Error("the app runs its old image")
	}
	r.up(engine.Request{Build: true})
	r.up(engine.Request{})
	if _, err := r.fake.Build(t.Context(), plan.Build{Tag: "shop-app"}, func(dev.Event) {}); err != nil { // outside sdev
		t.Fatal(err)
	}
	r.up(engine.Request{})
	want := []string{"missing", "its sources changed", "requested", "its sources changed"}
	if diff := cmp.Diff(want, built()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestUp_PullsWhatIsNotBuilt(t *testing.T) {
	r := newRig(t)
	r.change(func(p *engine.Project, app *types.ServiceConfig) {
		p.Images, app.Image = []plan.ImageSource{{Service: "app", Ref: "registry.example/shop:1"}}, "registry.example/shop:1"
	})
	r.up(engine.Request{})
	if got := r.container("app").Reference; got != "registry.example/shop:1" {
		t.Errorf("the app runs %s", got)
	}
	r.change(func(p *engine.Project, app *types.ServiceConfig) {
		p.Images, app.Image = []plan.ImageSource{{Service: "app", Ref: "nowhere:1"}}, "nowhere:1"
	})
	_ = r.upFails(r.engine(), engine.Request{}, dev.CodeImageMissing, dev.ExitFailed)
	if !r.runs("app") {
		t.Error("an app was taken down for an image that cannot be had")
	}
}

func TestUp_RemovesWhatAFailedUpCreated(t *testing.T) {
	r := newRig(t)
	refusal := errors.New("no room")
	r.fake.Before(func(_ context.Context, op plan.Operation) error {
		if op.Verb == plan.Start && op.Name == "shop-app-1" {
			return refusal
		}
		return nil
	})
	if _, err := r.engine().Up(t.Context(), engine.Request{}); !errors.Is(err, refusal) {
		t.Errorf("error %v", err)
	}
	if left := r.containers(); len(left) != 0 {
		t.Errorf("left over: %+v", left)
	}
}

func TestUp_ACommandWithoutItsScriptIsExplained(t *testing.T) {
	r := newRig(t)
	r.change(func(_ *engine.Project, app *types.ServiceConfig) {
		app.Command = devtest.Script{Err: []string{"Error: Invalid value: File does not exist: ui/app.py"}, Ends: true, Code: 2}.Command()
	})
	e := r.upFails(r.engine(), engine.Request{}, dev.CodeAppExited, dev.ExitNotReady)
	if !strings.Contains(e.Hint, "names ui/app.py") || !strings.Contains(e.Hint, "--entry") {
		t.Errorf("hint %q", e.Hint)
	}
}

// Another program may take a port between the choice and the start.
func TestUp_AppThatExitsFailsWithItsLastLines(t *testing.T) {
	for name, keep := range map[string]bool{"and is removed": false, "and is kept": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.change(func(_ *engine.Project, app *types.ServiceConfig) {
				app.Command = devtest.Script{Err: []string{"Traceback:", "ModuleNotFoundError: No module named 'pandas'"}, Ends: true, Code: 1}.Command()
			})
			e := r.upFails(r.engine(), engine.Request{Keep: keep}, dev.CodeAppExited, dev.ExitNotReady)
			const want = "app ended with exit code 1 before its page answered; its last lines:\n  Traceback:\n  ModuleNotFoundError: No module named 'pandas'"
			if e.Message != want || e.Hint == "" {
				t.Errorf("message %q, hint %q", e.Message, e.Hint)
			}
			if left := len(r.containers()); (left > 0) != keep {
				t.Errorf("%d containers are left", left)
			}
		})
	}
}

func TestUp_AppThatIsRestartedAgainAndAgainFails(t *testing.T) {
	r := newRig(t)
	r.mute.Store(true)
	r.change(func(_ *engine.Project, app *types.ServiceConfig) { app.Restart = types.RestartPolicyUnlessStopped })
	go func() {
		r.eventually(func() bool { return r.runs("app") })
		r.fake.Print("app", "stderr", "KeyError: 'DATABASE'")
		r.fake.Crash("app", 6, 1)
	}()
	e := r.upFails(r.engine(), engine.Request{}, dev.CodeAppExited, dev.ExitNotReady)
	const want = "app ended 6 times, the last time with exit code 1, before its page answered, and its restart policy started it again each time; its last lines:\n  KeyError: 'DATABASE'"
	if e.Message != want || e.Hint == "" {
		t.Errorf("message %q, hint %q", e.Message, e.Hint)
	}
	if left := r.containers(); len(left) != 0 {
		t.Errorf("left over: %+v", left)
	}
}

func TestUp_EarlierRestartsOfTheAppDoNotCount(t *testing.T) {
	r := newRig(t)
	r.up(engine.Request{})
	r.fake.Crash("app", 40, 1)
	r.mute.Store(true)
	e := r.engine()
	e.Timeout = 2 * time.Second
	_ = r.upFails(e, engine.Request{}, dev.CodeAppNotReady, dev.ExitNotReady)
}

func TestUp_AppThatNeverAnswersEndsAfterTheTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRigWithoutPage(t)
		r.url = "http://127.0.0.1:99999" // not even refused: that would mean an engine far away
		e := r.engine()
		e.Timeout = 90 * time.Second
		start := time.Now()
		err := r.upFails(e, engine.Request{}, dev.CodeAppNotReady, dev.ExitNotReady)
		if took := time.Since(start); took != e.Timeout {
			t.Errorf("it took %s, want %s", took, e.Timeout)
		}
		if !strings.HasPrefix(err.Message, "the app's page did not answer within 1m30s") {
			t.Errorf("message %q", err.Message)
		}
	})
}

func TestUp_TwoAtOnceTakeTurns(t *testing.T) {
	r := newRig(t)
	inside, release := make(chan struct{}), make(chan struct{})
	enter := sync.OnceFunc(func() { close(inside) })
	r.fake.Before(func(_ context.Context, op plan.Operation) error {
		if op.Verb == plan.Start && op.Name == "shop-app-1" {
			enter()
			<-release
		}
		return nil
	})
	ups := make(chan error, 2)
	up := func() {
		_, err := r.engine().Up(r.Context(), engine.Request{})
		ups <- err
	}
	go up()
	<-inside
	go up()
	devtest.Await(t, r, func(ev dev.Event) bool { w, ok := ev.(dev.Warning); return ok && w.Code == dev.CodeBusy })
	close(release)
	for range 2 {
		if err := <-ups; err != nil {
			t.Error(err)
		}
	}
	if got := strings.Count(r.ops(0), "create container"); got != 2 {
		t.Errorf("%d containers were made:\n%s", got, r.ops(0))
	}
}

func TestUp_LeavesAnAppThatAnotherSdevReplaced(t *testing.T) {
	r := newRig(t)
	r.mute.Store(true)
	ups := make(chan error, 2)
	up := func() {
		_, err := r.engine().Up(r.Context(), engine.Request{})
		ups <- err
	}
	go up()
	r.eventually(func() bool { return r.runs("app") })
	r.change(func(_ *engine.Project, app *types.ServiceConfig) {
		app.Environment = types.NewMappingWithEquals([]string{"MODE=other"})
	})
	go up()
	if e := dev.AsError(<-ups); e.Code != dev.CodeBusy || e.Exit != dev.ExitFailed {
		t.Errorf("the first one: %+v", e)
	}
	r.mute.Store(false)
	if err := <-ups; err != nil {
		t.Errorf("the second one: %v", err)
	}
	if !r.runs("gateway") || !r.runs("app") {
		t.Errorf("left are %+v", r.containers())
	}
}

func TestUp_ThatIsInterruptedWhileItWaitsSaysSo(t *testing.T) {
	r := newRig(t)
	r.mute.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := r.engine().Up(ctx, engine.Request{})
		ended <- err
	}()
	r.eventually(func() bool { return r.runs("app") })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestUp_IgnoresDamagedState(t *testing.T) {
	r := newRig(t)
	devtest.Write(t, r.project.StateDir+"/state.json", "{broken")
	r.up(engine.Request{})
	before := len(r.Events())
	r.up(engine.Request{})
	if got := r.Types(); strings.Count(got, "build.done") != 1 {
		t.Errorf("told: %s", got)
	}
	if got := len(r.Events()) - before; got != 2 {
		t.Errorf("%d events for nothing to do, want plan and ready", got)
	}
}

func TestUp_ThatIsInterruptedAtTheLockLetsGoOfIt(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	e := r.engine()
	e.Source = func(ctx context.Context) (engine.Project, error) {
		cancel()
		return r.source(ctx)
	}
	if _, err := e.Up(ctx, engine.Request{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	r.up(engine.Request{})
	if got := r.Warnings(); len(got) != 0 {
		t.Errorf("warnings %v", got)
	}
}

// Somebody restarts the gateway during the wait for the page.
func TestUp_AppFollowsAGatewayThatIsRestartedMeanwhile(t *testing.T) {
	r := newRig(t)
	r.mute.Store(true)
	done := make(chan error, 1)
	go func() {
		_, err := r.engine().Up(t.Context(), engine.Request{})
		done <- err
	}()
	for tick := time.NewTicker(time.Millisecond); !r.runs("app"); {
		<-tick.C
	}
	gateway := r.container("gateway")
	if err := r.fake.Do(t.Context(), plan.Operation{Verb: plan.Restart, Kind: plan.ServiceContainer, Name: gateway.Name, ID: gateway.ID}, plan.Labels{}); err != nil {
		t.Fatal(err)
	}
	r.mute.Store(false)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if gateway, app := r.container("gateway"), r.container("app"); gateway.Started.After(app.Started) {
		t.Error("the app lives in the network that is gone")
	}
}
