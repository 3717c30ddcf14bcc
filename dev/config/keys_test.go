package config_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/schema"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/devtest"
)

// Whatever the Compose Specification has, the table says something of: the key itself, one above it,
// or those below it.
func TestKeys_CoverTheSpecification(t *testing.T) {
	rows := config.Keys()
	seen := map[string]bool{}
	for _, k := range rows {
		if seen[k.Path] || k.About == "" {
			t.Errorf("row %q is listed twice, or says nothing", k.Path)
		}
		seen[k.Path] = true
	}
	known := map[string]bool{}
	for _, path := range schema.AttributePaths() {
		known[path.String()] = true
		ok := false
		for _, k := range rows {
			if path.String() == k.Path || strings.HasPrefix(path.String(), k.Path+".") || strings.HasPrefix(k.Path, path.String()+".") {
				ok = true
			}
		}
		if !ok {
			t.Errorf("no row for %s", path)
		}
	}
	for _, k := range rows {
		if !known[k.Path] {
			t.Errorf("the specification has no %s", k.Path)
		}
	}
}

func TestLoad_RefusesByNameAndLine(t *testing.T) {
	const app = "services:\n  streamlit:\n    image: shop\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"a neighbour's key": {map[string]string{"docker-compose.yml": app + "  db:\n    image: postgres\n    pre_stop:\n      - command: [sync]\n"},
			"docker-compose.yml:6: services.db.pre_stop is not supported by sdev"},
		"a key in an item of a list": {map[string]string{"docker-compose.yml": app + "  db:\n    image: postgres\n    networks:\n      back: {}\n      front:\n        interface_name: eth7\nnetworks: {back: {}, front: {}}\n"},
			"docker-compose.yml:9: services.db.networks.front.interface_name is not supported by sdev"},
		"the app's own network": {map[string]string{"docker-compose.yml": app + "    network_mode: none\n"},
			"docker-compose.yml:4: services.streamlit.network_mode is not supported by sdev: the app uses the gateway's network"},
		"several containers of a service": {map[string]string{"docker-compose.yml": app + "  db:\n    image: postgres\n    deploy:\n      replicas: 2\n"},
			"docker-compose.yml:7: services.db.deploy.replicas is not supported by sdev: sdev runs one container per service, not 2"},
		"no container of the app": {map[string]string{"docker-compose.yml": app + "    scale: 0\n"},
			"docker-compose.yml:4: services.streamlit.scale is not supported by sdev: the app needs"},
		"a secret of Swarm's": {map[string]string{"docker-compose.yml": app + "    secrets: [token]\nsecrets:\n  token:\n    external: true\n"},
			"docker-compose.yml:7: secrets.token.external is not supported by sdev: only for Swarm"},
		"an owner by name": {map[string]string{"docker-compose.yml": app + "    secrets:\n      - source: token\n        uid: postgres\nsecrets:\n  token: {file: t}\n"},
			"docker-compose.yml:5: services.streamlit.secrets.0 is not supported by sdev: uid and gid must be numbers"},
		"in an included file": {map[string]string{"docker-compose.yml": "include: [more/db.yml]\n" + app, "more/db.yml": "services:\n  db:\n    image: postgres\n    umask: 18\n"},
			"more/db.yml:4: services.db.umask is not supported by sdev"},
		"in a file that is included so": {map[string]string{"docker-compose.yml": "include:\n  - path: [more/db.yml]\n" + app, "more/db.yml": "include: [deep.yml]\n", "more/deep.yml": "services:\n  db:\n    image: postgres\n    umask: 18\n"},
			"more/deep.yml:4: services.db.umask is not supported by sdev"},
		"in a service that is extended": {map[string]string{"docker-compose.yml": app + "  db:\n    extends: {file: base.yml, service: store}\n", "base.yml": "services:\n  store:\n    image: postgres\n    umask: 18\n"},
			"base.yml:4: services.db.umask is not supported by sdev"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, c.files)
			if err == nil {
				t.Fatal("no error")
			}
			if e := dev.AsError(err); !strings.HasPrefix(e.Error(), c.want) || e.Code != dev.CodeComposeKey || e.Exit != dev.ExitProject {
				t.Errorf("%s\nwant %s", e, c.want)
			}
		})
	}
}

func TestLoad_BuildsThatStartFromEachOther(t *testing.T) {
	build := func(service, from string) string {
		return "  " + service + ":\n    build:\n      context: .\n      additional_contexts:\n        base: " + from + "\n"
	}
	for want, compose := range map[string]string{
		"docker-compose.yml:6: services streamlit and b are built from each other's images":         "services:\n" + build("streamlit", "service:b") + build("b", "service:streamlit"),
		"docker-compose.yml:6: services streamlit and streamlit are built from each other's images": "services:\n" + build("streamlit", "service:streamlit"),
		"": "services:\n" + build("streamlit", "service:b") + build("b", "./b"),
	} {
		_, err := load(t, map[string]string{"docker-compose.yml": compose})
		if got := fmt.Sprint(err); err != nil && !strings.HasPrefix(got, want) || (err == nil) != (want == "") {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}

func TestLoad_TakesWhatDoesNotRun(t *testing.T) {
	const app = "services:\n  streamlit:\n    image: shop\n"
	for name, compose := range map[string]string{
		"another profile":              app + "  db:\n    image: postgres\n    profiles: [full]\n    umask: 18\n",
		"a secret that nothing uses":   app + "secrets:\n  token: {external: true}\n",
		"what is refused, but is off":  app + "  db:\n    image: postgres\n    use_api_socket: false\n",
		"what has no effect":           app + "    attach: false\n    deploy:\n      placement: {constraints: [node.role == manager]}\n",
		"every condition":              app + "    depends_on:\n      db: {condition: service_healthy, restart: true}\n      job: {condition: service_completed_successfully, required: false}\n  db: {image: postgres}\n  job: {image: job}\n",
		"a network for the neighbours": app + "  db:\n    image: postgres\n    network_mode: host\n",
	} {
		if _, err := load(t, map[string]string{"docker-compose.yml": compose}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Ten lines that would unfold to ten billion items.
func TestLoad_AliasBombIsAnErrorAtOnce(t *testing.T) {
	var b strings.Builder
	b.WriteString("x-a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n")
	for i := 1; i < 10; i++ {
		from := string(rune('0' + i - 1))
		to := string(rune('0' + i))
		b.WriteString("x-a" + to + ": &a" + to + " [" + strings.TrimSuffix(strings.Repeat("*a"+from+", ", 10), ", ") + "]\n")
	}
	b.WriteString("services:\n  streamlit:\n    image: shop\n    x-bomb: *a9\n")
	dir := devtest.Project(t, map[string]string{"docker-compose.yml": b.String()})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	_, err := config.Load(t.Context(), config.Options{Dir: dir, Env: os.Environ()})
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Fatal("no error")
	}
	if e := dev.AsError(err); e.Exit != dev.ExitProject || !strings.Contains(e.Message, "aliases expand") || !strings.Contains(e.Hint, "fewer") {
		t.Errorf("%+v", e)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; took > 10*time.Second || grown > 1<<28 {
		t.Errorf("it took %s and %d MB: %v", took, grown>>20, err)
	}
}
