package engine_test

import (
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/plan"
)

// outsideSdev changes a container without the supervisor.
func (a *supervision) outsideSdev(verb plan.Verb, service string) {
	a.Helper()
	c := a.container(service)
	op := plan.Operation{Verb: verb, Kind: plan.ServiceContainer, Name: c.Name, ID: c.ID, Reason: "by hand"}
	if err := a.fake.Do(a.Context(), op, plan.Labels{}); err != nil {
		a.Fatal(err)
	}
}

func TestSupervise_WarnsOfServicesThatSomethingElseStopped(t *testing.T) {
	r := newRig(t)
	r.addDatabase(playing(devtest.Script{}), types.ServiceDependency{Condition: types.ServiceConditionStarted, Required: true})
	a := r.supervise()
	a.fake.End("db", 143)
	a.outsideSdev(plan.Start, "db")
	a.fake.End("app", 137)
	w := a.awaitWarning(dev.CodeAppExited)
	if !strings.Contains(w.Message, "was killed") || !strings.Contains(w.Hint, "save") {
		t.Errorf("%+v", w)
	}
	a.save(dev.Live, "Home.py") // follows the hint
	for {
		switch ev := devtest.Await(t, a, func(dev.Event) bool { return true }).Event.(type) {
		case dev.Ready:
			return
		case dev.Warning:
			t.Errorf("of a service that runs again: %+v", ev)
		}
	}
}

func TestSupervise_WarnsThatTheAppWasRemoved(t *testing.T) {
	a := newRig(t).supervise()
	a.outsideSdev(plan.Remove, "app")
	// The job that restarted the app may not have ended yet, and then reports the removal itself.
	if w := a.awaitWarning(dev.CodeAppExited); !strings.Contains(w.Message, "was removed") && !strings.Contains(w.Message, "container of app is gone") {
		t.Errorf("%+v", w)
	}
}
