package plan_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/plan"
)

const (
	gatewayImage = "sdev-gateway:1"
	created      = "2026-01-02T03:04:05Z"
)

// shop is an app behind its gateway, with a database that the app depends on.
func shop() *types.Project {
	service := func(name, image string, depends ...string) types.ServiceConfig {
		s := types.ServiceConfig{Name: name}
		s.Image, s.DependsOn = image, types.DependsOnConfig{}
		for _, d := range depends {
			s.DependsOn[d] = types.ServiceDependency{Condition: types.ServiceConditionStarted}
		}
		return s
	}
	gateway, app, db := service("gateway", gatewayImage), service("app", "", "db", "gateway"), service("db", "postgres:17")
	gateway.Networks = map[string]*types.ServiceNetworkConfig{"default": nil}
	db.Networks = map[string]*types.ServiceNetworkConfig{"default": nil}
	db.Volumes = []types.ServiceVolumeConfig{{Type: types.VolumeTypeVolume, Source: "data", Target: "/var/lib/postgresql"}}
	app.NetworkMode = "service:gateway"
	app.Configs = []types.ServiceConfigObjConfig{{Source: "shim", Target: "/opt/shim.py"}}
	return &types.Project{
		Name:     "shop",
		Services: types.Services{"gateway": gateway, "app": app, "db": db},
		Networks: types.Networks{"default": {Name: "shop_default"}, "unused": {Name: "shop_unused"}},
		Volumes:  types.Volumes{"data": {Name: "shop_data"}, "unused": {Name: "shop_unused"}},
		Configs:  types.Configs{"shim": {Content: "import sys"}},
	}
}

func images() map[string]string {
	return map[string]string{gatewayImage: "", "shop-app": "sha256:app-1", "postgres:17": "sha256:db-1"}
}

func want(model *types.Project) plan.Desired {
	return plan.NewDesired(model, "app", "gateway", plan.Inputs{Images: images()})
}

// execute returns the state after a plan was executed.
func execute(have plan.Observed, p plan.Plan, now time.Time) plan.Observed {
	have.Containers, have.Networks, have.Volumes, have.Images =
		slices.Clone(have.Containers), slices.Clone(have.Networks), slices.Clone(have.Volumes), slices.Clone(have.Images)
	without := func(all []plan.Resource, name string) []plan.Resource {
		return slices.DeleteFunc(all, func(n plan.Resource) bool { return n.Name == name })
	}
	for i, op := range p {
		at := slices.IndexFunc(have.Containers, func(c plan.Container) bool { return c.Name == op.Name })
		switch {
		case op.Kind == plan.Image:
			have.Images = append(have.Images, op.Name)
		case op.Kind == plan.Network && op.Verb == plan.Create:
			have.Networks = append(have.Networks, plan.Resource{Name: op.Name, Hash: op.Hash})
		case op.Kind == plan.Network:
			have.Networks = without(have.Networks, op.Name)
		case op.Kind == plan.Volume && op.Verb == plan.Create:
			have.Volumes = append(have.Volumes, plan.Resource{Name: op.Name, Hash: op.Hash})
		case op.Kind == plan.Volume:
			have.Volumes = without(have.Volumes, op.Name)
		case op.Verb == plan.Create:
			have.Containers = append(have.Containers, plan.Container{ID: fmt.Sprintf("id%d", i), Name: op.Name, Service: op.Service.Config.Name,
				Hash: op.Service.Hash, Image: op.Service.Image, Labels: map[string]string{plan.LabelParts: op.Service.Parts.String(), dev.LabelMode: op.Service.Config.Labels[dev.LabelMode]}})
		case op.Verb == plan.Remove:
			have.Containers = slices.DeleteFunc(have.Containers, func(c plan.Container) bool { return c.ID == op.ID })
		case op.Verb == plan.Wait:
			have.Containers[at].Running = op.Until != plan.Completed
			have.Containers[at].Health = "healthy"
		default:
			have.Containers[at].Running = true
			have.Containers[at].Started = now.Add(time.Duration(i) * time.Second)
		}
	}
	return have
}

// runs returns the state of a project that one plan has brought up.
func runs(t *testing.T, model *types.Project) plan.Observed {
	t.Helper()
	at, err := time.Parse(time.RFC3339, created)
	if err != nil {
		t.Fatal(err)
	}
	return execute(plan.Observed{}, plan.Make(want(model), plan.Observed{}), at)
}

func container(have plan.Observed, service string) *plan.Container {
	i := slices.IndexFunc(have.Containers, func(c plan.Container) bool { return c.Service == service })
	return &have.Containers[i]
}

func edit(model *types.Project, service string, change func(*types.ServiceConfig)) {
	s := model.Services[service]
	change(&s)
	model.Services[service] = s
}

// planned is a change of a running project, and the plan for it.
type planned struct {
	change func(model *types.Project, have *plan.Observed)
	want   string
}

func checkPlans(t *testing.T, project func() *types.Project, cases map[string]planned) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			model := project()
			have := runs(t, model)
			c.change(model, &have)
			if diff := cmp.Diff(c.want, plan.Make(want(model), have).String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
