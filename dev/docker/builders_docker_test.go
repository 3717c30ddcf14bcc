//go:build docker

package docker_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/docker"
	"sdev/dev/plan"
)

// builders runs a test with BuildKit and with the classic builder, chosen by DOCKER_BUILDKIT.
func builders(t *testing.T, test func(t *testing.T, e *docker.Engine)) {
	t.Helper()
	for name, choice := range map[string]string{"BuildKit": "1", "classic": "0"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("DOCKER_BUILDKIT", choice)
			test(t, open(t))
		})
	}
}

func TestDockerBuilders_MakeTheSameImage(t *testing.T) {
	builders(t, func(t *testing.T, e *docker.Engine) {
		dir := write(t, t.TempDir(), map[string]string{
			"in": "in", "out": "out", "sub/in": "in", "sub/out": "out", ".dockerignore": "**/out\nDockerfile\n",
			"Dockerfile": "FROM python:3.11-slim AS dev\nARG A\n" + uncached() + "WORKDIR /files\nCOPY . .\nRUN test \"$A\" = 1 && grep -q 10.9.8.7 /etc/hosts && find . | sort > /list\nLABEL own=1\nFROM dev AS later\nRUN exit 7\n",
		})
		b := plan.Build{Context: dir, Dockerfile: "Dockerfile", Target: "dev", Args: map[string]string{"A": "1"}, Labels: map[string]string{"given": "2"}, ExtraHosts: []string{"db:10.9.8.7"}}
		tag, events, err := buildImage(t, e, b)
		if err != nil {
			t.Fatalf("%v\n%+v", err, events)
		}
		if got, want := run(t, "run", "--rm", tag, "cat", "/list"), ".\n./.dockerignore\n./in\n./sub\n./sub/in"; got != want {
			t.Errorf("files %q, want %q", got, want)
		}
		if got := run(t, "run", "--rm", tag, "cat", ".dockerignore"); !strings.HasPrefix(got, "**/out\nDockerfile") {
			t.Errorf(".dockerignore inside: %q", got)
		}
		if got := run(t, "image", "inspect", "--format", "{{json .Config.Labels}}", tag); got != `{"given":"2","own":"1"}` {
			t.Errorf("labels %s", got)
		}
		// A second build comes from the cache, and its steps say so.
		_, events, err = buildImage(t, e, b)
		if err != nil {
			t.Fatal(err)
		}
		cached := 0
		for _, ev := range events {
			if s, ok := ev.(dev.BuildStep); ok && s.Cached && s.MS > 0 && s.Step > 0 && s.Total >= s.Step {
				cached++
			}
		}
		if cached < 4 {
			t.Errorf("%d steps came from the cache: %+v", cached, events)
		}
	})
}

func TestDockerBuilders_HonourTheRulesBesideADockerfile(t *testing.T) {
	builders(t, func(t *testing.T, e *docker.Engine) {
		dir := write(t, t.TempDir(), map[string]string{"a": "a", "b": "b", ".dockerignore": "a\n", "docker/mine.Dockerfile": "FROM python:3.11-slim\nCOPY . /files\nRUN ls /files > /list\n", "docker/mine.Dockerfile.dockerignore": "b\n"})
		tag, events, err := buildImage(t, e, plan.Build{Context: dir, Dockerfile: "docker/mine.Dockerfile"})
		if err != nil {
			t.Fatalf("%v\n%+v", err, events)
		}
		if got := run(t, "run", "--rm", tag, "cat", "/list"); got != "a\ndocker" {
			t.Errorf("%q", got)
		}
	})
}

func TestDockerBuilders_TakeAnArchiveFromAnAddress(t *testing.T) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	content := "FROM python:3.11-slim\n" + uncached()
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: "Dockerfile", Mode: 0o644, Size: int64(len(content))}), writeAll(w, content), w.Close()); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/x-tar")
		_, _ = rw.Write(archive.Bytes())
	}))
	t.Cleanup(server.Close)
	builders(t, func(t *testing.T, e *docker.Engine) {
		_, events, err := buildImage(t, e, plan.Build{Context: server.URL + "/context.tar", CA: machineCA(t)})
		if err != nil {
			t.Fatalf("%v\n%+v", err, events)
		}
		warned := false
		for _, ev := range events {
			w, ok := ev.(dev.Warning)
			warned = warned || ok && w.Code == dev.CodeBuildCA
		}
		if !warned {
			t.Errorf("no warning that the steps do not trust the CA: %+v", events)
		}
	})
}

func writeAll(w io.Writer, content string) error {
	_, err := io.WriteString(w, content)
	return err
}

