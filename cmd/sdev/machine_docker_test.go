//go:build docker

package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/devtest"
)

// If the engine goes away, a running "sdev up" ends with an error and exit code 4.
func TestDockerUp_EndsWithAnErrorIfTheEngineGoesAway(t *testing.T) {
	p := scaffolded(t)
	p.up()
	socket := filepath.Join(t.TempDir(), "engine.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	relay := devtest.RelayTo(t, l, realEngine)
	behind := *p
	behind.env = []string{"DOCKER_HOST=unix://" + socket}
	up := behind.attend()
	awaitEvent[dev.Ready](t, up)
	relay.Close()
	ended := make(chan error, 1)
	go func() { ended <- up.cmd.Wait() }()
	select {
	case err := <-ended:
		t.Log(err)
	case <-time.After(devtest.Patience):
		t.Fatal("it goes on without an engine")
	}
	if code := up.cmd.ProcessState.ExitCode(); code != dev.ExitEngine {
		t.Errorf("exit code %d, want %d", code, dev.ExitEngine)
	}
	var last dev.Stamped
	for s := range up.lines {
		last = s
	}
	if failed, ok := last.Event.(dev.Failed); !ok || failed.Code != dev.CodeEngineUnreachable || failed.Hint == "" {
		t.Errorf("last word: %+v", last.Event)
	}
}

// An image for another kind of machine is refused before it crashes.
func TestDockerUp_ImageForAnotherMachineIsRefused(t *testing.T) {
	p := scaffolded(t)
	image := loadForeign(t, p.name)
	p.write("docker-compose.override.yml", "services:\n  db:\n    image: "+image+"\n    command: [/nothing]\n")
	_, errs, code := p.result("up", "-d")
	if code != dev.ExitFailed || !strings.Contains(errs, "image "+image+" of service db is for linux/s390x") || !strings.Contains(errs, "platform: linux/s390x") {
		t.Errorf("exit code %d\n%s", code, errs)
	}
	if left := p.remains(); left != "" {
		t.Errorf("left: %s", left)
	}
}

// External networks and volumes are used, and neither created nor removed.
func TestDockerUp_RequiresExternalNetworksAndVolumes(t *testing.T) {
	p := scaffolded(t)
	const db = "  db:\n    image: python:3.11-slim\n    init: true\n    command: [sleep, '300']\n"
	for kind, uses := range map[string]string{"network": "    networks: [shared]\n", "volume": "    volumes: ['shared:/data']\n"} {
		name := p.name + "-shared"
		p.write("docker-compose.override.yml", "services:\n"+db+uses+kind+"s:\n  shared: {external: true, name: "+name+"}\n")
		_, errs, code := p.result("up", "-d")
		if code != dev.ExitProject || !strings.Contains(errs, "service db uses the external "+kind+" "+name+", which does not exist") || !strings.Contains(errs, "docker "+kind+" create "+name) {
			t.Errorf("exit code %d\n%s", code, errs)
		}
		docker(t, kind, "create", "--label", "com.docker.compose.project="+p.name, name)
		p.up()
		if made := plans(t, p.run(0, "up", "-d", "--json")); made != "" {
			t.Errorf("%s: the second time:\n%s", kind, made)
		}
		p.run(0, "down")
		if kind == "volume" { // down removes volumes only with --volumes, and networks by their label
			docker(t, "volume", "rm", name)
		}
	}
}

// loadForeign loads an image for another architecture and returns its reference.
func loadForeign(t testing.TB, name string) string {
	t.Helper()
	image := name + "-foreign:1"
	var layer, archive bytes.Buffer
	l := tar.NewWriter(&layer)
	if err := errors.Join(l.WriteHeader(&tar.Header{Name: "nothing", Mode: 0o755}), l.Close()); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(layer.Bytes())
	out := tar.NewWriter(&archive)
	for _, f := range []struct{ name, content string }{
		{"config.json", `{"architecture":"s390x","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:` + hex.EncodeToString(digest[:]) + `"]}}`},
		{"layer.tar", layer.String()},
		{"manifest.json", `[{"Config":"config.json","RepoTags":["` + image + `"],"Layers":["layer.tar"]}]`},
	} {
		if err := out.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write([]byte(f.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("docker", "load")
	cmd.Stdin = &archive
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("docker load: %v\n%s", err, text)
	}
	t.Cleanup(func() { docker(t, "image", "rm", image) })
	return image
}
