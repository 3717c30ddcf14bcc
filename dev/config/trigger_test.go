package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/config"
)

// watched is a project whose app watches what the lines say, with what else the service has.
func watched(service string, entries ...string) map[string]string {
	return map[string]string{
		"compose.yml": "services:\n  streamlit:\n    image: shop\n" + service + "    develop:\n      watch:\n        - " + strings.Join(entries, "\n        - ") + "\n",
		"src/app.py":  "", "src/data/x.csv": "", "requirements.txt": "", "docs/a.md": "", "src/.keep": "", ".dockerignore": "docs\n**/*.csv\n",
	}
}

func TestWatch_WhatCanNeverTakeEffectIsRefused(t *testing.T) {
	const build = "    build: .\n"
	for name, c := range map[string]struct {
		service string
		entries []string
		want    string
	}{
		"missing path":            {build, []string{"{action: rebuild, path: nowhere}"}, "compose.yml:7: develop.watch[0] watches nowhere, which does not exist"},
		"rebuild without build":   {"", []string{"{action: rebuild, path: src}"}, "compose.yml:6: develop.watch[0] asks for a rebuild, but the service has no build"},
		"sync without target":     {build, []string{"{action: sync, path: src}"}, "compose.yml:6: services.streamlit.develop.watch: target is required for non-rebuild actions"},
		"relative target":         {build, []string{"{action: sync, path: src, target: app}"}, "compose.yml:7: develop.watch[0] has the target app, which is not absolute"},
		"target is the root":      {build, []string{"{action: sync, path: src, target: /x/..}"}, "compose.yml:7: develop.watch[0] has the target /"},
		"sync+exec without exec":  {build, []string{"{action: sync+exec, path: src, target: /app}"}, "compose.yml:7: develop.watch[0] is sync+exec without a command"},
		"target is mounted":       {build + "    volumes: [\"./src:/app/src\"]\n", []string{"{action: sync, path: src, target: /app/src/}"}, "compose.yml:8: develop.watch[0] syncs to /app/src/, where ./src is mounted: saves are already live there"},
		"mount inside the target": {build + "    volumes: [\"./src/data:/app/src/data\"]\n", []string{"{action: sync, path: src, target: /app/src}"}, "compose.yml:8: develop.watch[0] syncs to /app/src, but /app/src/data inside it is a mount of ./src/data"},
		"read-only":               {build + "    read_only: true\n", []string{"{action: sync, path: src, target: /app}"}, "compose.yml:8: develop.watch[0] syncs to /app, but the service is read_only"},
		"shadowed":                {build, []string{"{action: restart, path: .}", "{action: sync, path: src, target: /app}"}, "compose.yml:8: develop.watch[1] can never match: develop.watch[0] comes first and covers its whole path"},
		"shadowed by a file":      {build, []string{"{action: rebuild, path: ., include: [requirements.txt]}", "{action: restart, path: requirements.txt}"}, "compose.yml:8: develop.watch[1] can never match: develop.watch[0] comes first and covers its whole path"},
		"all ignored":             {build, []string{"{action: sync, path: src, target: /app, ignore: [\"**\"]}"}, "compose.yml:7: develop.watch[0] can never match: everything below its path is ignored"},
		"what is included, too":   {build, []string{"{action: sync, path: src, target: /app, include: [app.py], ignore: [app.py]}"}, "compose.yml:7: develop.watch[0] can never match: everything that it includes is ignored"},
		"left out of the build":   {build, []string{"{action: sync, path: docs, target: /app/docs}"}, "compose.yml:7: develop.watch[0] can never match: .dockerignore excludes docs"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := load(t, watched(c.service, c.entries...))
			if err == nil {
				_, err = config.Overlay(p, parts(p))
			}
			if err == nil {
				t.Fatal("it is taken")
			}
			if e := dev.AsError(err); e.Error() != c.want || e.Hint == "" || e.Exit != dev.ExitProject {
				t.Errorf("%s (hint: %s, exit %d)\nwant %s", e.Error(), e.Hint, e.Exit, c.want)
			}
		})
	}
}

