package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/engine"
)

func TestRestart_OfAnAppThatNeverAnswersEnds(t *testing.T) {
	r := newRig(t)
	run := r.up(engine.Request{})
	r.mute.Store(true)
	e := r.engine()
	e.Timeout = 600 * time.Millisecond // long enough for one check of the container
	// Another process knows less of a run than the Up that started it.
	err := e.Restart(t.Context(), engine.Running{Project: run.Project, URL: run.URL}, "app")
	if got := dev.AsError(err); err == nil || got.Code != dev.CodeAppNotReady {
		t.Errorf("error %v", err)
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
	for service, want := range map[string]string{"app": "restart container shop-app-1 (requested)\n", "gateway": "restart container shop-gateway-1 (requested)\nrestart container shop-app-1 (requested)\n"} {
		if err := e.Restart(t.Context(), run, service); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, r.ops(done)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", service, diff)
		}
		done = len(r.fake.Done())
	}
	if len(announced) != 1 || announced[0].How != dev.AnnounceRestart {
		t.Errorf("announced: %+v", announced)
	}
	if got := r.Types(); !strings.HasSuffix(got, "plan ready plan ready") {
		t.Errorf("told: %s", got)
	}
}
