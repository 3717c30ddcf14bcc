package plan_test

import (
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev/plan"
)

// A container is created while its network is, unless it joins several, or the network replaces one of its name.
func TestMake_ContainersAreCreatedBesideTheirNetwork(t *testing.T) {
	two := func(s *types.ServiceConfig) { s.Networks["more"] = nil }
	for name, c := range map[string]struct {
		change func(*types.ServiceConfig)
		have   plan.Observed
		waits  bool
	}{
		"one network":          {nil, plan.Observed{}, false},
		"two networks":         {two, plan.Observed{}, true},
		"a replaced network":   {nil, plan.Observed{Networks: []plan.Resource{{Name: "net", Hash: "old"}}}, true},
		"a network that stays": {nil, plan.Observed{Networks: []plan.Resource{{Name: "net", Hash: plan.NetworkHash(types.NetworkConfig{Name: "net"})}}}, false},
	} {
		s := plan.Service{}
		s.Config.Name, s.Config.Networks = "app", map[string]*types.ServiceNetworkConfig{"net": nil}
		if c.change != nil {
			c.change(&s.Config)
		}
		want := plan.Desired{Project: "shop", App: "app", Networks: []types.NetworkConfig{{Name: "net"}, {Name: "more"}}, Services: []plan.Service{s}}
		for _, op := range plan.Make(want, c.have) {
			for _, earlier := range plan.Make(want, c.have) {
				if earlier.Kind != plan.Network || earlier.Verb != plan.Create || earlier.Name != "net" || op.Kind != plan.ServiceContainer {
					continue
				}
				if needs, wanted := op.Needs(earlier), op.Verb == plan.Start && !c.waits || op.Verb == plan.Create && c.waits; needs != wanted {
					t.Errorf("%s: %s %s needs the network: %t", name, op.Verb, op.Name, needs)
				}
			}
		}
	}
}
