package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/config"
)

// withNeighbour is a project with a service "worker" beside the app that has these entries of develop.watch.
func withNeighbour(settings string, entries ...string) map[string]string {
	files := watched("", "{action: restart, path: src}")
	files["compose.yml"] += "  worker:\n" + settings + "    develop:\n      watch:\n"
	for _, e := range entries {
		files["compose.yml"] += "        - " + e + "\n"
	}
	return files
}

func TestNeighbour_HasItsOwnRulesAndCopies(t *testing.T) {
	files := withNeighbour("    build: .\n    volumes: [\"data:/work/src/data\"]\n    read_only: true\n    tmpfs: [/work]\n",
		"{action: rebuild, path: requirements.txt}", "{action: sync+restart, path: src, target: /work/src, initial_sync: true, ignore: [data/]}")
	files["compose.yml"] += "volumes: {data: {}}\n"
	p, err := load(t, files)
	if err != nil {
		t.Fatal(err)
	}
	e, err := config.Overlay(p, parts(p))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Warnings) > 0 || len(e.Neighbours) != 1 || e.Neighbours[0].Service != "worker" {
		t.Fatalf("warnings %+v, neighbours %+v", p.Warnings, e.Neighbours)
	}
	n := e.Neighbours[0]
	if len(n.Rules) != 2 || n.Rules[0].Action != dev.Rebuild || n.Rules[1].Action != dev.SyncRestart || n.Rules[1].Origin != "services.worker.develop.watch[1] (compose.yml)" {
		t.Errorf("rules %+v", n.Rules)
	}
	if len(n.Copies) != 1 || n.Copies[0].Service != "worker" || n.Copies[0].Target != "/work/src" || !n.Copies[0].Whole || !slices.Equal(n.Copies[0].Hidden, []string{"/work/src/data"}) {
		t.Errorf("copies %+v", n.Copies)
	}
	if !slices.ContainsFunc(e.Project.Services["worker"].Volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == dev.ReceiverDir }) {
		t.Errorf("the receiver needs a place in a read-only container: %+v", e.Project.Services["worker"].Volumes)
	}
	for _, r := range e.GatewayConfig.Rules {
		if strings.Contains(r.Origin, "worker") {
			t.Errorf("the gateway watches for the app alone: %+v", r)
		}
	}
}

func TestNeighbour_RulesThatCannotBeAppliedAreWarnings(t *testing.T) {
	for name, c := range map[string]struct{ settings, entry, want string }{
		"rebuild without build": {"    image: w\n", "{action: rebuild, path: src}", "services.worker.develop.watch[0] asks for a rebuild, but the service has no build; sdev does not apply this rule"},
		"missing path":          {"    build: .\n", "{action: rebuild, path: nowhere}", "services.worker.develop.watch[0] watches nowhere, which does not exist; "},
		"outside the project":   {"    build: .\n", "{action: rebuild, path: ../lib}", "services.worker.develop.watch[0] watches "},
		"mounted":               {"    image: w\n    volumes: [\"./src:/app/src\"]\n", "{action: sync, path: src, target: /app/src}", "services.worker.develop.watch[0] syncs to /app/src, where ./src is mounted: saves are already live there; "},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := load(t, withNeighbour(c.settings, c.entry, "{action: restart, path: src/app.py}"))
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Warnings) != 1 || !strings.HasPrefix(p.Warnings[0].Message, "compose.yml:") || !strings.Contains(p.Warnings[0].Message, ": "+c.want) || p.Warnings[0].Hint == "" {
				t.Fatalf("warnings %+v", p.Warnings)
			}
			e, err := config.Overlay(p, parts(p))
			if err != nil {
				t.Fatal(err)
			}
			if n := e.Neighbours; len(n) != 1 || len(n[0].Rules) != 1 || n[0].Rules[0].Action != dev.Restart {
				t.Errorf("the other rule applies nevertheless: %+v", n)
			}
		})
	}
}
