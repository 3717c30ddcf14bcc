package engine_test

import (
	"context"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/gofrs/flock"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/engine"
	"sdev/dev/plan"
)

// newNeighboured returns a rig with a service "worker" beside the app that has rules for saves.
func newNeighboured(t *testing.T) (*rig, *recordingCopier) {
	t.Helper()
	r := newRig(t)
	c := &recordingCopier{rig: r, more: make(chan struct{}, 1)}
	r.copies = c
	worker := types.ServiceConfig{Name: "worker"}
	worker.Image = "shop-worker"
	r.addServices(worker)
	r.change(func(p *engine.Project, _ *types.ServiceConfig) {
		p.Images = append(p.Images, plan.ImageSource{Service: "worker", Ref: "shop-worker", Build: &plan.Build{Service: "worker", Tag: "shop-worker"}, Input: "worker 1", Pull: plan.PullMissing})
		p.Neighbours = []engine.Neighbour{{Service: "worker", Container: "shop-worker-1", Rules: []dev.Rule{{Path: "jobs", Action: dev.Restart}}}}
	})
	return r, c
}

const watching = "watch jobs for worker in shop-worker-1"

func TestNeighbour_RestartsForItsOwnSaves(t *testing.T) {
	for _, action := range []dev.Action{dev.Restart, dev.SyncRestart} {
		r, c := newNeighboured(t)
		a := r.supervise()
		c.await(watching)
		done := len(a.fake.Done())
		c.save(action, "jobs/daily.py")
		c.await("started worker")
		a.eventually(func() bool { return len(a.fake.Done()) > done })
		if got := a.ops(done); got != "restart container shop-worker-1 (jobs/daily.py changed)\n" {
			t.Errorf("%s:\n%s", action, got)
		}
		saved := devtest.Await(a, a, func(ev dev.Event) bool { f, ok := ev.(dev.FileChanged); return ok && f.Service == "worker" })
		if saved.Event.(dev.FileChanged).Action != action {
			t.Errorf("event %+v", saved.Event)
		}
	}
}

func TestNeighbour_SyncedFilesNeedNothingMore(t *testing.T) {
	r, c := newNeighboured(t)
	a := r.supervise()
	c.await(watching)
	done := len(a.fake.Done())
	c.save(dev.Sync, "jobs/a.py")
	c.save(dev.SyncExec, "jobs/b.py")
	c.save(dev.Restart, "jobs/c.py") // handled after the others
	c.await("started worker")
	a.eventually(func() bool { return len(a.fake.Done()) > done })
	if got := a.ops(done); got != "restart container shop-worker-1 (jobs/c.py changed)\n" {
		t.Errorf("done:\n%s", got)
	}
}

func TestNeighbour_ARebuildReplacesItAndLeavesTheAppAlone(t *testing.T) {
	r, c := newNeighboured(t)
	a := r.supervise()
	c.await(watching)
	app, worker, done := a.container("app").ID, a.container("worker").ID, len(a.fake.Done())
	a.change(func(p *engine.Project, _ *types.ServiceConfig) { p.Images[1].Input = "worker 2" })
	c.save(dev.Rebuild, "jobs/requirements.txt")
	a.eventually(func() bool { return a.container("worker").Running && a.container("worker").ID != worker })
	if a.container("app").ID != app {
		t.Error("the app was replaced, too")
	}
	a.save(dev.Restart, ".streamlit/config.toml") // after everything that the rebuild caused
	a.eventually(func() bool { return strings.Contains(a.ops(done), "restart container shop-app-1") })
	if got := a.ops(done); strings.Count(got, "create container shop-worker-1") != 1 || strings.Contains(got, "create container shop-app-1") {
		t.Errorf("done:\n%s", got)
	}
}

