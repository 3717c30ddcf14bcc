package plan_test

import (
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/plan"
)

// store is the shop whose app waits for a healthy database and a successful migration; the migration waits for the
// database, too.
func store() *types.Project {
	model := shop()
	depend(model, "app", "db", types.ServiceDependency{Condition: types.ServiceConditionHealthy, Required: true})
	depend(model, "app", "migrate", types.ServiceDependency{Condition: types.ServiceConditionCompletedSuccessfully, Required: true})
	migrate := types.ServiceConfig{Name: "migrate"}
	migrate.Image = "shop-migrate"
	migrate.Networks = map[string]*types.ServiceNetworkConfig{"default": nil}
	model.Services["migrate"] = migrate
	depend(model, "migrate", "db", types.ServiceDependency{Condition: types.ServiceConditionHealthy, Required: true})
	return model
}

func depend(model *types.Project, service, on string, how types.ServiceDependency) {
	edit(model, service, func(s *types.ServiceConfig) {
		all := types.DependsOnConfig{}
		for k, v := range s.DependsOn {
			all[k] = v
		}
		all[on] = how
		s.DependsOn = all
	})
}

func TestMake_WaitsForDependencies(t *testing.T) {
	checkPlans(t, store, map[string]planned{
		"the observed state is the desired one": {func(*types.Project, *plan.Observed) {}, ""},
		"no container runs": {
			func(_ *types.Project, have *plan.Observed) {
				for i := range have.Containers {
					have.Containers[i].Running = false
				}
			},
			`start container shop-db-1 (not running)
start container shop-gateway-1 (not running)
wait container shop-db-1 (until healthy; app depends on it)
start container shop-app-1 (not running)
`},
		"the app alone is recreated": {
			func(model *types.Project, _ *plan.Observed) {
				edit(model, "app", func(s *types.ServiceConfig) { s.WorkingDir = "/srv" })
			},
			`remove container shop-app-1 (working_dir added)
create container shop-app-1 (working_dir added)
start container shop-app-1 (working_dir added)
`},
		"the migration failed": {
			func(_ *types.Project, have *plan.Observed) { container(*have, "migrate").ExitCode = 1 },
			"start container shop-migrate-1 (not running)\n"},
		"a new database needs its migration again": {
			func(model *types.Project, _ *plan.Observed) {
				edit(model, "db", func(s *types.ServiceConfig) { s.Command = types.ShellCommand{"postgres", "-F"} })
			},
			`remove container shop-db-1 (command added)
create container shop-db-1 (command added)
start container shop-db-1 (command added)
wait container shop-db-1 (until healthy; migrate depends on it)
start container shop-migrate-1 (db is recreated)
`},
		"a service with restart: true restarts": {
			func(model *types.Project, _ *plan.Observed) {
				depend(model, "app", "db", types.ServiceDependency{Condition: types.ServiceConditionStarted, Restart: true, Required: true})
				edit(model, "db", func(s *types.ServiceConfig) { s.Restart = "always" })
			},
			`remove container shop-db-1 (restart added)
create container shop-db-1 (restart added)
start container shop-db-1 (restart added)
wait container shop-db-1 (until healthy; migrate depends on it)
start container shop-migrate-1 (db is recreated)
wait container shop-migrate-1 (until completed with exit code 0; app depends on it)
restart container shop-app-1 (it restarts with db, which is recreated)
`},
		"the database is unhealthy when the app must start": {
			func(_ *types.Project, have *plan.Observed) {
				container(*have, "db").Health = "starting"
				container(*have, "app").Running = false
			},
			`wait container shop-db-1 (until healthy; app depends on it)
start container shop-app-1 (not running)
`},
	})
}