func TestWatch_WhatCanTakeEffectIsTaken(t *testing.T) {
	const build = "    build: .\n"
	for name, c := range map[string]struct{ service, entry string }{
		"the narrower rule comes first":   {build, "{action: sync, path: src, target: /app, ignore: [data/]}\n        - {action: restart, path: .}"},
		"the mount inside is ignored":     {build + "    volumes: [\"./src/data:/app/src/data\"]\n", "{action: sync, path: src, target: /app/src, ignore: [data/]}"},
		"ignored but for some":            {build, "{action: sync, path: src, target: /app, ignore: [\"*\", \"!app.py\"]}"},
		"read-only with a tmpfs there":    {build + "    read_only: true\n    tmpfs: [/app]\n", "{action: sync, path: src, target: /app/src}"},
		"another rule took some of it":    {build, "{action: rebuild, path: ., include: [requirements.txt]}\n        - {action: sync, path: ., target: /app}"},
		"a file and what lies beside it":  {build, "{action: rebuild, path: requirements.txt}\n        - {action: sync, path: ., target: /app}"},
		"a mount from outside, elsewhere": {build + "    volumes: [\"/srv:/srv\"]\n", "{action: sync+restart, path: src, target: /app}"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := load(t, watched(c.service, c.entry))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := config.Overlay(p, parts(p)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWatch_SyncRulesSayWhatIsCopiedAndWhatRuns(t *testing.T) {
	p, err := load(t, watched("    build: .\n", "{action: sync+exec, path: src, target: /app/src, initial_sync: true, ignore: [data/], exec: {command: touch /tmp/x, user: root, working_dir: /tmp, privileged: true, environment: {B: 2, A: 1}}}"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := config.Overlay(p, parts(p))
	if err != nil {
		t.Fatal(err)
	}
	r := e.GatewayConfig.Rules[0]
	if r.Action != dev.SyncExec || r.Target != "/app/src" || r.Context != "." || !slices.Equal(r.ContextIgnore, []string{"docs", "**/*.csv"}) {
		t.Errorf("rule %+v", r)
	}
	x := r.Exec
	if !slices.Equal(x.Command, []string{"touch", "/tmp/x"}) || x.User != "root" || x.WorkingDir != "/tmp" || !x.Privileged || !slices.Equal(x.Env, []string{"A=1", "B=2"}) {
		t.Errorf("exec %+v", x)
	}
	want := []dev.Copy{{Service: "streamlit", Path: "src", Target: "/app/src", Rule: r.Origin, Whole: true}}
	if !cmp.Equal(e.Copies, want) {
		t.Errorf("copies %+v, want %+v", e.Copies, want)
	}
	if e.GatewayConfig.Root == "" || !slices.Contains(e.GatewayConfig.Mounts, dev.Mount{Container: "/app/src", Project: "src"}) {
		t.Errorf("the gateway is told %+v", e.GatewayConfig)
	}
}

func TestOverlay_SyncTakesTheProjectsMountsAway(t *testing.T) {
	files := map[string]string{"compose.yml": "services:\n  streamlit:\n    image: shop\n    volumes: [\"./src:/app/src:ro\", \"./one.toml:/etc/one.toml\", \"/srv:/srv\", \"kept:/kept\"]\nvolumes: {kept: {}}\n", "src/app.py": "", "one.toml": ""}
	p, err := load(t, files)
	if err != nil {
		t.Fatal(err)
	}
	given := parts(p)
	given.Sync = true
	e, err := config.Overlay(p, given)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range e.Project.Services["streamlit"].Volumes {
		got = append(got, v.Type+" "+v.Source+" "+v.Target)
	}
	if text := strings.Join(got, "; "); text != "volume  /app/src; bind /srv /srv; volume kept /kept" {
		t.Errorf("volumes: %s", text)
	}
	want := []dev.Copy{{Service: "streamlit", Path: "src", Target: "/app/src", Whole: true}, {Service: "streamlit", Path: "one.toml", Target: "/etc/one.toml", Whole: true}}
	if !cmp.Equal(e.Copies, want) {
		t.Errorf("copies %+v", e.Copies)
	}
	if e.GatewayConfig.Root != "" || len(e.Project.Services[config.GatewayService].Volumes) != 0 {
		t.Errorf("the gateway watches what it cannot see: %+v", e.GatewayConfig)
	}
	if last := e.GatewayConfig.Rules[len(e.GatewayConfig.Rules)-1]; last.Action != dev.Sync || last.Target != "/etc/one.toml" {
		t.Errorf("last rule %+v", last)
	}
}
