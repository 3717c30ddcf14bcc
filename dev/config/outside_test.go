package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/devtest"
)

// A compose file in a directory of its own mounts source from above it.
func TestOverlay_SourceOutsideTheProjectIsWatched(t *testing.T) {
	for name, c := range map[string]struct {
		service string
		git     bool
		want    string // paths outside, and where they are in the gateway
	}{
		"of the same repository":      {"{image: a, volumes: ['../source:/app', './here:/here']}", true, "../source=/outside/0"},
		"several":                     {"{image: a, volumes: ['../source:/app', '../lib:/lib']}", true, "../source=/outside/0 ../lib=/outside/1"},
		"of the build":                {"{build: {context: .., dockerfile: docker/Dockerfile}, volumes: ['../source:/app']}", false, "../source=/outside/0"},
		"the whole of it":             {"{build: {context: ..}, volumes: ['..:/app']}", false, "..=/outside/0"},
		"of nothing in common":        {"{image: a, volumes: ['../source:/app']}", false, ""},
		"hidden, such as credentials": {"{image: a, volumes: ['../.aws:/root/.aws']}", true, ""},
		"a file":                      {"{image: a, volumes: ['../one.py:/one.py']}", true, ""},
		"that does not exist":         {"{image: a, volumes: ['../missing:/app']}", true, ""},
		"a volume":                    {"{image: a, volumes: ['source:/app']}", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := devtest.Project(t, map[string]string{"docker/compose.yaml": "services:\n  streamlit: " + c.service + "\nvolumes: {source: {}}\n", "docker/Dockerfile": "FROM a\n", "docker/here/x.py": "",
				"source/app.py": "", "lib/l.py": "", ".aws/config": "", "one.py": ""})
			if c.git {
				if err := os.Mkdir(filepath.Join(root, ".git"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			p, err := config.Load(t.Context(), config.Options{Dir: filepath.Join(root, "docker")})
			if err != nil {
				t.Fatal(err)
			}
			e, err := config.Overlay(p, parts(p))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, o := range e.GatewayConfig.Outside {
				got = append(got, o.Path+"="+o.Dir)
				if !slices.ContainsFunc(e.GatewayConfig.Mounts, func(m dev.Mount) bool { return m.Project == o.Path }) ||
					!slices.ContainsFunc(e.GatewayConfig.Rules, func(r dev.Rule) bool { return r.Path == o.Path && r.Action == dev.Live }) {
					t.Errorf("%s: mounts %v, rules %v", o.Path, e.GatewayConfig.Mounts, e.GatewayConfig.Rules)
				}
			}
			if all := strings.Join(got, " "); all != c.want {
				t.Errorf("outside: %s, want %s", all, c.want)
			}
			for _, v := range e.Project.Services[config.GatewayService].Volumes {
				if strings.HasPrefix(v.Target, dev.GatewayOutsideDir) && (!v.ReadOnly || !strings.HasPrefix(v.Source, root)) {
					t.Errorf("volume %+v", v)
				}
			}
		})
	}
}
