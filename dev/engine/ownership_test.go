package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/engine"
	"sdev/dev/plan"
)

// clones returns two directories with projects of one name on one engine, each with a volume.
func clones(t *testing.T) (first, second *rig) {
	t.Helper()
	first, second = newRig(t), newRig(t)
	second.fake = first.fake
	for _, r := range []*rig{first, second} {
		r.project.Labels.Dir = t.TempDir()
		r.model.Volumes = types.Volumes{"data": {Name: "shop_data"}}
		app := r.model.Services["app"]
		app.Volumes = []types.ServiceVolumeConfig{{Type: types.VolumeTypeVolume, Source: "data", Target: "/data"}}
		r.model.Services["app"] = app
	}
	return first, second
}

func isElsewhere(t *testing.T, err error, dir string) {
	t.Helper()
	e := dev.AsError(err)
	if err == nil || e.Code != dev.CodeElsewhere || e.Exit != dev.ExitProject || !strings.Contains(e.Message, dir) || !strings.Contains(e.Hint, "down") || !strings.Contains(e.Hint, "sdev up gives it a name of its own") {
		t.Errorf("error %+v", err)
	}
}

func TestOwnership_ChangesNothingOfAnotherClone(t *testing.T) {
	first, second := clones(t)
	run := first.up(engine.Request{})
	before := len(first.fake.Done())
	dir := first.project.Labels.Dir
	built := 0
	first.fake.OnBuild(func(context.Context, plan.Build) error { built++; return nil })
	interrupted, interrupt := context.WithCancel(t.Context())
	interrupt()
	e := second.engine()
	for name, attack := range map[string]func() error{
		"up":                      func() error { _, err := e.Up(t.Context(), engine.Request{}); return err },
		"up --build":              func() error { _, err := e.Up(t.Context(), engine.Request{Build: true}); return err },
		"up, supervised":          func() error { return e.Supervise(t.Context(), t.Context(), engine.Request{}) },
		"down":                    func() error { return e.Down(t.Context(), t.Context(), second.project, false) },
		"down --volumes":          func() error { return e.Down(t.Context(), t.Context(), second.project, true) },
		"down, twice interrupted": func() error { return e.Down(t.Context(), interrupted, second.project, true) },
		"restart": func() error {
			run := run
			run.Project = second.project
			return e.Restart(t.Context(), run, "app")
		},
	} {
		t.Run(name, func(t *testing.T) { isElsewhere(t, attack(), dir) })
	}
	if got := first.ops(before); got != "" || built != 0 {
		t.Errorf("done nevertheless:\n%s; %d builds", got, built)
	}
	if !first.runs("app") || !first.runs("gateway") {
		t.Error("the first clone's app does not run any more")
	}
	for _, ev := range second.Events() {
		if _, ok := ev.(dev.Failed); !ok {
			t.Errorf("the second clone is told of the first: %#v", ev)
		}
	}
}

// Stopped containers still belong to the clone that created them.
func TestOwnership_DoesNotTakeOverStoppedContainers(t *testing.T) {
	first, second := clones(t)
	first.up(engine.Request{})
	for _, c := range first.containers() {
		first.fake.End(c.Service, 0)
	}
	_, err := second.engine().Up(t.Context(), engine.Request{})
	isElsewhere(t, err, first.project.Labels.Dir)
}

// An interrupted up removes its own objects, but not objects of the same name that another clone created meanwhile.
func TestOwnership_AnInterruptedUpLeavesAnotherClone(t *testing.T) {
	first, second := clones(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	first.fake.OnBuild(func(context.Context, plan.Build) error {
		first.fake.OnBuild(nil)
		first.up(engine.Request{}) // the other clone is faster
		interrupt()
		return ctx.Err()
	})
	_ = second.engine().Supervise(ctx, t.Context(), engine.Request{})
	if !first.runs("app") || !first.runs("gateway") {
		t.Error("the other clone was taken down")
	}
}

func TestCheckOwnership_ComparesDirectories(t *testing.T) {
	dir := t.TempDir()
	own, other, link := filepath.Join(dir, "own"), filepath.Join(dir, "other place"), filepath.Join(dir, "link")
	for _, d := range []string{own, other} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(own, link); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(dir, "gone")
	const here, away = "unix:///run/docker.sock", "tcp://engine.example:2376"
	for name, c := range map[string]struct {
		dir, made, host string
		ours            bool
		hint            string // "" if this directory owns it
	}{
		"the same directory":                     {own, own, here, true, ""},
		"through a link":                         {link, own, here, true, ""},
		"created through a link":                 {own, link, here, true, ""},
		"with dots":                              {own, dir + "/other place/../own", here, true, ""},
		"another":                                {own, other, here, true, "sdev -C '" + other + "' down"},
		"another, from docker compose":           {own, other, here, false, "docker compose -p shop down"},
		"from docker compose, a directory above": {own, dir, here, false, ""},
		"from docker compose, a directory below": {dir, own, here, false, ""},
		"from sdev, a directory above":           {own, dir, here, true, "sdev -C " + dir + " down"},
		"a directory that was moved here":        {own, gone, here, true, ""},
		"from another machine":                   {own, gone, away, true, "docker compose -p shop down"},
		"without a directory":                    {own, "", away, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			have := plan.Observed{Containers: []plan.Container{{Service: "app", Running: true, Dir: c.made, Ours: c.ours}}}
			err := engine.CheckOwnership(engine.ProjectID{Name: "shop", Dir: c.dir, Host: c.host}, have)
			if c.hint == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			isElsewhere(t, err, c.made)
			if e := dev.AsError(err); !strings.Contains(e.Hint, c.hint) {
				t.Errorf("hint %q, want %q in it", e.Hint, c.hint)
			}
		})
	}
}

