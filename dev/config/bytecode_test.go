package config_test

import (
	"slices"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/config"
)

func keepsBytecode(p *config.Parts) { p.BytecodeEnv = "KEEP_BYTECODE" }

func volumeAt(s types.ServiceConfig, target string) string {
	i := slices.IndexFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == target })
	if i < 0 {
		return ""
	}
	return s.Volumes[i].Type + " " + s.Volumes[i].Source
}

// The gateway has the volume, too: its image makes it writable for every user of the app.
func TestOverlay_BytecodeIsKeptInAVolumeOfTheProject(t *testing.T) {
	for _, sync := range []bool{false, true} {
		e, app := overlaid(t, "services: {streamlit: {image: shop, user: '1234', read_only: true}}\n", keepsBytecode, func(p *config.Parts) { p.Sync = sync })
		at := value(app, "KEEP_BYTECODE")
		if volumeAt(app, at) != "volume sdev-bytecode" || volumeAt(e.Project.Services[config.GatewayService], dev.GatewayBytecodeDir) != "volume sdev-bytecode" {
			t.Errorf("sync %v: %s, app %+v", sync, at, app.Volumes)
		}
		if v := e.Project.Volumes["sdev-bytecode"]; v.Name != e.Project.Name+"_sdev-bytecode" || bool(v.External) {
			t.Errorf("volume %+v", v)
		}
	}
}

func TestOverlay_BytecodeStaysWhereTheProjectKeepsIt(t *testing.T) {
	for name, change := range map[string]func(*config.Parts){
		"the image":        func(p *config.Parts) { p.Image.Env = map[string]string{"PYTHONPYCACHEPREFIX": "/cache"} },
		"no start-up shim": func(p *config.Parts) { p.Shim = nil },
		"nobody wants it":  func(p *config.Parts) { p.BytecodeEnv = "" },
	} {
		e, app := overlaid(t, "services: {streamlit: {image: shop}}\n", keepsBytecode, change)
		if value(app, "KEEP_BYTECODE") != "(unset)" || len(app.Volumes) != 0 || len(e.Project.Volumes) != 0 {
			t.Errorf("%s: %+v", name, app.Volumes)
		}
	}
	e, app := overlaid(t, "services: {streamlit: {image: shop, environment: {PYTHONPYCACHEPREFIX: /cache}}}\n", keepsBytecode)
	if value(app, "KEEP_BYTECODE") != "(unset)" || len(app.Volumes) != 0 || len(e.Project.Volumes) != 0 {
		t.Errorf("the compose file: %+v", app.Volumes)
	}
}