// While a neighbour's image is built, the app is rebuilt and restarted as ever.
func TestNeighbour_ItsBuildDoesNotHoldUpTheApp(t *testing.T) {
	r, c := newNeighboured(t)
	a := r.supervise()
	c.await(watching)
	begun, proceed := make(chan struct{}), make(chan struct{})
	a.fake.OnBuild(func(_ context.Context, b plan.Build) error {
		if b.Service == "worker" {
			close(begun)
			<-proceed
		}
		return nil
	})
	app := a.container("app").ID
	c.save(dev.Rebuild, "jobs/requirements.txt")
	<-begun
	a.save(dev.Rebuild, "pyproject.toml")
	a.eventually(func() bool { return a.container("app").Running && a.container("app").ID != app })
	close(proceed)
}

func TestNeighbour_TheNewestSaveWins(t *testing.T) {
	r, c := newNeighboured(t)
	a := r.supervise()
	c.await(watching)
	begun := make(chan struct{}, 8)
	a.fake.OnBuild(func(ctx context.Context, _ plan.Build) error {
		begun <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	worker := a.container("worker").ID
	c.save(dev.Rebuild, "jobs/requirements.txt")
	<-begun
	a.fake.OnBuild(nil)
	c.save(dev.Rebuild, "jobs/requirements.txt")
	a.eventually(func() bool { return a.container("worker").Running && a.container("worker").ID != worker })
	if w := r.Warnings(); len(w) != 0 {
		t.Errorf("a superseded build is no failure: %v", w)
	}
}

func TestNeighbour_AFailedBuildIsAWarningAndTheNextSaveFixesIt(t *testing.T) {
	r, c := newNeighboured(t)
	a := r.supervise()
	c.await(watching)
	a.fake.OnBuild(func(context.Context, plan.Build) error {
		return &dev.Error{Code: dev.CodeBuildFailed, Message: "no such package", Hint: "fix it", Exit: dev.ExitFailed}
	})
	worker := a.container("worker").ID
	c.save(dev.Rebuild, "jobs/requirements.txt")
	a.awaitWarning(dev.CodeBuildFailed)
	a.fake.OnBuild(nil)
	c.save(dev.Rebuild, "jobs/requirements.txt")
	a.eventually(func() bool { return a.container("worker").Running && a.container("worker").ID != worker })
}

func TestNeighbour_IsFilledBeforeItStarts(t *testing.T) {
	r, c := newNeighboured(t)
	r.change(func(p *engine.Project, _ *types.ServiceConfig) {
		p.Neighbours[0].Copies = []dev.Copy{{Service: "worker", Path: "jobs", Target: "/jobs"}}
	})
	r.up(engine.Request{})
	if got := c.all(); got != "fill shop-worker-1 stopped" {
		t.Errorf("said:\n%s", got)
	}
	if w := r.warnings(); len(w) != 1 || w[0].Code != dev.CodeSyncUnattended || w[0].Message != "develop.watch of worker takes effect only while sdev up runs" {
		t.Errorf("warnings %+v", w)
	}
}

func TestNeighbour_NewRulesReplaceTheOldOnes(t *testing.T) {
	r, c := newNeighboured(t)
	a := r.supervise()
	c.await(watching)
	a.change(func(p *engine.Project, _ *types.ServiceConfig) {
		p.Neighbours = []engine.Neighbour{{Service: "worker", Container: "shop-worker-1", Rules: []dev.Rule{{Path: "lib", Action: dev.Restart}}}}
	})
	a.save(dev.Restart, "compose.yml")
	c.await("watched jobs")
	c.await("watch lib for worker in shop-worker-1")
	a.interrupt()
	_ = a.end()
	if got := c.all(); !strings.HasSuffix(got, "watched lib") {
		t.Errorf("the watching goes on after the end:\n%s", got)
	}
}

func TestNeighbour_OnlyOneSupervisorWatches(t *testing.T) {
	r, c := newNeighboured(t)
	other := flock.New(r.project.StateDir + "/watching-worker")
	if err := other.Lock(); err != nil {
		t.Fatal(err)
	}
	r.supervise()
	if got := c.all(); strings.Contains(got, "watch ") {
		t.Errorf("while another sdev does:\n%s", got)
	}
	if err := other.Unlock(); err != nil {
		t.Fatal(err)
	}
	c.await(watching)
}
