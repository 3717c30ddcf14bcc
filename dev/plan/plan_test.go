package plan_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"sdev/dev/plan"
)

func TestMake_FitsTheSituation(t *testing.T) {
	checkPlans(t, shop, map[string]planned{
		"no object exists": {
			func(_ *types.Project, have *plan.Observed) { *have = plan.Observed{} },
			`load image sdev-gateway:1 (the engine does not have the image of this sdev yet)
create network shop_default (missing)
create volume shop_data (missing)
create container shop-db-1 (missing)
create container shop-gateway-1 (missing)
create container shop-app-1 (missing)
start container shop-db-1 (missing)
start container shop-gateway-1 (missing)
start container shop-app-1 (missing)
`},
		"the observed state is the desired one": {func(*types.Project, *plan.Observed) {}, ""},
		"the app's settings changed": {
			func(model *types.Project, _ *plan.Observed) {
				edit(model, "app", func(s *types.ServiceConfig) { s.Environment = types.NewMappingWithEquals([]string{"COLOUR=red"}) })
			},
			`remove container shop-app-1 (environment COLOUR added)
create container shop-app-1 (environment COLOUR added)
start container shop-app-1 (environment COLOUR added)
`},
		"the content of a config changed": {
			func(model *types.Project, _ *plan.Observed) {
				model.Configs["shim"] = types.ConfigObjConfig{Content: "import os"}
			},
			`remove container shop-app-1 (config shim changed)
create container shop-app-1 (config shim changed)
start container shop-app-1 (config shim changed)
`},
		"the app's image was rebuilt": {
			func(_ *types.Project, have *plan.Observed) { container(*have, "app").Image = "sha256:app-0" },
			`remove container shop-app-1 (its image changed)
create container shop-app-1 (its image changed)
start container shop-app-1 (its image changed)
`},
		"the gateway changed, so the app is recreated, too": {
			func(model *types.Project, _ *plan.Observed) {
				edit(model, "gateway", func(s *types.ServiceConfig) { s.Environment = types.NewMappingWithEquals([]string{"PORT=2"}) })
			},
			`remove container shop-gateway-1 (environment PORT added)
remove container shop-app-1 (it uses the container of gateway, which is recreated)
create container shop-gateway-1 (environment PORT added)
create container shop-app-1 (gateway is recreated)
start container shop-gateway-1 (environment PORT added)
start container shop-app-1 (gateway is recreated)
`},
		"the gateway is gone": {
			func(_ *types.Project, have *plan.Observed) {
				have.Containers = slices.DeleteFunc(have.Containers, func(c plan.Container) bool { return c.Service == "gateway" })
			},
			`remove container shop-app-1 (it uses the container of gateway, which is recreated)
create container shop-gateway-1 (missing)
create container shop-app-1 (gateway is recreated)
start container shop-gateway-1 (missing)
start container shop-app-1 (gateway is recreated)
`},
		"the gateway was restarted outside sdev": {
			func(_ *types.Project, have *plan.Observed) {
				container(*have, "gateway").Started = container(*have, "app").Started.Add(time.Minute)
			},
			"restart container shop-app-1 (it uses the network of gateway, which was restarted)\n"},
		"the gateway does not run": {
			func(_ *types.Project, have *plan.Observed) { container(*have, "gateway").Running = false },
			`start container shop-gateway-1 (not running)
restart container shop-app-1 (it uses the network of gateway, which was restarted)
`},
		"the app does not run": {
			func(_ *types.Project, have *plan.Observed) { container(*have, "app").Running = false },
			"start container shop-app-1 (not running)\n"},
		"no container runs": {
			func(_ *types.Project, have *plan.Observed) {
				for i := range have.Containers {
					have.Containers[i].Running = false
				}
			},
			`start container shop-db-1 (not running)
start container shop-gateway-1 (not running)
start container shop-app-1 (not running)
`},
		"the file no longer has a service": {
			func(model *types.Project, _ *plan.Observed) {
				delete(model.Services, "db")
				edit(model, "app", func(s *types.ServiceConfig) { delete(s.DependsOn, "db") })
			},
			"remove container shop-db-1 (the project has no service db)\n"},
		"a service has a second container": {
			func(_ *types.Project, have *plan.Observed) {
				have.Containers = append(have.Containers, plan.Container{ID: "more", Name: "shop-db-2", Service: "db", Running: true})
			},
			"remove container shop-db-2 (the service already has a container)\n"},
		"network and volume are gone": {
			func(_ *types.Project, have *plan.Observed) { have.Networks, have.Volumes = nil, nil },
			`remove container shop-db-1 (network shop_default is recreated)
remove container shop-gateway-1 (network shop_default is recreated)
remove container shop-app-1 (it uses the container of gateway, which is recreated)
create network shop_default (missing)
create volume shop_data (missing)
create container shop-db-1 (network shop_default is recreated)
create container shop-gateway-1 (network shop_default is recreated)
create container shop-app-1 (gateway is recreated)
start container shop-db-1 (network shop_default is recreated)
start container shop-gateway-1 (network shop_default is recreated)
start container shop-app-1 (gateway is recreated)
`},
		"something else created network and volume": {
			func(model *types.Project, have *plan.Observed) {
				have.Networks, have.Volumes = nil, nil
				model.Networks["default"] = types.NetworkConfig{Name: "shop_default", External: true}
				model.Volumes["data"] = types.VolumeConfig{Name: "shop_data", External: true}
			}, ""},
		"this sdev is newer than the gateway's image": {
			func(_ *types.Project, have *plan.Observed) { have.Images = nil },
			"load image sdev-gateway:1 (the engine does not have the image of this sdev yet)\n"},
		"a container has a custom name": {
			func(model *types.Project, _ *plan.Observed) {
				edit(model, "db", func(s *types.ServiceConfig) { s.ContainerName = "postgres" })
			},
			`remove container shop-db-1 (container_name added)
create container postgres (container_name added)
start container postgres (container_name added)
`},
	})
}

