package engine_test

import (
	"context"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/engine"
	"sdev/dev/plan"
)

// An assumed build does not replace an image that somebody built by hand. An image that sdev has built is kept up
// to date.
func TestUp_KeepsAnImageThatNobodyRequestedToBuild(t *testing.T) {
	r := newRig(t)
	if _, err := r.fake.Build(t.Context(), plan.Build{Service: "app", Tag: "shop-app"}, func(dev.Event) {}); err != nil {
		t.Fatal(err)
	}
	built := 0
	r.fake.OnBuild(func(context.Context, plan.Build) error { built++; return nil })
	r.change(func(p *engine.Project, _ *types.ServiceConfig) { p.Images[0].Assumed = true })
	for _, step := range []struct {
		about string
		input string
		want  engine.Request
		built int
	}{
		{"made by hand", "input 1", engine.Request{}, 0},
		{"the source changed", "input 2", engine.Request{}, 0},
		{"asked for", "input 2", engine.Request{Build: true}, 1},
		{"the source changed again", "input 3", engine.Request{}, 2},
		{"nothing changed", "input 3", engine.Request{}, 2},
	} {
		r.change(func(p *engine.Project, _ *types.ServiceConfig) { p.Images[0].Input = step.input })
		r.up(step.want)
		if built != step.built {
			t.Errorf("%s: built %d times, want %d", step.about, built, step.built)
		}
	}
}
