//go:build docker

package docker_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/docker"
	"sdev/dev/plan"
)

// built builds with the engine and gives the result's tag and what was told. The image goes with
// the test.
func built(t *testing.T, e *docker.Engine, b plan.Build) (tag string, told []dev.Event, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	b.Service = "app"
	b.Tag = fmt.Sprintf("sdev-test:%d-%x", os.Getpid(), time.Now().UnixNano()&0xffffff)
	t.Cleanup(func() { _ = exec.Command("docker", "image", "rm", b.Tag).Run() }) // there is none after a failure
	if b.Context == "" {
		b.Context = t.TempDir()
	}
	_, err = e.Build(ctx, b, func(ev dev.Event) { told = append(told, ev) })
	return b.Tag, told, err
}

func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// machineCA is the bundle that this machine needs to reach a package index.
func machineCA(t *testing.T) []byte {
	t.Helper()
	for _, file := range []string{os.Getenv("SSL_CERT_FILE"), "/etc/ssl/certs/ca-certificates.crt"} {
		if b, err := os.ReadFile(file); err == nil {
			return b
		}
	}
	t.Fatal("no CA bundle on this machine")
	return nil
}

func write(t *testing.T, dir string, files map[string]string) string {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestDockerBuild_AnIgnorantDockerfileReachesThePackageIndex(t *testing.T) {
	e := open(t)
	tag, told, err := built(t, e, plan.Build{CA: machineCA(t), Args: map[string]string{"VERSION": "3.11"}, Inline: `# syntax=docker/dockerfile:1
ARG VERSION=2.7
FROM --platform=$BUILDPLATFORM python:${VERSION}-slim AS base
USER nobody
RUN pip install --no-cache-dir --target /tmp/lib six==1.16.0
FROM base
RUN python -c "import urllib.request; print(urllib.request.urlopen('https://pypi.org/simple/six/').status)"
`})
	if err != nil {
		t.Fatalf("%v\n%+v", err, told)
	}
	if got := run(t, "run", "--rm", tag, "ls", "/tmp/lib"); !strings.Contains(got, "six.py") {
		t.Error(got)
	}
}