func TestDockerBuilders_SayWhatIsWrong(t *testing.T) {
	builders(t, func(t *testing.T, e *docker.Engine) {
		for name, c := range map[string]struct {
			dockerfile    string
			code          dev.Code
			file          string
			line          int
			message, hint string
		}{
			"unknown instruction": {"FROM python:3.11-slim\n\nNOSUCH thing\n", dev.CodeBuildFailed, "Dockerfile", 3, "nosuch", "fix"},
			"failing step":        {"FROM python:3.11-slim\nRUN echo first && echo second && exit 3\n", dev.CodeBuildFailed, "", 0, "\n  first\n  second", "fix"},
			"no such base":        {"FROM nosuch.invalid/image:1\nRUN true\n", "", "", 0, "nosuch.invalid/image:1", ""},
			"requirements":        {"FROM python:3.11-slim\nWORKDIR /app\nCOPY requirements.txt .\nRUN python -m venv /v && /v/bin/pip install -r requirements.txt\n", dev.CodeBuildFailed, "requirements.txt", 3, "No matching distribution found for six==99.99", "requirement"},
			"full disk":           {"FROM python:3.11-slim\nRUN cat /etc/passwd > /dev/full\n", dev.CodeBuildFailed, "", 0, "disk is full", "docker system df"},
			"another processor":   {"FROM python:3.11-slim\nRUN printf '\\177ELF\\002\\001\\001\\0\\0\\0\\0\\0\\0\\0\\0\\0\\002\\0\\267\\0\\001\\0\\0\\0' > /bin/arm && head -c 200 /dev/zero >> /bin/arm && chmod +x /bin/arm\nRUN [\"/bin/arm\"]\n", dev.CodeBuildFailed, "", 0, "another processor architecture", "emulation"},
			"untrusted":           {"FROM python:3.11-slim\nENV PIP_CERT=/etc/hostname SSL_CERT_FILE=/etc/hostname\nRUN python -c \"import urllib.request as u; u.urlopen('https://pypi.org/')\"\n", dev.CodeBuildFailed, "", 0, "CERTIFICATE_VERIFY_FAILED", "SSL_CERT_FILE"},
		} {
			t.Run(name, func(t *testing.T) {
				dir := write(t, t.TempDir(), map[string]string{"Dockerfile": c.dockerfile, "requirements.txt": "# the usual\n\nSix==99.99\n"})
				_, events, err := buildImage(t, e, plan.Build{Context: dir, Dockerfile: "Dockerfile", CA: machineCA(t)})
				failure, ok := errors.AsType[*dev.Error](err)
				if !ok {
					t.Fatalf("%v\n%+v", err, events)
				}
				if c.code != "" && failure.Code != c.code || failure.File != c.file || failure.Line != c.line || !strings.Contains(strings.ToLower(failure.Message), strings.ToLower(c.message)) || !strings.Contains(failure.Hint, c.hint) {
					t.Errorf("%+v\n%s", failure, failure.Message)
				}
				if strings.Contains(failure.Error(), "sdev-ca") {
					t.Errorf("the error names what stands for the base: %v", failure)
				}
			})
		}
	})
}

func TestDockerBuilders_KeepTheProxyOutOfTheImage(t *testing.T) {
	builders(t, func(t *testing.T, e *docker.Engine) {
		proxy := map[string]string{"HTTP_PROXY": "http://user:word@proxy.invalid:3128", "https_proxy": "http://user:word@proxy.invalid:3129", "NO_PROXY": "hidden.invalid"}
		tag, events, err := buildImage(t, e, plan.Build{Proxy: proxy, Inline: "FROM python:3.11-slim\nARG HTTP_PROXY\nARG https_proxy=none\n" + uncached() + "RUN test $(env | grep -c invalid) -ge 3\n"})
		if err != nil {
			t.Fatalf("%v\n%+v", err, events)
		}
		for _, ev := range events {
			if w, ok := ev.(dev.Warning); ok {
				t.Errorf("%+v", w)
			}
		}
		image := run(t, "history", "--no-trunc", tag) + run(t, "image", "inspect", tag)
		for _, trace := range []string{"PROXY", "proxy.invalid", "hidden", "word"} {
			if i := strings.Index(image, trace); i >= 0 {
				t.Errorf("the image speaks of %q: %s", trace, image[max(0, i-200):i+50])
			}
		}
	})
}

