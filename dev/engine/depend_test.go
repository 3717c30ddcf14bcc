package engine_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
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

// addDatabase adds a service "db" on which the app depends.
func (r *rig) addDatabase(db types.ServiceConfig, how types.ServiceDependency) {
	db.Name, db.Image = "db", "local:1"
	r.fake.SetForeign(db.Image, "")
	r.addServices(db)
	r.change(func(_ *engine.Project, app *types.ServiceConfig) {
		app.DependsOn = types.DependsOnConfig{"gateway": {}, "db": how}
	})
}

func checkedBy(command string) types.ServiceConfig {
	var s types.ServiceConfig
	s.HealthCheck = &types.HealthCheckConfig{Test: types.HealthCheckTest{"CMD", command}}
	return s
}

func playing(s devtest.Script) types.ServiceConfig {
	var out types.ServiceConfig
	out.Command = s.Command()
	return out
}

func TestUp_AppStartsOnceItsDatabaseIsHealthy(t *testing.T) {
	r := newRig(t)
	r.addDatabase(checkedBy("later"), types.ServiceDependency{Condition: types.ServiceConditionHealthy, Required: true})
	ended := make(chan error, 1)
	go func() {
		_, err := r.engine().Up(r.Context(), engine.Request{})
		ended <- err
	}()
	r.eventually(func() bool { return r.runs("gateway") && r.container("app").ID != "" })
	if r.runs("app") {
		t.Error("the app did not wait")
	}
	r.fake.SetHealth("db", dev.Healthy)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestUp_DependencyThatFailsIsNamed(t *testing.T) {
	const required = true
	healthy, completed := types.ServiceConditionHealthy, types.ServiceConditionCompletedSuccessfully
	for name, c := range map[string]struct {
		db        types.ServiceConfig
		condition string
		code      dev.Code
		exit      int
		message   string
	}{
		"unhealthy": {checkedBy("false"), healthy, dev.CodeServiceUnhealthy, dev.ExitNotReady,
			"service db is unhealthy, and app waits until it is healthy; its health check printed:\n  it said no"},
		"exited before it was healthy": {func() types.ServiceConfig {
			s := checkedBy("true")
			s.Command = devtest.Script{Err: []string{"no space left"}, Ends: true, Code: 2}.Command()
			return s
		}(), healthy, dev.CodeServiceExited, dev.ExitNotReady,
			"service db ended with exit code 2, and app waits until it is healthy; its last lines:\n  no space left"},
		"not completed": {playing(devtest.Script{Out: []string{"cannot migrate"}, Ends: true, Code: 1}), completed, dev.CodeServiceExited, dev.ExitNotReady,
			"service db ended with exit code 1, and app waits until it is completed with exit code 0; its last lines:\n  cannot migrate"},
		"without a health check": {types.ServiceConfig{}, healthy, dev.CodeServiceUnhealthy, dev.ExitProject,
			"app waits until service db is healthy, but neither its image nor the compose file has a health check"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.addDatabase(c.db, types.ServiceDependency{Condition: c.condition, Required: required})
			if e := r.upFails(r.engine(), engine.Request{}, c.code, c.exit); e.Message != c.message || e.Hint == "" {
				t.Errorf("message %q\nwant    %q\nhint %q", e.Message, c.message, e.Hint)
			}
			if left := r.containers(); len(left) != 0 {
				t.Errorf("left over: %+v", left)
			}
			// The failure of an optional dependency is a warning, and the app runs.
			r.addDatabase(c.db, types.ServiceDependency{Condition: c.condition})
			r.up(engine.Request{})
			if got := r.Warnings(); !slices.Contains(got, c.code) || !r.runs("app") {
				t.Errorf("warnings %v", got)
			}
		})
	}
}

func TestUp_DependencyThatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRigWithoutPage(t)
		r.addDatabase(checkedBy("never"), types.ServiceDependency{Condition: types.ServiceConditionHealthy, Required: true})
		e := r.engine()
		e.Timeout = 90 * time.Second
		start := time.Now()
		err := r.upFails(e, engine.Request{}, dev.CodeServiceUnhealthy, dev.ExitNotReady)
		if took := time.Since(start); took != e.Timeout {
			t.Errorf("it took %s, want %s", took, e.Timeout)
		}
		if want := "service db is not healthy after 1m30s, and app waits for it"; !strings.HasPrefix(err.Message, want) || !strings.Contains(err.Hint, "--timeout") {
			t.Errorf("%+v", err)
		}
	})
}