func TestMake_IgnoresSettingsOutsideTheContainer(t *testing.T) {
	model := shop()
	have := runs(t, model)
	edit(model, "app", func(s *types.ServiceConfig) {
		s.Build = &types.BuildConfig{Context: "/elsewhere"}
		s.Develop = &types.DevelopConfig{Watch: []types.Trigger{{Path: "src", Action: types.WatchActionRestart}}}
		s.Profiles = []string{"local"}
		s.PullPolicy = types.PullPolicyAlways
	})
	if p := plan.Make(want(model), have); len(p) != 0 {
		t.Errorf("unexpected\n%s", p)
	}
}

func TestMake_GivesContainersTheEnginesNames(t *testing.T) {
	for _, op := range plan.Make(want(shop()), plan.Observed{}) {
		if op.Verb != plan.Create || op.Kind != plan.ServiceContainer {
			continue
		}
		s := op.Service.Config
		switch s.Name {
		case "db":
			if _, ok := s.Networks["shop_default"]; !ok || s.Volumes[0].Source != "shop_data" || op.Joins != "" {
				t.Errorf("%+v", op)
			}
		case "app":
			if s.Image != "shop-app" || op.Joins != "shop-gateway-1" || string(op.Service.Files[0].Content) != "import sys" {
				t.Errorf("%+v", op)
			}
		}
	}
}

