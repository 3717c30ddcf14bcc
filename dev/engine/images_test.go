package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/engine"
	"sdev/dev/plan"
)

// imageOperations returns the planned image operations after a number of events.
func (r *rig) imageOperations(since int) string {
	var b strings.Builder
	for _, ev := range r.Events()[since:] {
		if p, ok := ev.(dev.PlanMade); ok {
			for _, op := range p.Operations {
				if strings.HasPrefix(op.Object, "image ") && op.Verb != "load" {
					fmt.Fprintf(&b, "%s %s (%s)\n", op.Verb, op.Object, op.Reason)
				}
			}
		}
	}
	return b.String()
}

func (r *rig) sources(more ...plan.ImageSource) {
	r.change(func(p *engine.Project, _ *types.ServiceConfig) { p.Images = append(p.Images[:1:1], more...) })
}

func TestUp_BuildsAndPullsTheImagesOfOtherServices(t *testing.T) {
	r := newRig(t)
	db := plan.ImageSource{Service: "db", Ref: "shop-db", Build: &plan.Build{Service: "db", Tag: "shop-db"}, Input: "db 1"}
	cache := plan.ImageSource{Service: "cache", Ref: "registry.example/cache:1", Pull: plan.PullMissing}
	for _, step := range []struct {
		about  string
		change func()
		want   engine.Request
		told   string // sorted
	}{
		{"nothing is there", func() {}, engine.Request{}, "build image shop-app (missing)\nbuild image shop-db (missing)\npull image registry.example/cache:1 (missing)\n"},
		{"nothing changed", func() {}, engine.Request{}, ""},
		{"the sources of another service changed", func() { db.Input = "db 2" }, engine.Request{}, "build image shop-db (its sources changed)\n"},
		{"all are to be built", func() {}, engine.Request{Build: true}, "build image shop-app (requested)\nbuild image shop-db (requested)\n"},
		{"the app is to be rebuilt", func() {}, engine.Request{Build: true, Announcement: dev.Announcement{How: dev.AnnounceRebuild}}, "build image shop-app (requested)\n"},
		{"a list was saved without a change", func() {}, engine.Request{Build: true, Announcement: dev.Announcement{How: dev.AnnounceRebuild, Trigger: "uv.lock"}}, ""},
		{"a rebuild of another service is requested", func() {}, engine.Request{Build: true, Service: "db"}, "build image shop-db (requested)\n"},
		{"pulled each time", func() { cache.Pull = plan.PullAlways }, engine.Request{}, "pull image registry.example/cache:1 (pull_policy: always)\n"},
		{"but not at each save", func() {}, engine.Request{Quiet: true}, ""},
		{"pulled not long ago", func() { cache.Pull, cache.Every = plan.PullEvery, time.Hour }, engine.Request{}, ""},
		{"pulled too long ago", func() { cache.Every = time.Nanosecond }, engine.Request{}, "pull image registry.example/cache:1 (pull_policy: its last pull is older than the policy allows)\n"},
		{"built each time", func() { cache.Pull, db.Pull = plan.PullMissing, plan.PullBuild }, engine.Request{}, "build image shop-db (pull_policy: build)\n"},
	} {
		step.change()
		r.sources(db, cache)
		before := len(r.Events())
		r.up(step.want)
		lines := slices.Sorted(strings.Lines(r.imageOperations(before)))
		if diff := cmp.Diff(step.told, strings.Join(lines, "")); diff != "" {
			t.Errorf("%s: -want +got:\n%s", step.about, diff)
		}
	}
}

func TestUp_BuildsSideBySideAndNamesTheOneThatFails(t *testing.T) {
	r := newRig(t)
	r.sources(plan.ImageSource{Service: "db", Ref: "shop-db", Build: &plan.Build{Service: "db", Tag: "shop-db"}})
	var both sync.WaitGroup
	both.Add(2)
	broken := &dev.Error{Code: dev.CodeBuildFailed, Message: "the image of service db does not build", Exit: dev.ExitFailed}
	r.fake.OnBuild(func(ctx context.Context, b plan.Build) error {
		both.Done()
		both.Wait() // sequential builds would deadlock here
		if b.Service == "db" {
			return broken
		}
		<-ctx.Done()
		return ctx.Err()
	})
	if _, err := r.engine().Up(t.Context(), engine.Request{}); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestUp_BuildsWhatAnotherIsBuiltFromFirst(t *testing.T) {
	r := newRig(t)
	r.change(func(p *engine.Project, _ *types.ServiceConfig) {
		p.Images[0].After = []string{"shop-base", "of-nobody"}
	})
	r.sources(plan.ImageSource{Service: "base", Ref: "shop-base", Build: &plan.Build{Service: "base", Tag: "shop-base"}})
	var mu sync.Mutex
	var order []string
	r.fake.OnBuild(func(_ context.Context, b plan.Build) error {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, b.Service)
		return nil
	})
	r.up(engine.Request{})
	if !slices.Equal(order, []string{"base", "app"}) {
		t.Errorf("built in the order %v", order)
	}
}

func TestUp_ImagesThatCannotBePulled(t *testing.T) {
	r := newRig(t)
	r.sources(plan.ImageSource{Service: "db", Ref: "registry.example/db:1", Pull: plan.PullNever})
	if e := r.upFails(r.engine(), engine.Request{}, dev.CodeImageMissing, dev.ExitFailed); !strings.Contains(e.Message, "service db") || !strings.Contains(e.Message, "never") {
		t.Errorf("message %q", e.Message)
	}
	// If the registry lacks an image, a local copy is used.
	if err := r.fake.Do(t.Context(), plan.Operation{Verb: plan.Load, Kind: plan.Image, Name: "local:1"}, plan.Labels{}); err != nil {
		t.Fatal(err)
	}
	r.sources(plan.ImageSource{Service: "db", Ref: "local:1", Pull: plan.PullAlways})
	r.up(engine.Request{})
	if got := r.Warnings(); !slices.Equal(got, []dev.Code{dev.CodeImageOld}) {
		t.Errorf("warnings %v", got)
	}
}

func TestUp_ImageForAnotherMachineIsRefusedUnlessNamed(t *testing.T) {
	r := newRig(t)
	r.fake.SetForeign("foreign:1", "linux/arm64")
	r.sources(plan.ImageSource{Service: "db", Ref: "foreign:1"})
	if e := r.upFails(r.engine(), engine.Request{}, dev.CodeImagePlatform, dev.ExitFailed); !strings.Contains(e.Message, "service db is for linux/arm64") || !strings.Contains(e.Hint, "platform: linux/arm64") {
		t.Errorf("%+v", e)
	}
	r.sources(plan.ImageSource{Service: "db", Ref: "foreign:1", Platform: "linux/arm64"})
	r.up(engine.Request{})
}