func TestUp_InterruptedWhileItWaitsLeavesNothing(t *testing.T) {
	r := newRig(t)
	r.addDatabase(checkedBy("never"), types.ServiceDependency{Condition: types.ServiceConditionHealthy, Required: true})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := r.engine().Up(ctx, engine.Request{})
		ended <- err
	}()
	r.eventually(func() bool { return r.runs("db") && r.runs("gateway") })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if left := r.containers(); len(left) != 0 {
		t.Errorf("left over: %+v", left)
	}
}

func TestUp_AMigrationThatRunsAgainIsNoWarning(t *testing.T) {
	r := newRig(t)
	r.addDatabase(playing(devtest.Script{Ends: true}), types.ServiceDependency{Condition: types.ServiceConditionCompletedSuccessfully, Required: true})
	r.up(engine.Request{})
	db := playing(devtest.Script{Ends: true})
	db.Name, db.Image, db.User = "db", "local:1", "7"
	r.addServices(db)
	done := len(r.fake.Done())
	r.up(engine.Request{})
	if got := r.ops(done); strings.Contains(got, "app") || !strings.Contains(got, "start container shop-db-1 (user added)") {
		t.Errorf("done:\n%s", got)
	}
	if got := r.Warnings(); len(got) != 0 {
		t.Errorf("warnings %v", got)
	}
}

func TestUp_WarnsOfServicesThatExitedAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		condition string
		warned    bool
	}{
		"no service waits for its completion":      {types.ServiceConditionStarted, true},
		"another service waits for its completion": {types.ServiceConditionCompletedSuccessfully, false},
	} {
		r := newRig(t)
		r.addDatabase(playing(devtest.Script{Out: []string{"nothing to do"}, Ends: true}), types.ServiceDependency{Condition: c.condition, Required: true})
		r.up(engine.Request{})
		if got := slices.Contains(r.Warnings(), dev.CodeServiceExited); got != c.warned {
			t.Errorf("%s: warnings %v", name, r.Warnings())
		}
		if !r.runs("app") {
			t.Errorf("%s: the app does not run", name)
		}
		for _, ev := range r.Events() {
			if w, ok := ev.(dev.Warning); ok && w.Message != "service db ended with exit code 0; its last lines:\n  nothing to do" {
				t.Errorf("%s: %s", name, w.Message)
			}
		}
	}
}

func TestUp_ServiceThatCannotStart(t *testing.T) {
	broken := &dev.Error{Code: dev.CodeEngine, Exit: dev.ExitFailed, Message: "start shop-worker-1: its image has no program jobs", Hint: "correct the command"}
	lost := &dev.Error{Code: dev.CodeEngineUnreachable, Exit: dev.ExitEngine, Message: "start shop-worker-1: no engine", Hint: "start Docker"}
	needs := func(service string) types.DependsOnConfig {
		return types.DependsOnConfig{service: {Condition: types.ServiceConditionStarted, Required: true}}
	}
	for name, c := range map[string]struct {
		err     *dev.Error
		app, db types.DependsOnConfig
		fails   bool
	}{
		"nothing needs it":            {err: broken},
		"another service needs it":    {err: broken, db: needs("worker")},
		"the app may run without it":  {err: broken, app: types.DependsOnConfig{"worker": {Condition: types.ServiceConditionStarted}}},
		"the app needs it":            {err: broken, app: needs("worker"), fails: true},
		"the app needs what needs it": {err: broken, app: needs("db"), db: needs("worker"), fails: true},
		"the engine does not answer":  {err: lost, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.fake.SetForeign("local:1", "")
			worker, db := types.ServiceConfig{Name: "worker"}, types.ServiceConfig{Name: "db"}
			worker.Image, db.Image, db.DependsOn = "local:1", "local:1", c.db
			r.addServices(worker, db)
			r.change(func(_ *engine.Project, app *types.ServiceConfig) {
				app.DependsOn = types.DependsOnConfig{"gateway": {Required: true}}
				maps.Copy(app.DependsOn, c.app)
			})
			r.fake.Before(func(_ context.Context, op plan.Operation) error {
				if op.Verb == plan.Start && op.Service.Config.Name == "worker" {
					return c.err
				}
				return nil
			})
			if c.fails {
				_ = r.upFails(r.engine(), engine.Request{}, c.err.Code, c.err.Exit)
				return
			}
			r.up(engine.Request{})
			want := []dev.Event{dev.Warning{Code: dev.CodeServiceExited, Message: "service worker could not start: " + broken.Message, Hint: broken.Hint}}
			warnings := slices.DeleteFunc(r.Events(), func(ev dev.Event) bool { return ev.Type() != "warning" })
			if diff := cmp.Diff(want, warnings); diff != "" || !r.runs("app") || !r.runs("db") {
				t.Errorf("app runs: %v, db runs: %v; warnings:\n%s", r.runs("app"), r.runs("db"), diff)
			}
		})
	}
}
