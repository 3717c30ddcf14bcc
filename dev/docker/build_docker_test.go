//go:build docker

package docker_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/docker"
	"sdev/dev/plan"
)

// buildImage builds an image and returns its tag and the events. It removes the image at the end of the test.
func buildImage(t *testing.T, e *docker.Engine, b plan.Build) (tag string, events []dev.Event, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	b.Service = "app"
	b.Tag = fmt.Sprintf("sdev-test:%d-%x", os.Getpid(), time.Now().UnixNano()&0xffffff)
	t.Cleanup(func() { _ = exec.Command("docker", "image", "rm", b.Tag).Run() }) // after a failed build there is none
	if b.Context == "" {
		b.Context = t.TempDir()
	}
	_, err = e.Build(ctx, b, func(ev dev.Event) { events = append(events, ev) })
	return b.Tag, events, err
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

func TestDockerBuild_ADockerfileWithoutTheCAReachesThePackageIndex(t *testing.T) {
	e := open(t)
	tag, events, err := buildImage(t, e, plan.Build{CA: machineCA(t), Args: map[string]string{"VERSION": "3.11"}, Inline: `# syntax=docker/dockerfile:1
ARG VERSION=2.7
FROM --platform=$BUILDPLATFORM python:${VERSION}-slim AS base
USER nobody
RUN pip install --no-cache-dir --target /tmp/lib six==1.16.0
FROM base
RUN python -c "import urllib.request; print(urllib.request.urlopen('https://pypi.org/simple/six/').status)"
`})
	if err != nil {
		t.Fatalf("%v\n%+v", err, events)
	}
	if got := run(t, "run", "--rm", tag, "ls", "/tmp/lib"); !strings.Contains(got, "six.py") {
		t.Error(got)
	}
}

// uncached returns a step that no earlier run of the test has left in the build cache.
func uncached() string { return fmt.Sprintf("RUN echo %d\n", time.Now().UnixNano()) }

func TestDockerBuild_AppliesWhatComposeSaysOfABuild(t *testing.T) {
	e := open(t)
	dir := write(t, t.TempDir(), map[string]string{"from-directory": "yes"})
	for name, c := range map[string]struct {
		b     plan.Build
		lines string
	}{
		"secret values":        {plan.Build{SecretEnv: map[string]string{"token": "s3cret"}}, "RUN --mount=type=secret,id=token grep -q s3cret /run/secrets/token\n"},
		"arguments and labels": {plan.Build{Args: map[string]string{"A": "1"}, Labels: map[string]string{"l": "2"}}, "ARG A\nRUN test \"$A\" = 1\n"},
		"no network":           {plan.Build{Network: "none"}, "RUN ! grep -q eth0 /proc/net/dev\n"},
		"the host's network":   {plan.Build{Network: "host"}, "RUN grep -q 8dd1 /proc/net/tcp || cat /proc/net/dev | grep -q docker0\n"},
		"extra hosts":          {plan.Build{ExtraHosts: []string{"db:10.1.2.3", "me=host-gateway", "six:[fd00::1]"}}, "RUN grep -q '10.1.2.3.*db' /etc/hosts && grep -q '[0-9.]*.*me' /etc/hosts && grep -q 'fd00::1.*six' /etc/hosts\n"},
		"a directory by name":  {plan.Build{Contexts: map[string]string{"extra": dir}}, "COPY --from=extra from-directory /\nRUN --mount=type=bind,from=extra,target=/m test -s /from-directory && test -s /m/from-directory\n"},
		"an image by name":     {plan.Build{Contexts: map[string]string{"extra": "docker-image://python:3.11-slim"}}, "COPY --from=extra /etc/os-release /copied\nRUN test -s /copied\n"},
		"a stage of that name": {plan.Build{Contexts: map[string]string{"base": "docker-image://python:3.11-slim"}}, "RUN test -d /etc\nFROM scratch AS base\nFROM base\nRUN python --version\n"},
		"cache of an image":    {plan.Build{CacheFrom: []string{"nosuch.invalid/image:1"}}, "RUN true\n"},
		"another platform's":   {plan.Build{Platform: "linux/amd64"}, "RUN uname -m | grep x86_64\n"},
	} {
		t.Run(name, func(t *testing.T) {
			c.b.Inline = "FROM python:3.11-slim\n" + uncached() + c.lines
			tag, events, err := buildImage(t, e, c.b)
			if err != nil {
				t.Fatalf("%v\n%+v", err, events)
			}
			if _, events, err = buildImage(t, e, c.b); err != nil {
				t.Fatal(err)
			}
			for _, ev := range events {
				if s, ok := ev.(dev.BuildStep); ok && !s.Cached && strings.Contains(s.Text, "RUN ") {
					t.Errorf("done again, though nothing changed: %s", s.Text)
				}
			}
			if left := run(t, "image", "ls", "-q", "--filter", "label=dev.sdev.context-of="+tag, "--filter", "reference=sdev-context"); left != "" {
				t.Errorf("an image that stood for a context is still there: %s", left)
			}
			if got := run(t, "image", "inspect", "--format", "{{json .Config.Labels}}", tag); len(c.b.Labels) > 0 && got != `{"l":"2"}` {
				t.Errorf("labels %s", got)
			}
		})
	}
}

// running reports whether a process runs, in any container, whose command line contains a text.
func running(t *testing.T, text string) bool {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && strings.Contains(strings.ReplaceAll(string(b), "\x00", " "), text) {
			return true
		}
	}
	return false
}