// For any partial state of the project, one plan suffices, and services start after their dependencies.
func TestMake_TwiceFindsNothingToDo(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		model := shop()
		have := runs(t, model)
		var story []string
		keep := func(what string) bool {
			gone := random.IntN(3) == 0
			if gone {
				story = append(story, "no "+what)
			}
			return !gone
		}
		have.Containers = slices.DeleteFunc(have.Containers, func(c plan.Container) bool { return !keep(c.Name) })
		have.Networks = slices.DeleteFunc(have.Networks, func(n plan.Resource) bool { return !keep(n.Name) })
		have.Volumes = slices.DeleteFunc(have.Volumes, func(n plan.Resource) bool { return !keep(n.Name) })
		have.Images = slices.DeleteFunc(have.Images, func(n string) bool { return !keep(n) })
		for i := range have.Containers {
			c := &have.Containers[i]
			switch random.IntN(6) {
			case 0:
				c.Running = false
			case 1:
				c.Hash = "other"
			case 2:
				c.Image = "other"
			case 3:
				c.Started = c.Started.Add(time.Duration(random.IntN(100)) * time.Second)
			case 4:
				c.Service = "gone"
			}
			story = append(story, fmt.Sprintf("%+v", *c))
		}
		first := plan.Make(want(model), have)
		// Removals come first, because a name must be free before it can be used again.
		if i := slices.IndexFunc(first, func(op plan.Operation) bool { return op.Verb != plan.Remove }); i >= 0 {
			if slices.ContainsFunc(first[i:], func(op plan.Operation) bool { return op.Verb == plan.Remove }) {
				t.Fatalf("something is removed late:\n%s", first)
			}
		}
		after := execute(have, first, time.Now())
		if second := plan.Make(want(model), after); len(second) > 0 {
			t.Fatalf("after\n%sthere is still to do\n%sin the situation\n%s", first, second, strings.Join(story, "\n"))
		}
	}
}

func TestNewDesired_OrdersServicesAfterTheirDependencies(t *testing.T) {
	model := shop()
	edit(model, "db", func(s *types.ServiceConfig) {
		s.DependsOn = types.DependsOnConfig{"zookeeper": {}, "missing": {}}
	})
	last := types.ServiceConfig{Name: "zookeeper"}
	last.Image = "zookeeper:3"
	model.Services["zookeeper"] = last
	var order []string
	for _, s := range want(model).Services {
		order = append(order, s.Config.Name)
	}
	if got, want := strings.Join(order, " "), "zookeeper db gateway app"; got != want {
		t.Errorf("order %q, want %q", got, want)
	}
}

func TestDown_RemovesVolumesOnlyOnRequest(t *testing.T) {
	have := runs(t, shop())
	const without = `remove container shop-db-1 (down)
remove container shop-gateway-1 (down)
remove container shop-app-1 (down)
remove network shop_default (down)
`
	if diff := cmp.Diff(without, plan.Down(have, false).String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(without+"remove volume shop_data (down --volumes)\n", plan.Down(have, true).String()); diff != "" {
		t.Errorf("with volumes: -want +got:\n%s", diff)
	}
	if p := plan.Down(plan.Observed{}, true); len(p) != 0 {
		t.Errorf("of nothing:\n%s", p)
	}
}

func TestRestartOf_RestartsTheAppWithItsGateway(t *testing.T) {
	have := runs(t, shop())
	for service, want := range map[string]string{
		"app":     "restart container shop-app-1 (requested)\n",
		"db":      "restart container shop-db-1 (requested)\n",
		"gateway": "restart container shop-gateway-1 (requested)\nrestart container shop-app-1 (requested)\n",
		"unknown": "",
	} {
		if diff := cmp.Diff(want, plan.RestartOf(have, service, "gateway", "app").String()); diff != "" {
			t.Errorf("%s: -want +got:\n%s", service, diff)
		}
	}
}

func TestHasMount_ComparesTheEndOfPaths(t *testing.T) {
	c := plan.Container{Mounts: []string{"/home/sdev/.aws", "/app"}}
	if !c.HasMount("/.aws") || c.HasMount("/.ssh") {
		t.Error(c.Mounts)
	}
}

func TestUndo_KeepsWhatExistedBefore(t *testing.T) {
	made := plan.Plan{
		{Verb: plan.Remove, Kind: plan.ServiceContainer, Name: "shop-old-1"},
		{Verb: plan.Create, Kind: plan.ServiceContainer, Name: "shop-app-1"},
		{Verb: plan.Start, Kind: plan.ServiceContainer, Name: "shop-db-1"},
	}
	have := plan.Observed{
		Containers: []plan.Container{{Name: "shop-app-1", ID: "a", Joins: "g"}, {Name: "shop-db-1", ID: "d"}},
		Networks:   []plan.Resource{{Name: "shop_default"}}, Volumes: []plan.Resource{{Name: "shop_data"}},
	}
	if got, want := plan.Undo(made, have).String(), "remove container shop-app-1 (down)\n"; got != want {
		t.Errorf("plan:\n%swant:\n%s", got, want)
	}
}