func TestDockerBuild_SaysWhatTheEngineIsTooOldFor(t *testing.T) {
	version := run(t, "version", "--format", "{{.Server.Version}}")
	old := strings.HasPrefix(version, "20.")
	_, _, err := buildImage(t, open(t), plan.Build{Inline: "FROM python:3.11-slim\nRUN <<EOF\ntrue\nEOF\n"})
	if !old && err != nil {
		t.Errorf("engine %s: %v", version, err)
	}
	if e := dev.AsError(err); old && (e.Line != 3 || !strings.Contains(e.Hint, "a heredoc needs Docker 23, but the engine is "+version)) {
		t.Errorf("%+v", e)
	}
}

func TestDockerBuild_SaysWhereTheProxyStays(t *testing.T) {
	_, events, err := buildImage(t, open(t), plan.Build{Proxy: map[string]string{"HTTP_PROXY": "http://proxy.invalid"}, Inline: "FROM python:3.11-slim\nARG HTTP_PROXY\nENV mine=$HTTP_PROXY\n"})
	if err != nil || len(events) == 0 {
		t.Fatal(err)
	}
	if w, ok := events[0].(dev.Warning); !ok || w.Code != dev.CodeBuildProxy || !strings.Contains(w.Message, "dockerfile_inline:3 puts") {
		t.Errorf("%+v", events[0])
	}
}

func TestDockerBuilders_StopWithTheContext(t *testing.T) {
	builders(t, func(t *testing.T, e *docker.Engine) {
		mark := fmt.Sprint("sleep 30.", time.Now().UnixNano())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ended := make(chan error, 1)
		go func() {
			_, err := e.Build(ctx, plan.Build{Service: "app", Tag: "sdev-test:never", Context: t.TempDir(), Inline: "FROM python:3.11-slim\nRUN " + mark + "\n"}, func(dev.Event) {})
			ended <- err
		}()
		waitFor(t, "the step runs", func() bool { return running(t, mark) })
		cancel()
		err := <-ended
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		waitFor(t, "the step ended", func() bool { return !running(t, mark) })
	})
}

func TestDockerClassic_RefusesWhatOnlyBuildKitCanDo(t *testing.T) {
	t.Setenv("DOCKER_BUILDKIT", "0")
	e := open(t)
	for name, c := range map[string]struct {
		b       plan.Build
		line    int
		message string
	}{
		"a mount":   {plan.Build{Inline: "FROM python:3.11-slim\nRUN true\nRUN --mount=type=tmpfs,target=/x true\n"}, 3, "RUN --mount=type=tmpfs"},
		"a heredoc": {plan.Build{Inline: "FROM python:3.11-slim\nRUN <<EOF\ntrue\nEOF\n"}, 0, "heredoc"},
		"SSH":       {plan.Build{Inline: "FROM python:3.11-slim\n", SSH: []string{"default"}}, 0, "build.ssh"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := buildImage(t, e, c.b)
			failure, ok := errors.AsType[*dev.Error](err)
			if !ok || failure.Line != c.line || !strings.Contains(failure.Message, c.message) || !strings.Contains(failure.Hint, "DOCKER_BUILDKIT") {
				t.Errorf("%+v", err)
			}
		})
	}
}

func TestDockerBuilders_LeaveOutTheStateDirectory(t *testing.T) {
	builders(t, func(t *testing.T, e *docker.Engine) {
		files := map[string]string{
			".sdev/auth/client.json": "{}", "apps/one/.sdev/aws/sso/cache/token.json": "{}", "app.py": "",
			"Dockerfile": "FROM python:3.11-slim\n" + uncached() + "COPY . /files\nCOPY --from=more . /more\nRUN find /files /more -name '*sdev*' > /list; test -e /files/app.py && test -e /more/app.py\n",
		}
		for name, ignore := range map[string]string{"without .dockerignore": "", "asked for by .dockerignore": "*\n!app.py\n!.sdev\n!**/.sdev\n!apps\n!Dockerfile\n"} {
			t.Run(name, func(t *testing.T) {
				dir, more := write(t, t.TempDir(), files), write(t, t.TempDir(), files)
				if ignore != "" {
					write(t, dir, map[string]string{".dockerignore": ignore})
				}
				for _, ships := range []bool{false, true} {
					tag, events, err := buildImage(t, e, plan.Build{Context: dir, Dockerfile: "Dockerfile", Contexts: map[string]string{"more": more}, Ships: ships})
					if err != nil {
						t.Fatalf("%v\n%+v", err, events)
					}
					if got := run(t, "run", "--rm", tag, "cat", "/list"); got != "" {
						t.Errorf("an image (ships: %t) holds %q", ships, got)
					}
				}
			})
		}
	})
}