func TestMake_WaitsOnceForAll(t *testing.T) {
	const starts = `start container shop-db-1 (missing)
start container shop-gateway-1 (missing)
wait container shop-db-1 (until healthy; migrate and app depend on it)
start container shop-migrate-1 (missing)
wait container shop-migrate-1 (until completed with exit code 0; app depends on it)
start container shop-app-1 (missing)
`
	made := plan.Make(want(store()), plan.Observed{})
	if diff := cmp.Diff(starts, made[len(made)-6:].String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// An operation waits only for its own dependencies: the gateway serves a browser before the database is healthy.
func TestNeeds_OnlyWhatIsDependedOn(t *testing.T) {
	made := plan.Make(want(store()), plan.Observed{})
	find := func(verb plan.Verb, name string) plan.Operation {
		for _, op := range made {
			if op.Verb == verb && op.Name == name {
				return op
			}
		}
		t.Fatalf("no %s %s", verb, name)
		return plan.Operation{}
	}
	waitDB, waitMigrate := find(plan.Wait, "shop-db-1"), find(plan.Wait, "shop-migrate-1")
	for _, c := range []struct {
		op, earlier plan.Operation
		needs       bool
	}{
		{find(plan.Start, "shop-gateway-1"), waitDB, false},
		{find(plan.Start, "shop-gateway-1"), find(plan.Start, "shop-db-1"), false},
		{find(plan.Start, "shop-gateway-1"), find(plan.Create, "shop-gateway-1"), true},
		{waitDB, find(plan.Start, "shop-db-1"), true},
		{waitDB, find(plan.Create, "shop-app-1"), false},
		{find(plan.Start, "shop-migrate-1"), waitDB, true},
		{find(plan.Start, "shop-app-1"), waitDB, true},
		{find(plan.Start, "shop-app-1"), waitMigrate, true},
		{find(plan.Start, "shop-app-1"), find(plan.Start, "shop-gateway-1"), true},
		{find(plan.Create, "shop-app-1"), find(plan.Create, "shop-gateway-1"), true},
		{find(plan.Create, "shop-app-1"), find(plan.Create, "shop-db-1"), false},
		{find(plan.Create, "shop-db-1"), find(plan.Create, "shop_default"), false},
		{find(plan.Start, "shop-db-1"), find(plan.Create, "shop_default"), true},
	} {
		if got := c.op.Needs(c.earlier); got != c.needs {
			t.Errorf("%s %s after %s %s: %t", c.op.Verb, c.op.Name, c.earlier.Verb, c.earlier.Name, got)
		}
	}
}

func TestMake_NetworksFollowTheFile(t *testing.T) {
	checkPlans(t, shop, map[string]planned{
		"changed settings recreate the network and its containers": {
			func(model *types.Project, _ *plan.Observed) {
				model.Networks["default"] = types.NetworkConfig{Name: "shop_default", Internal: true}
			},
			`remove container shop-db-1 (network shop_default is recreated)
remove container shop-gateway-1 (network shop_default is recreated)
remove container shop-app-1 (it uses the container of gateway, which is recreated)
remove network shop_default (its settings changed)
create network shop_default (its settings changed)
create container shop-db-1 (network shop_default is recreated)
create container shop-gateway-1 (network shop_default is recreated)
create container shop-app-1 (gateway is recreated)
start container shop-db-1 (network shop_default is recreated)
start container shop-gateway-1 (network shop_default is recreated)
start container shop-app-1 (gateway is recreated)
`},
		"an unused network is removed": {
			func(_ *types.Project, have *plan.Observed) {
				have.Networks = append(have.Networks, plan.Resource{Name: "shop_old"})
			}, "remove network shop_old (no service uses it)\n"},
		"a network that something else created stays": {
			func(_ *types.Project, have *plan.Observed) { have.Networks[0].Hash = "" }, ""},
		"an external network stays": {
			func(model *types.Project, have *plan.Observed) {
				have.Networks = append(have.Networks, plan.Resource{Name: "shop_shared"})
				model.Networks["shared"] = types.NetworkConfig{Name: "shop_shared", External: true}
			}, ""},
		"volumes that no service uses stay": {
			func(_ *types.Project, have *plan.Observed) {
				have.Volumes = append(have.Volumes, plan.Resource{Name: "shop_old", Hash: "x"})
			}, ""},
	})
}

func TestCheck_NeverDropsData(t *testing.T) {
	model := shop()
	have := runs(t, model)
	if err := plan.Check(want(model), have); err != nil {
		t.Error(err)
	}
	model.Volumes["data"] = types.VolumeConfig{Name: "shop_data", DriverOpts: types.Options{"type": "tmpfs"}}
	e := dev.AsError(plan.Check(want(model), have))
	if e.Code != dev.CodeVolumeChanged || e.Exit != dev.ExitProject || e.Hint == "" {
		t.Errorf("%+v", e)
	}
}

func TestMake_SaysWhatChanged(t *testing.T) {
	one := uint64(1)
	for want1, change := range map[string]func(*types.ServiceConfig){
		"environment A changed, environment B removed, environment C added": func(s *types.ServiceConfig) {
			s.Environment = types.NewMappingWithEquals([]string{"A=2", "C=1"})
		},
		"command added, entrypoint added, environment A removed, 3 more": func(s *types.ServiceConfig) {
			*s = types.ServiceConfig{Name: "db", ContainerSpec: types.ContainerSpec{Image: s.Image, Command: types.ShellCommand{"x"}, Entrypoint: types.ShellCommand{"y"}}}
		},
		"mem_limit added":    func(s *types.ServiceConfig) { s.MemLimit = 1 << 30 },
		"healthcheck added":  func(s *types.ServiceConfig) { s.HealthCheck = &types.HealthCheckConfig{Retries: &one} },
		"labels owner added": func(s *types.ServiceConfig) { s.Labels = types.Labels{"owner": "alice"} },
		"network shop_back added": func(s *types.ServiceConfig) {
			s.Networks = map[string]*types.ServiceNetworkConfig{"default": nil, "back": nil}
		},
		"volume at /var/lib/postgresql changed": func(s *types.ServiceConfig) {
			s.Volumes = []types.ServiceVolumeConfig{{Type: types.VolumeTypeVolume, Source: "data", Target: "/var/lib/postgresql", ReadOnly: true}}
		},
		"secret password added": func(s *types.ServiceConfig) { s.Secrets = []types.ServiceSecretConfig{{Source: "password"}} },
	} {
		t.Run(want1, func(t *testing.T) {
			model := shop()
			model.Networks["back"] = types.NetworkConfig{Name: "shop_back"}
			model.Secrets = types.Secrets{"password": {Content: "1234"}}
			edit(model, "db", func(s *types.ServiceConfig) { s.Environment = types.NewMappingWithEquals([]string{"A=1", "B=1"}) })
			have := runs(t, model)
			edit(model, "db", change)
			made := plan.Make(want(model), have)
			if len(made) == 0 || made[0].Reason != want1 {
				t.Errorf("plan:\n%s", made)
			}
		})
	}
}

func TestMake_NamesAChangeOfTheModeFirst(t *testing.T) {
	model := shop()
	edit(model, "db", func(s *types.ServiceConfig) {
		s.Labels, s.Environment = types.Labels{dev.LabelMode: string(dev.Local)}, types.NewMappingWithEquals([]string{"A=1", "B=1"})
	})
	have := runs(t, model)
	edit(model, "db", func(s *types.ServiceConfig) {
		s.Labels, s.Environment = types.Labels{dev.LabelMode: string(dev.AppLogin)}, types.NewMappingWithEquals([]string{"A=2", "C=1"})
	})
	if made := plan.Make(want(model), have); len(made) == 0 || made[0].Reason != "login bypassed → app, with 3 settings" {
		t.Errorf("plan:\n%s", made)
	}
}

func TestMake_ReplacesWhatComposeMade(t *testing.T) {
	model := shop()
	have := runs(t, model)
	db := container(have, "db")
	db.Hash, db.Labels = "", nil
	const plain = `remove container shop-db-1 (sdev did not create it)
create container shop-db-1 (sdev did not create it)
start container shop-db-1 (sdev did not create it)
`
	if diff := cmp.Diff(plain, plan.Make(want(model), have).String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestNewDesired_UsesTheEnginesNamesAndFiles(t *testing.T) {
	mode := types.FileMode(0o400)
	model := shop()
	model.Secrets = types.Secrets{"password": {File: "/shop/password"}, "token": {Content: "from the environment"}}
	edit(model, "db", func(s *types.ServiceConfig) {
		s.Secrets = []types.ServiceSecretConfig{{Source: "password", UID: "999", GID: "998", Mode: &mode}, {Source: "token", Target: "/etc/token"}, {Source: "token", Target: "short"}}
		s.Pid, s.Ipc, s.VolumesFrom, s.Links = "service:gateway", "host", []string{"gateway:ro", "container:other:rw"}, []string{"gateway", "gateway:front"}
	})
	made := plan.NewDesired(model, "app", "gateway", plan.Inputs{Files: map[string][]byte{"/shop/password": []byte("1234")}})
	for _, s := range made.Services {
		if s.Config.Name != "db" {
			continue
		}
		files := []plan.File{
			{What: "secret password", Path: "/run/secrets/password", Content: []byte("1234"), UID: 999, GID: 998, Mode: 0o400},
			{What: "secret token", Path: "/etc/token", Content: []byte("from the environment"), Mode: 0o444},
			{What: "secret token", Path: "/run/secrets/short", Content: []byte("from the environment"), Mode: 0o444},
		}
		if diff := cmp.Diff(files, s.Files); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		names := []string{s.Config.Pid, s.Config.Ipc, s.Config.VolumesFrom[0], s.Config.VolumesFrom[1], s.Config.Links[0], s.Config.Links[1]}
		if diff := cmp.Diff([]string{"container:shop-gateway-1", "host", "shop-gateway-1:ro", "other:rw", "shop-gateway-1:gateway", "shop-gateway-1:front"}, names); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

func TestMake_LeavesOutServicesWithoutContainers(t *testing.T) {
	model := shop()
	have := runs(t, model)
	none := 0
	edit(model, "db", func(s *types.ServiceConfig) { s.Scale = &none })
	if got, want := plan.Make(want(model), have).String(), "remove container shop-db-1 (the project has no service db)\n"; got != want {
		t.Errorf("plan:\n%s", got)
	}
}

func TestRestartOf_IncludesServicesThatRestartWithIt(t *testing.T) {
	have := runs(t, shop())
	app := container(have, "app")
	for label, want := range map[string]string{
		"":                                  "restart container shop-db-1 (requested)\n",
		"db:service_healthy:false,x:y:true": "restart container shop-db-1 (requested)\n",
		"x:y:false,db:service_healthy:true": "restart container shop-db-1 (requested)\nrestart container shop-app-1 (it restarts with db)\n",
	} {
		app.Labels[plan.LabelDepends] = label
		again := plan.RestartOf(have, "db", "gateway", "app")
		if diff := cmp.Diff(want, again.String()); diff != "" {
			t.Errorf("%q: -want +got:\n%s", label, diff)
		}
		if len(again) == 2 && !again[1].Needs(again[0]) {
			t.Errorf("%q: both restart at once", label)
		}
	}
}
