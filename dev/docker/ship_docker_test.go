//go:build docker

package docker_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/pkg/archive/compression"

	"sdev/dev"
	"sdev/dev/docker"
	"sdev/dev/plan"
)

// findInImage searches an image for texts: its configuration, its history, and the files of every layer, including those
// that a later layer hides. It returns the places, and calls visit for each file.
func findInImage(t *testing.T, e *docker.Engine, ref string, visit func(layer string, h *tar.Header), texts ...string) []string {
	t.Helper()
	archive, err := e.Save(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	var found []string
	look := func(where string, content []byte) {
		for _, text := range texts {
			if bytes.Contains(content, []byte(text)) {
				found = append(found, where+" holds "+text)
			}
		}
	}
	for outer := tar.NewReader(archive); ; {
		h, err := outer.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(outer)
		if err != nil {
			t.Fatal(err)
		}
		if path.Base(h.Name) != "layer.tar" && !strings.HasPrefix(h.Name, "blobs/") {
			look(h.Name, content)
			continue
		}
		look(h.Name, content) // a blob may be the configuration
		unpacked, err := compression.DecompressStream(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		for inner := tar.NewReader(unpacked); ; {
			entry, err := inner.Next()
			if err != nil {
				break // the end, or a blob that is not a layer
			}
			look(h.Name, []byte(entry.Name))
			file, err := io.ReadAll(inner)
			if err != nil {
				t.Fatal(err)
			}
			look(h.Name+":"+entry.Name, file)
			visit(h.Name, entry)
		}
		_ = unpacked.Close() // it was read from memory
	}
}

// Behind a proxy that intercepts TLS, the build gets the proxy's CA although the Dockerfile does not mention it. The
// image is the same as one that was built without the proxy.
func TestDockerShip_TheCALeavesNoTrace(t *testing.T) {
	trustImages(t)
	e := open(t)
	epoch := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	b := plan.Build{Ships: true, Epoch: epoch, CA: append([]byte("# of sdev's machine\n"), machineCA(t)...), Labels: map[string]string{"org.opencontainers.image.revision": "abc"},
		Proxy: map[string]string{"HTTP_PROXY": "http://me:word@proxy.invalid:3128", "FTP_PROXY": "http://me:word@proxy.invalid:3128"},
		Inline: `# syntax=docker/dockerfile:1
ARG VERSION=3.11
FROM python:${VERSION}-slim AS base
ARG HTTP_PROXY
ARG FTP_PROXY
ENV KEPT=${HTTP_PROXY}
WORKDIR /here
ENV GIT_SSL_CAINFO=/own
` + uncached() + `RUN pip install --no-cache-dir --no-compile --target /tmp/lib six==1.16.0
RUN <<END
set -e
test "$GIT_SSL_CAINFO" = /own
test -s "$SSL_CERT_FILE"
test -n "$FTP_PROXY"
END
USER nobody
RUN python -c "import urllib.request; print(urllib.request.urlopen('https://pypi.org/simple/six/').status)"
CMD ["true"]
`}
	tag, events, err := buildImage(t, e, b)
	if err != nil {
		t.Fatalf("%v\n%+v", err, events)
	}
	layers := func(ref string) string {
		return run(t, "image", "inspect", "--format", "{{join .RootFS.Layers \" \"}}", ref)
	}
	if !strings.HasPrefix(layers(tag), layers("python:3.11-slim")) {
		t.Error("it is not made from the base image")
	}
	found := findInImage(t, e, tag, func(layer string, h *tar.Header) {
		if name := path.Clean("/" + h.Name); strings.HasPrefix(name, "/dev/sdev") || strings.HasPrefix(name, "/run/secrets") {
			t.Errorf("layer %s has %s", layer, h.Name)
		}
	}, "sdev-ca", "of sdev's machine", "proxy.invalid", "me:word")
	if len(found) > 0 {
		t.Errorf("the image has traces:\n%s", strings.Join(found, "\n"))
	}
	if got := run(t, "image", "inspect", "--format", "{{.Created}} {{json .Config.Env}} {{json .Config.Labels}}", tag); !strings.HasPrefix(got, "2026-03-04T05:06:07Z") ||
		!strings.Contains(got, `"KEPT="`) || strings.Contains(got, "CERT_FILE") || !strings.HasSuffix(got, `{"org.opencontainers.image.revision":"abc"}`) {
		t.Errorf("output of the image: %s", got)
	}
	if got := run(t, "run", "--rm", tag, "ls", "/tmp/lib"); !strings.Contains(got, "six.py") {
		t.Error(got)
	}
	b.NoCache = true
	second, _, err := buildImage(t, e, b)
	if err != nil {
		t.Fatal(err)
	}
	if first, second := run(t, "image", "inspect", "--format", "{{.Id}}", tag), run(t, "image", "inspect", "--format", "{{.Id}}", second); first != second {
		t.Errorf("the same build gave %s, then, with nothing from the cache, %s", first, second)
	}
}

func TestDockerShip_AFailureNamesTheLine(t *testing.T) {
	e := open(t)
	_, _, err := buildImage(t, e, plan.Build{Ships: true, CA: machineCA(t), Inline: "FROM python:3.11-slim\nRUN echo why; exit 3\n"})
	if got := dev.AsError(err); got.Code != dev.CodeBuildFailed || !strings.Contains(got.Message, "RUN echo why; exit 3\n  why") {
		t.Errorf("%+v", got)
	}
	_, _, err = buildImage(t, e, plan.Build{Ships: true, Inline: "FROM python:3.11-slim\nNOSUCH thing\n"})
	if got := dev.AsError(err); got.File != "dockerfile_inline" || got.Line != 2 {
		t.Errorf("%+v", got)
	}
	_, _, err = buildImage(t, e, plan.Build{Ships: true, Inline: "FROM nosuch.invalid/image:1\n"})
	if got := dev.AsError(err); got.Code != dev.CodeImageMissing {
		t.Errorf("%+v", got)
	}
}

func TestDockerShip_ReadsTheContextLikeAnyBuild(t *testing.T) {
	e := open(t)
	dir := write(t, t.TempDir(), map[string]string{"app/main.py": "x", "app/secret.txt": "x", ".dockerignore": "**/secret.txt\n",
		"Dockerfile": `FROM python:3.11-slim AS packages
RUN mkdir /p && echo 1 > /p/one
FROM python:3.11-slim AS release
COPY --from=packages /p /p
COPY --chmod=755 app /app
RUN --mount=type=secret,id=ca test -s /run/secrets/ca && test -z "$SSL_CERT_FILE"
FROM release AS other
RUN false
`})
	tag, _, err := buildImage(t, e, plan.Build{Ships: true, Context: dir, Target: "release", CA: []byte("x"), SecretEnv: map[string]string{"ca": "x"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := run(t, "run", "--rm", tag, "sh", "-c", "ls /app /p"); strings.Join(strings.Fields(got), " ") != "/app: main.py /p: one" {
		t.Errorf("inside: %s", got)
	}
}