// downVolumes runs "down --volumes" and returns the volumes that remain, with the warnings.
func downVolumes(t *testing.T, r *rig, p engine.Project) (left []string, warnings []dev.Warning) {
	t.Helper()
	if err := r.engine().Down(t.Context(), t.Context(), p, true); err != nil {
		t.Fatal(err)
	}
	have, err := r.fake.Observe(t.Context(), "shop", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range have.Volumes {
		left = append(left, v.Name)
	}
	for _, ev := range r.Events() {
		if w, ok := ev.(dev.Warning); ok && w.Code == dev.CodeVolumeKept {
			warnings = append(warnings, w)
		}
	}
	return left, warnings
}

func makeVolume(t *testing.T, f *devtest.Fake, name, dir string) {
	t.Helper()
	op := plan.Operation{Verb: plan.Create, Kind: plan.Volume, Name: name, Volume: types.VolumeConfig{Name: name}}
	if err := f.Do(t.Context(), op, plan.Labels{Project: "shop", Dir: dir}); err != nil {
		t.Fatal(err)
	}
}

func TestDownVolumes_RemovesItsOwnAlone(t *testing.T) {
	mounting := func(r *rig, project, volume string) {
		db := types.ServiceConfig{Name: "db"}
		db.Image, db.Volumes = gatewayImage, []types.ServiceVolumeConfig{{Type: types.VolumeTypeVolume, Source: volume, Target: "/data"}}
		op := plan.Operation{Verb: plan.Create, Kind: plan.ServiceContainer, Name: project + "-db-1", Service: plan.Service{Config: db}}
		dir := r.project.Labels.Dir
		if project != "shop" {
			dir = "/elsewhere"
		}
		if err := r.fake.Do(r.Context(), plan.Operation{Verb: plan.Load, Kind: plan.Image, Name: gatewayImage}, plan.Labels{}); err != nil {
			r.Fatal(err)
		}
		if err := r.fake.Do(r.Context(), op, plan.Labels{Project: project, Dir: dir}); err != nil {
			r.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		made  func(t *testing.T, r *rig)
		stays string // reason in the warning; "" if down removes the volume
	}{
		"its own":                             {func(t *testing.T, r *rig) { makeVolume(t, r.fake, "shop_data", r.project.Labels.Dir) }, ""},
		"of a missing directory":              {func(t *testing.T, r *rig) { makeVolume(t, r.fake, "shop_data", t.TempDir()+"/gone") }, ""},
		"of another clone without containers": {func(t *testing.T, r *rig) { makeVolume(t, r.fake, "shop_data", t.TempDir()) }, "created from /"},
		"without a directory":                 {func(t *testing.T, r *rig) { makeVolume(t, r.fake, "shop_data", "") }, "no label says"},
		"from docker compose, in use here":    {func(t *testing.T, r *rig) { makeVolume(t, r.fake, "shop_data", ""); mounting(r, "shop", "shop_data") }, ""},
		"used by another project": {func(t *testing.T, r *rig) {
			makeVolume(t, r.fake, "shop_data", r.project.Labels.Dir)
			mounting(r, "other", "shop_data")
		}, "container other-db-1"},
		"external": {func(t *testing.T, r *rig) {
			makeVolume(t, r.fake, "shop_data", r.project.Labels.Dir)
			r.project.External = []string{"shop_data"}
		}, "external"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.project.Labels.Dir = t.TempDir()
			c.made(t, r)
			left, warnings := downVolumes(t, r, r.project)
			if c.stays == "" {
				if len(left)+len(warnings) > 0 {
					t.Errorf("left are %v, warnings %v", left, warnings)
				}
				return
			}
			if !slices.Equal(left, []string{"shop_data"}) || len(warnings) != 1 || !strings.Contains(warnings[0].Message, c.stays) || !strings.Contains(warnings[0].Hint, "docker volume rm shop_data") {
				t.Errorf("left are %v, warnings %+v", left, warnings)
			}
		})
	}
}

// A project may use a volume of another clone whose containers are gone, with a warning.
func TestUp_WarnsOfAVolumeOfAnotherClone(t *testing.T) {
	first, second := clones(t)
	first.up(engine.Request{})
	if err := first.engine().Down(t.Context(), t.Context(), first.project, false); err != nil {
		t.Fatal(err)
	}
	second.up(engine.Request{})
	warned := slices.ContainsFunc(second.Events(), func(ev dev.Event) bool {
		w, ok := ev.(dev.Warning)
		return ok && w.Code == dev.CodeElsewhere && strings.Contains(w.Message, "shop_data") && strings.Contains(w.Message, first.project.Labels.Dir)
	})
	if !warned {
		t.Errorf("events %v", second.Events())
	}
	left, warnings := downVolumes(t, second, second.project)
	if !slices.Equal(left, []string{"shop_data"}) || len(warnings) != 1 {
		t.Errorf("left are %v, warnings %v", left, warnings)
	}
	if left, _ := downVolumes(t, first, first.project); len(left) > 0 {
		t.Errorf("its own directory leaves %v", left)
	}
}
