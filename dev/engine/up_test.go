package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
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
	const all = `load image sdev-gateway:1 (the engine does not have this sdev as an image yet)
create container shop-gateway-1 (missing)
start container shop-gateway-1 (missing)
create container shop-app-1 (missing)
start container shop-app-1 (missing)
`
	// The app's container is made while the gateway starts, so these two come in either order.
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
	if _, err := r.fake.Build(t.Context(), plan.Build{Tag: "shop-app"}, func(dev.Event) {}); err != nil { // by hand
		t.Fatal(err)
	}
	r.up(engine.Request{})
	want := []string{"missing", "what it is built from changed", "asked for", "what it is built from changed"}
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

func TestUp_UndoesWhatLedToNothing(t *testing.T) {
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

func TestUp_MovesFromATakenPortAndRemembersIt(t *testing.T) {
	r := newRig(t)
	usual := r.project.Port
	holder := listen(t, usual)
	run := r.up(engine.Request{})
	if run.Port == usual {
		t.Fatal("it took the port that is taken")
	}
	i := slices.IndexFunc(r.Events(), func(ev dev.Event) bool { return ev.Type() == "warning" })
	w := r.Events()[i].(dev.Warning)
	if owner := fmt.Sprintf("port %d is taken by process %d (", usual, os.Getpid()); w.Code != dev.CodePortMoved || !strings.HasPrefix(w.Message, owner) ||
		!strings.HasSuffix(w.Message, "; using "+strconv.Itoa(run.Port)) || !strings.Contains(w.Hint, "--port "+strconv.Itoa(usual)) {
		t.Errorf("%+v", w)
	}
	if again := r.up(engine.Request{}); again.Port != run.Port || again.Changed {
		t.Errorf("while it runs: %+v", again)
	}
	if err := r.engine().Down(t.Context(), t.Context(), engine.Project{Name: "shop"}, false); err != nil {
		t.Fatal(err)
	}
	_ = holder.Close()
	if again := r.up(engine.Request{}); again.Port != run.Port {
		t.Errorf("port %d after a down, want the remembered %d", again.Port, run.Port)
	}
	if got := r.Warnings(); len(got) != 1 {
		t.Errorf("warnings %v, want one", got)
	}
}

func TestUp_TakesNoOtherPortThanTheOneAskedFor(t *testing.T) {
	r := newRig(t)
	r.change(func(p *engine.Project, _ *types.ServiceConfig) { p.PortFixed = true })
	listen(t, r.project.Port)
	e := r.upFails(r.engine(), engine.Request{}, dev.CodePortTaken, dev.ExitFailed)
	if want := fmt.Sprintf("port %d is taken by process %d (", r.project.Port, os.Getpid()); !strings.HasPrefix(e.Message, want) {
		t.Errorf("message %q", e.Message)
	}
	if left := r.containers(); len(left) != 0 {
		t.Errorf("left over: %+v", left)
	}
}

func TestUp_NamesTheContainerThatHasThePort(t *testing.T) {
	r := newRig(t)
	other := types.ServiceConfig{Name: "web"}
	other.Image = "nginx"
	other.Ports = []types.ServicePortConfig{{HostIP: "127.0.0.1", Published: strconv.Itoa(r.project.Port), Target: 80, Protocol: "tcp"}}
	for _, op := range []plan.Operation{
		{Verb: plan.Load, Kind: plan.Image, Name: "nginx"},
		{Verb: plan.Create, Kind: plan.ServiceContainer, Name: "blog-web-1", Service: plan.Service{Config: other}},
		{Verb: plan.Start, Kind: plan.ServiceContainer, Name: "blog-web-1"},
	} {
		if err := r.fake.Do(t.Context(), op, plan.Labels{Project: "blog"}); err != nil {
			t.Fatal(err)
		}
	}
	r.change(func(p *engine.Project, _ *types.ServiceConfig) { p.PortFixed = true })
	listen(t, r.project.Port) // as an engine does for its container
	e := r.upFails(r.engine(), engine.Request{}, dev.CodePortTaken, dev.ExitFailed)
	if want := fmt.Sprintf("port %d is taken by container blog-web-1", r.project.Port); e.Message != want {
		t.Errorf("message %q, want %q", e.Message, want)
	}
}

// A port may be taken between the choice and the start.
func TestUp_ChoosesAgainWhenAPortIsSnatched(t *testing.T) {
	r := newRig(t)
	snatch := sync.OnceFunc(func() { listen(t, r.project.Port) })
	r.fake.Before(func(_ context.Context, op plan.Operation) error {
		if op.Verb == plan.Start && op.Name == "shop-gateway-1" {
			snatch()
		}
		return nil
	})
	run := r.up(engine.Request{})
	if run.Port == r.project.Port || !r.runs("app") || !r.runs("gateway") {
		t.Errorf("%+v; %+v", run, r.containers())
	}
	if got := r.Warnings(); !slices.Equal(got, []dev.Code{dev.CodePortMoved}) {
		t.Errorf("warnings %v", got)
	}
}

func TestUp_FixedPortThatIsSnatchedIsRefusedAndLeavesNothing(t *testing.T) {
	r := newRig(t)
	r.change(func(p *engine.Project, _ *types.ServiceConfig) { p.PortFixed = true })
	var holder net.Listener
	r.fake.Before(func(_ context.Context, op plan.Operation) error {
		if op.Verb == plan.Start && op.Name == "shop-gateway-1" && holder == nil {
			holder = listen(t, r.project.Port)
		}
		return nil
	})
	_ = r.upFails(r.engine(), engine.Request{}, dev.CodePortTaken, dev.ExitFailed)
	if left := r.containers(); len(left) != 0 {
		t.Errorf("left over: %+v", left)
	}
}

func TestUp_AppThatEndsIsToldWithItsLastLines(t *testing.T) {
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

func TestUp_LeavesWhatAnotherMadeOfTheAppMeanwhile(t *testing.T) {
	r := newRig(t)
	r.mute.Store(true)
	ups := make(chan error, 2)
	up := func() {
		_, err := r.engine().Up(r.Context(), engine.Request{})
		ups <- err
	}
	go up()
	devtest.Eventually(t, func() bool { return r.runs("app") })
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

func TestRestart_OfAnAppThatNeverAnswersEnds(t *testing.T) {
	r := newRig(t)
	run := r.up(engine.Request{})
	r.mute.Store(true)
	e := r.engine()
	e.Timeout = 600 * time.Millisecond // long enough for a look at the container
	// What another process knows of a run is less than what the up that began it does.
	err := e.Restart(t.Context(), engine.Running{Project: run.Project, URL: run.URL}, "app")
	if got := dev.AsError(err); err == nil || got.Code != dev.CodeAppNotReady {
		t.Errorf("error %v", err)
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
	devtest.Eventually(t, func() bool { return r.runs("app") })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestUp_ForgetsWhatIsBroken(t *testing.T) {
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

func TestDown_RemovesEverythingAndIsIdempotent(t *testing.T) {
	r := newRig(t)
	r.up(engine.Request{})
	for range 2 {
		if err := r.engine().Down(t.Context(), t.Context(), engine.Project{Name: "shop"}, true); err != nil {
			t.Fatal(err)
		}
	}
	if left := r.containers(); len(left) != 0 {
		t.Errorf("left over: %+v", left)
	}
	if got := strings.Count(r.Types(), "stopped"); got != 1 {
		t.Errorf("told: %s", r.Types())
	}
}

func TestRestart_RestartsTheAppAndWaitsForItsPage(t *testing.T) {
	r := newRig(t)
	run := r.up(engine.Request{})
	done := len(r.fake.Done())
	var announced []dev.Announcement
	e := r.engine()
	r.gateway.announce = func(a dev.Announcement) { announced = append(announced, a) }
	for service, want := range map[string]string{"app": "restart container shop-app-1 (asked for)\n", "gateway": "restart container shop-gateway-1 (asked for)\nrestart container shop-app-1 (asked for)\n"} {
		if err := e.Restart(t.Context(), run, service); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, r.ops(done)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", service, diff)
		}
		done = len(r.fake.Done())
	}
	if len(announced) != 1 || announced[0].How != dev.ReloadRestart {
		t.Errorf("announced: %+v", announced)
	}
	if got := r.Types(); !strings.HasSuffix(got, "plan ready plan ready") {
		t.Errorf("told: %s", got)
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

// Somebody restarts the gateway by hand while the page is waited for.
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