func waitFor(t *testing.T, about string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Errorf("waited in vain: %s", about)
			return
		}
	}
}

// gitServer serves a repository with a Dockerfile and a file on 127.0.0.1, where the engine's own
// git fetches it.
func gitServer(t *testing.T) string {
	t.Helper()
	dir := write(t, t.TempDir(), map[string]string{"app/Dockerfile": "FROM python:3.11-slim\nCOPY from-git /\nRUN test -s /from-git && " + getIndex + "\n", "app/from-git": "yes"})
	for _, args := range [][]string{
		{"init", "-q", "-b", "main", dir}, {"-C", dir, "add", "."},
		{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@t.invalid", "commit", "-q", "-m", "first"},
	} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port) // always so for TCP
	_ = l.Close()
	daemon := exec.Command("git", "daemon", "--listen=127.0.0.1", "--port="+port, "--base-path="+dir, "--export-all", "--reuseaddr", dir)
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = daemon.Process.Kill(); _ = daemon.Wait() })
	waitFor(t, "the repository is served", func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return "git://127.0.0.1:" + port + "/.git#main:app"
}

func TestDockerBuild_FromAnAddress(t *testing.T) {
	e := open(t)
	address := gitServer(t)
	for name, b := range map[string]plan.Build{
		"its own Dockerfile":     {Context: address},
		"a Dockerfile from here": {Context: address, Inline: "FROM python:3.11-slim\n" + uncached() + "COPY from-git /mine\nRUN test -s /mine && " + getIndex + "\n"},
		"a context with a name":  {Contexts: map[string]string{"repo": address}, Inline: "FROM python:3.11-slim\nCOPY --from=repo from-git /mine\nRUN " + getIndex + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			b.CA = machineCA(t)
			_, events, err := buildImage(t, e, b)
			if err != nil {
				t.Fatalf("%v\n%+v", err, events)
			}
			for _, ev := range events {
				if w, ok := ev.(dev.Warning); ok {
					t.Errorf("%+v", w)
				}
			}
		})
	}
}

func TestDockerBuild_SSHAgentsTagsAndPull(t *testing.T) {
	e := open(t)
	socket := filepath.Join(t.TempDir(), "agent.sock")
	agent := exec.Command("ssh-agent", "-D", "-a", socket)
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = agent.Process.Kill(); _ = agent.Wait() })
	waitFor(t, "the agent listens", func() bool { _, err := os.Stat(socket); return err == nil })
	t.Setenv("SSH_AUTH_SOCK", socket)
	other := fmt.Sprintf("sdev-test:other-%d", time.Now().UnixNano())
	_, events, err := buildImage(t, e, plan.Build{SSH: []string{"default", "mine=" + socket}, Tags: []string{other}, Inline: "FROM python:3.11-slim\n" + uncached() +
		"RUN --mount=type=ssh --mount=type=ssh,id=mine,target=/mine test -S $SSH_AUTH_SOCK && test -S /mine\n"})
	if err != nil {
		t.Fatalf("%v\n%+v", err, events)
	}
	run(t, "image", "rm", other)
	t.Setenv("SSH_AUTH_SOCK", "")
	if _, _, err := buildImage(t, e, plan.Build{SSH: []string{"default"}, Inline: "FROM python:3.11-slim\n"}); err == nil || !strings.Contains(err.Error(), "build.ssh") {
		t.Errorf("without an agent: %v", err)
	}
	// The base exists only on this engine, so pulling a newer one fails.
	base := baseImage(t, "", "FROM python:3.11-slim\n"+uncached())
	for name, ca := range map[string][]byte{"alone": nil, "with the CA": machineCA(t)} {
		if _, _, err := buildImage(t, e, plan.Build{Pull: true, CA: ca, Inline: "FROM " + base + "\nRUN true\n"}); err == nil || dev.AsError(err).Code != dev.CodeImageMissing {
			t.Errorf("pull %s: %v", name, err)
		}
	}
}

func TestDockerBuild_TakesNoFilesOfAnotherProject(t *testing.T) {
	e := open(t)
	then := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC) // as a checkout may set it
	for _, content := range []string{"one", "two"} {
		dir := write(t, t.TempDir(), map[string]string{"file": content})
		if err := os.Chtimes(filepath.Join(dir, "file"), then, then); err != nil {
			t.Fatal(err)
		}
		tag, _, err := buildImage(t, e, plan.Build{Context: dir, Inline: "FROM python:3.11-slim\nCOPY . /\n"})
		if err != nil {
			t.Fatal(err)
		}
		if got := run(t, "run", "--rm", tag, "cat", "/file"); got != content {
			t.Errorf("the image has %q, and the project %q", got, content)
		}
	}
}
