package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/config"
)

// hiddenIn gives the targets of a service at which an empty directory is mounted.
func hiddenIn(s types.ServiceConfig) []string {
	var out []string
	for _, v := range s.Volumes {
		if v.Type == types.VolumeTypeTmpfs && v.ReadOnly && strings.HasSuffix(v.Target, "/"+dev.StateDir) {
			out = append(out, v.Target)
		}
	}
	return out
}

func TestOverlay_WhatSdevKeepsIsHiddenFromEveryService(t *testing.T) {
	for name, c := range map[string]struct {
		volumes string
		more    map[string]string
		want    []string
	}{
		"the project":              {`[".:/app"]`, nil, []string{"/app/.sdev"}},
		"a part of it":             {`["./src:/app"]`, nil, nil},
		"read-only":                {`[".:/app/:ro"]`, nil, []string{"/app/.sdev"}},
		"what it lies in":          {`["..:/work"]`, nil, []string{"/work/NAME/.sdev"}},
		"through a link":           {`["./link:/app"]`, nil, []string{"/app/.sdev"}},
		"another project's":        {`[".:/app"]`, map[string]string{"apps/other/.sdev/auth/client.json": "{}"}, []string{"/app/.sdev", "/app/apps/other/.sdev"}},
		"another's in a part":      {`["./apps:/apps"]`, map[string]string{"apps/other/.sdev/auth/client.json": "{}"}, []string{"/apps/other/.sdev"}},
		"a volume that is a mount": {`["all:/app"]`, nil, []string{"/app/.sdev"}},
		"its own empty directory":  {`[".:/app", {type: tmpfs, target: /app/.sdev}]`, nil, nil},
		"a file":                   {`["./src/app.py:/app/app.py"]`, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"src/app.py": "", "compose.yml": "services:\n  streamlit:\n    image: shop\n    volumes: " + c.volumes + "\n  db:\n    image: db\n    volumes: " + c.volumes +
				"\nvolumes:\n  all: {driver_opts: {type: none, o: bind, device: \"${PWD_OF_TEST:-.}\"}}\n"}
			for file, content := range c.more {
				files[file] = content
			}
			dir := t.TempDir()
			files["compose.yml"] = strings.ReplaceAll(files["compose.yml"], "${PWD_OF_TEST:-.}", dir)
			p, err := loadIn(t, dir, files)
			if err != nil {
				t.Fatal(err)
			}
			e, err := config.Overlay(p, parts(p))
			if err != nil {
				t.Fatal(err)
			}
			for i := range c.want {
				c.want[i] = strings.ReplaceAll(c.want[i], "NAME", filepath.Base(dir))
			}
			for _, service := range []string{"streamlit", "db"} {
				if got := hiddenIn(e.Project.Services[service]); !slices.Equal(got, c.want) {
					t.Errorf("%s: hidden %v, want %v", service, got, c.want)
				}
			}
		})
	}
}

// loadIn loads a project in a directory that holds these files and a link to itself.
func loadIn(t *testing.T, dir string, files map[string]string) (*config.Project, error) {
	t.Helper()
	for rel, content := range files {
		full := filepath.Join(dir, rel)
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(dir, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	return config.Load(t.Context(), config.Options{Dir: dir})
}

func TestLoad_NothingNamesWhatSdevKeeps(t *testing.T) {
	for name, c := range map[string]struct{ compose, want string }{
		"a mount":           {"services:\n  streamlit:\n    image: shop\n    volumes:\n      - ./.sdev/auth:/keys\n", "compose.yml:5: what service streamlit mounts at /keys is .sdev/auth"},
		"a mount by a link": {"services:\n  streamlit:\n    image: shop\n    volumes:\n      - ./link/.sdev:/keys\n", "compose.yml:5: what service streamlit mounts at /keys"},
		"a build context":   {"services:\n  streamlit:\n    build: ./.sdev\n", "compose.yml:3: the build context of service streamlit is .sdev"},
		"a named context":   {"services:\n  streamlit:\n    build:\n      context: .\n      additional_contexts: {more: ./.sdev/auth}\n", "compose.yml:5: the build context more of service streamlit is .sdev/auth"},
		"a secret":          {"services:\n  streamlit:\n    image: shop\nsecrets:\n  key: {file: .sdev/auth/client.json}\n", "compose.yml:5: the secret key is .sdev/auth/client.json"},
		"a config":          {"services:\n  streamlit:\n    image: shop\nconfigs:\n  key: {file: .sdev/auth/client.json}\n", "compose.yml:5: the config key is .sdev/auth/client.json"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadIn(t, t.TempDir(), map[string]string{"compose.yml": c.compose, ".sdev/auth/client.json": "{}"})
			failure, ok := errors.AsType[*dev.Error](err)
			if !ok {
				t.Fatalf("error %v", err)
			}
			if got := fmt.Sprintf("%s:%d: %s", failure.File, failure.Line, failure.Message); !strings.HasPrefix(got, c.want) {
				t.Errorf("error %q, want %q", got, c.want)
			}
		})
	}
}

func TestOverlay_CopiesStayOutOfWhatIsMountedInside(t *testing.T) {
	files := map[string]string{"one.toml": "", "src/app.py": "", "compose.yml": `services:
  streamlit:
    image: shop
    volumes: [".:/app", "kept:/app/data", "../other:/app/shared", "../other:/etc/other", "./one.toml:/etc/other/one.toml", "./src:/app/src", "../tools:/opt"]
    tmpfs: ["/app/tmp:size=1m"]
    configs: [{source: c, target: /app/.streamlit/config.toml}]
    secrets: [{source: s, target: /app/.streamlit/secrets.toml}]
volumes: {kept: {}}
configs: {c: {content: x}}
secrets: {s: {environment: HOME}}
`}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".env"), []byte("HOME=/root\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := loadIn(t, dir, files)
	if err != nil {
		t.Fatal(err)
	}
	given := parts(p)
	given.Sync = true
	e, err := config.Overlay(p, given)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"/app/.streamlit/config.toml", "/app/.streamlit/secrets.toml", "/app/data", "/app/shared", "/app/tmp"}
	if got := e.Copies[0]; got.Target != "/app" || !slices.Equal(got.Hidden, want) {
		t.Errorf("%+v, want hidden %v", got, want)
	}
	app := e.Project.Services["streamlit"]
	if slices.ContainsFunc(e.Copies, func(c dev.Copy) bool { return c.Path == "one.toml" }) {
		t.Error("a file is copied through a mount of another directory")
	}
	if !slices.ContainsFunc(app.Configs, func(c types.ServiceConfigObjConfig) bool { return c.Target == "/etc/other/one.toml" }) {
		t.Errorf("configs %+v", app.Configs)
	}
	if !slices.ContainsFunc(app.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == dev.ReceiverDir }) {
		t.Error("the receiver would be put into the mounted /opt")
	}
}
