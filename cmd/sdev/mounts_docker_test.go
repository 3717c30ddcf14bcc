//go:build docker

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sdev/dev"
)

// given is part of a compose file. It puts files into the app's container at paths inside the mounted project: over a
// file, beside one, in a missing directory, in a home directory inside the project, and in a volume inside it.
const given = `services:
  streamlit-local:
    environment: {HOME: /app/home, GREETING: one}
    volumes:
      - .:/app
      - ./data/made:/data
      - cache:/app/cache
    configs:
      - {source: settings, target: /app/.streamlit/config.toml}
      - {source: settings, target: /app/conf/new/settings.toml}
      - {source: settings, target: /app/cache/settings.toml}
    secrets:
      - {source: key, target: /app/.streamlit/secrets.toml, mode: 0444}
  worker:
    image: python:3.11-slim
    command: [sleep, infinity]
    init: true
    volumes: [".:/app"]
    secrets: [{source: key, target: /app/conf/new/key, mode: 0444}]
volumes: {cache: {}}
configs: {settings: {content: "[client]\nshowSidebarNavigation = true\n"}}
secrets: {key: {environment: KEY_OF_TEST}}
`

// sdev never writes files into containers through a mount. The helpers check after each command that the project's
// directory is unchanged, byte for byte.
func TestDockerMounts_LeaveTheProjectUnchanged(t *testing.T) {
	p := scaffolded(t)
	p.awsLogin()
	p.env = []string{"KEY_OF_TEST=password = \"given\""}
	p.write(".streamlit/secrets.toml", "password = \"mine\"\n")
	p.write("other/.sdev/auth/client.json", "another project's")
	p.write("docker-compose.override.yml", given)
	secrets := filepath.Join(p.dir, ".streamlit/secrets.toml")
	if err := os.Chmod(secrets, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(secrets, time.Time{}, time.Date(2001, 2, 3, 4, 5, 6, 789, time.UTC)); err != nil {
		t.Fatal(err)
	}
	p.guardDir()

	// While the project runs, a mount without a mount point in the project has an empty one.
	p.whileMounted(func() {
		p.up()
		for file, want := range map[string]string{
			"/app/.streamlit/secrets.toml": `password = "given"`, "/app/.streamlit/config.toml": "[client]", "/app/conf/new/settings.toml": "[client]",
			"/app/cache/settings.toml": "[client]", "/app/home/.aws/credentials": "[default]",
		} {
			if got := p.inside("head -n 1 " + file); got != want {
				t.Errorf("%s: %q, want %q", file, got, want)
			}
		}
		if got := p.inside("ls -A /app/.sdev /app/other/.sdev; find / -xdev -name client.json 2>/dev/null"); strings.Contains(got, "json") || strings.Contains(got, "auth") {
			t.Errorf("the app sees of what sdev keeps: %q", got)
		}
		if got := docker(t, "exec", p.name+"-worker-1", "sh", "-c", "cat /app/conf/new/key; ls -A /app/.sdev"); got != `password = "given"` {
			t.Errorf("the worker sees %q", got)
		}
		follow := p.follow()
		p.write("code_package/streamlit/Home.py", "import streamlit as st\nst.title('saved')\n")
		awaitEvent[dev.FileChanged](t, follow)
		p.run(0, "up", "-d", "--with-auth")
		p.run(0, "rebuild")
		p.run(0, "restart")
		p.run(0, "up", "-d", "--local", "--sync")
		if got := p.read("/app/.streamlit/secrets.toml"); strings.TrimSpace(got) != `password = "given"` {
			t.Errorf("with --sync: %q", got)
		}
	})
	p.run(0, "down")
	if left := p.volumes(); !slices.Equal(left, []string{p.name + "_cache"}) {
		t.Errorf("volumes that are left: %q", left)
	}
}

// whileMounted checks the directory, except for the empty mount points that given needs.
func (p *project) whileMounted(run func()) {
	p.t.Helper()
	p.tree.Allow("conf", "conf/new", "conf/new/settings.toml", "conf/new/key", "home", "home/.aws", "data", "data/made", "cache")
	run()
	p.tree.Allow()
}
