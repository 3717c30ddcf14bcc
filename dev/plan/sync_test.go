package plan_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sdev/dev/plan"
)

// synced is the shop whose app gets copies.
func synced() plan.Desired {
	d := want(shop())
	for i := range d.Services {
		d.Services[i].Synced = d.Services[i].Config.Name == "app"
	}
	return d
}

func TestMake_CopiesBeforeEachStart(t *testing.T) {
	have := runs(t, shop())
	i := slices.IndexFunc(have.Containers, func(c plan.Container) bool { return c.Service == "app" })
	have.Containers[i].Running = false
	got := plan.Make(synced(), have).String()
	if diff := cmp.Diff("sync container shop-app-1 (its source is copied, not mounted)\nstart container shop-app-1 (not running)\n", got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if again := plan.Make(synced(), runs(t, shop())); len(again) != 0 {
		t.Errorf("what runs is kept up to date by others:\n%s", again)
	}
}

func TestNeeds_ACopyWaitsForItsContainerAndItsStartForTheCopy(t *testing.T) {
	ops := plan.Make(synced(), plan.Observed{})
	find := func(verb plan.Verb, name string) (plan.Operation, int) {
		i := slices.IndexFunc(ops, func(op plan.Operation) bool { return op.Verb == verb && op.Name == name })
		if i < 0 {
			t.Fatalf("no %s %s in\n%s", verb, name, ops)
		}
		return ops[i], i
	}
	create, at := find(plan.Create, "shop-app-1")
	copied, then := find(plan.Sync, "shop-app-1")
	start, last := find(plan.Start, "shop-app-1")
	gateway, _ := find(plan.Start, "shop-gateway-1")
	if at > then || then > last || !copied.Needs(create) || !start.Needs(copied) {
		t.Errorf("the order is\n%s", ops)
	}
	if copied.Needs(gateway) {
		t.Error("a copy waits for the start of another container")
	}
}

// Two services change places, and with them their ports: neither starts before the other's container has let go.
func TestNeeds_AStartWaitsUntilItsPortIsFree(t *testing.T) {
	remove := plan.Operation{Verb: plan.Remove, Kind: plan.ServiceContainer, Name: "shop-gateway-1", Frees: []string{"8501", "8601"}}
	for name, c := range map[string]struct {
		op   plan.Operation
		want bool
	}{
		"the same port":       {plan.Operation{Verb: plan.Start, Kind: plan.ServiceContainer, Name: "shop-web-1", Takes: []string{"80", "8501"}}, true},
		"another port":        {plan.Operation{Verb: plan.Start, Kind: plan.ServiceContainer, Name: "shop-web-1", Takes: []string{"8502"}}, false},
		"no port":             {plan.Operation{Verb: plan.Start, Kind: plan.ServiceContainer, Name: "shop-web-1"}, false},
		"a creation":          {plan.Operation{Verb: plan.Create, Kind: plan.ServiceContainer, Name: "shop-web-1"}, false},
		"a wait for the same": {plan.Operation{Verb: plan.Wait, Kind: plan.ServiceContainer, Name: "shop-web-1"}, false},
	} {
		if got := c.op.Needs(remove); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
