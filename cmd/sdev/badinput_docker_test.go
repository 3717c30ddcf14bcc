//go:build docker

package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sdev/dev"
)

// failure runs a command that must fail and returns the error that it prints as JSON.
func (p *project) failure(args ...string) dev.Failed {
	p.t.Helper()
	out, errs, code := p.result(append(args, "--json")...)
	all := strings.Split(strings.TrimSpace(out), "\n")
	var last struct {
		Type string `json:"type"`
		dev.Failed
	}
	decode(p.t, all[len(all)-1], &last)
	if code == 0 || last.Type != "error" || last.Exit != code || errs != "" {
		p.t.Fatalf("sdev %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return last.Failed
}

// checkFailure checks code, exit code and text of a failure.
func (p *project) checkFailure(f dev.Failed, code dev.Code, exit int, parts ...string) {
	p.t.Helper()
	if f.Code != code || f.Exit != exit {
		p.t.Errorf("%+v, want %s and exit code %d", f, code, exit)
	}
	for _, part := range parts {
		if !strings.Contains(f.Message, part) {
			p.t.Errorf("message %q, want one with %q", f.Message, part)
		}
	}
	if f.Hint == "" {
		p.t.Errorf("%+v has no hint", f)
	}
	if left := p.remains(); left != "" {
		p.t.Errorf("left: %s", left)
	}
}

// warnings returns the warnings among a command's events.
func warnings(t *testing.T, out string) []dev.Warning {
	t.Helper()
	var found []dev.Warning
	for raw := range strings.Lines(out) {
		var s dev.Stamped
		decode(t, raw, &s)
		if w, ok := s.Event.(dev.Warning); ok && w.Code != dev.CodeAWSMissing {
			found = append(found, w)
		}
	}
	return found
}

// freePort is a port that nobody listens on now.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port // always so for tcp
}

func (p *project) wantsPort(port int) {
	p.replace("docker-compose.yml", "127.0.0.1:8501:8501", fmt.Sprintf("127.0.0.1:%d:8501", port))
}

func TestDockerPort_TakenByAProcessIsNamedAndMovedFrom(t *testing.T) {
	p := scaffolded(t)
	taken := freePort(t)
	holder, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(taken))
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	p.wantsPort(taken)
	p.checkFailure(p.failure("up", "-d", "--port", strconv.Itoa(taken)), dev.CodePortTaken, dev.ExitFailed, fmt.Sprintf("port %d is taken by process %d (", taken, os.Getpid()))

	out := p.run(0, "up", "-d", "--json")
	moved := warnings(t, out)
	if len(moved) != 1 || moved[0].Code != dev.CodePortMoved || !strings.Contains(moved[0].Message, fmt.Sprintf("port %d is taken by process %d (", taken, os.Getpid())) {
		t.Errorf("warnings %+v", moved)
	}
	url := p.url()
	if url == "http://localhost:"+strconv.Itoa(taken) || !p.answers(url) {
		t.Errorf("the page is at %s", url)
	}
	p.run(0, "down")
	if err := holder.Close(); err != nil {
		t.Fatal(err)
	}
	out = p.run(0, "up", "-d", "--json")
	if second := p.url(); second != url || len(warnings(t, out)) != 0 {
		t.Errorf("the page was at %s, is at %s\n%s", url, second, out)
	}
}

// url returns the address of the running project's page.
func (p *project) url() string {
	p.t.Helper()
	var s struct {
		URL string `json:"url"`
	}
	decode(p.t, p.run(0, "status", "--json"), &s)
	return s.URL
}

func TestDockerPort_TakenByAnotherProjectIsNamed(t *testing.T) {
	p, other := scaffolded(t), scaffolded(t)
	taken := freePort(t)
	other.up("--port", strconv.Itoa(taken))
	p.wantsPort(taken)
	owner := fmt.Sprintf("port %d is taken by container %s of project %s", taken, other.gateway(), other.name)
	if moved := warnings(t, p.run(0, "up", "-d", "--json")); len(moved) != 1 || !strings.Contains(moved[0].Message, owner) {
		t.Errorf("warnings %+v", moved)
	}
	p.run(0, "down")
	p.checkFailure(p.failure("up", "-d", "--port", strconv.Itoa(taken)), dev.CodePortTaken, dev.ExitFailed, owner)
}

func TestDockerBuild_FailuresNameTheirPlace(t *testing.T) {
	for name, c := range map[string]struct {
		dockerfile string
		code       dev.Code
		file       string
		line       int
		parts      []string
	}{
		"missing base image": {"FROM localhost:1/no/such:image AS dev\n", dev.CodeImageMissing, "", 0, []string{"localhost:1/no/such:image"}},
		"failing step":       {"FROM python:3.11-slim AS dev\nRUN echo first && echo second-line >&2 && exit 3\n", dev.CodeBuildFailed, "", 0, []string{"echo first", "\n  first", "\n  second-line"}},
		"unknown word":       {"FROM python:3.11-slim AS dev\n\nRUNN true\n", dev.CodeBuildFailed, "Dockerfile", 3, []string{"RUNN"}},
		"missing file":       {"FROM python:3.11-slim AS dev\nCOPY nowhere.txt /\n", dev.CodeBuildFailed, "", 0, []string{"COPY nowhere.txt"}},
		"missing target":     {"FROM python:3.11-slim AS production\n", dev.CodeBuildFailed, "", 0, []string{"dev"}},
		"empty":              {"", dev.CodeBuildFailed, "", 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := scaffolded(t)
			p.write("Dockerfile", c.dockerfile)
			f := p.failure("up", "-d")
			p.checkFailure(f, c.code, dev.ExitFailed, c.parts...)
			if f.File != c.file || f.Line != c.line {
				t.Errorf("place %s:%d, want %s:%d", f.File, f.Line, c.file, c.line)
			}
			t.Log(f.Message)
		})
	}
}

func TestDockerApp_ThatCannotRunLeavesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		settings string
		code     dev.Code
		exit     int
		parts    []string
	}{
		"ends at once":       {"command: [python, -c, 'print(\"starting\"); import nope']\n", dev.CodeAppExited, dev.ExitNotReady, []string{"exit code 1", "\n  starting", "ModuleNotFoundError: No module named 'nope'"}},
		"never answers":      {"command: [sleep, infinity]\n", dev.CodeAppNotReady, dev.ExitNotReady, []string{"within 3s"}},
		"no such program":    {"command: [no-such-program]\ninit: false\n", dev.CodeEngine, dev.ExitFailed, []string{"no-such-program"}},
		"no such user":       {"user: nobody-here\n", dev.CodeEngine, dev.ExitFailed, []string{"nobody-here"}},
		"no such entrypoint": {"entrypoint: [./missing.sh]\n", dev.CodeAppExited, dev.ExitNotReady, []string{"missing.sh"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := scaffolded(t)
			p.override(c.settings)
			f := p.failure("up", "-d", "--timeout", "3s")
			p.checkFailure(f, c.code, c.exit, c.parts...)
			t.Log(f.Message)
		})
	}
}

func TestDockerUp_InterruptedOnItsWayLeavesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		dockerfile, command string
		flags               []string
		begun               func(*testing.T, *project, *events)
	}{
		"while it builds":           {"FROM python:3.11-slim AS dev\nRUN sleep 60\n", "", nil, building},
		"while it builds, detached": {"FROM python:3.11-slim AS dev\nRUN sleep 61\n", "", []string{"-d"}, building},
		"while it starts":           {"", "command: [sleep, infinity]\n", nil, starting},
		"while it starts, detached": {"", "command: [sleep, infinity]\n", []string{"-d"}, starting},
	} {
		t.Run(name, func(t *testing.T) {
			p := scaffolded(t)
			if c.dockerfile != "" {
				p.write("Dockerfile", c.dockerfile)
			}
			if c.command != "" {
				p.override(c.command)
			}
			up := p.attend(c.flags...)
			c.begun(t, p, up)
			start := time.Now()
			send(t, up.cmd, syscall.SIGINT)
			code, _ := up.ended(t)
			if took := time.Since(start); code != dev.ExitInterrupted || took > 5*time.Second {
				t.Errorf("exit code %d after %s", code, took)
			}
			if left := p.remains(); left != "" {
				t.Errorf("left: %s", left)
			}
		})
	}
}

func TestDockerDown_NeedNotWaitForAnAppThatHangs(t *testing.T) {
	p := scaffolded(t)
	p.override("command: [sleep, infinity]\n")
	up := p.attend("-d")
	starting(t, p, up)
	start := time.Now()
	if p.run(0, "down"); time.Since(start) > 10*time.Second {
		t.Errorf("it took %s", time.Since(start))
	}
	if code, _ := up.ended(t); code != dev.ExitNotReady {
		t.Errorf("the up ends with exit code %d", code)
	}
	if left := p.remains(); left != "" {
		t.Errorf("left: %s", left)
	}
}

func building(t *testing.T, _ *project, up *events) {
	for s := awaitEvent[dev.BuildStep](t, up); !strings.Contains(s.Text, "RUN sleep"); {
		s = awaitEvent[dev.BuildStep](t, up)
	}
}

func starting(t *testing.T, p *project, _ *events) {
	await(t, "the app runs", func() bool {
		return strings.Contains(docker(t, "ps", "--filter", "name="+p.app(), "--format", "{{.Status}}"), "Up")
	}, func() string { return fmt.Sprint(p.ids()) })
}

func TestDockerCompose_BrokenWhileItRunsIsReportedUntilItIsFixed(t *testing.T) {
	p := scaffolded(t)
	up := p.attend()
	url := awaitEvent[dev.Ready](t, up).URL
	original, err := os.ReadFile(filepath.Join(p.dir, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	ids := p.ids()
	p.replace("docker-compose.yml", "    init: true\n", "    init: [true\n")
	w := awaitEvent[dev.Warning](t, up)
	if w.Code != dev.CodeComposeSyntax || !strings.HasPrefix(w.Message, "docker-compose.yml:") {
		t.Errorf("warning %+v", w)
	}
	p.write("docker-compose.yml", strings.Replace(string(original), "    init: true\n", "    init: true\n    umask: 18\n", 1))
	if w = awaitEvent[dev.Warning](t, up); w.Code != dev.CodeComposeKey || !strings.Contains(w.Message, "umask") || !strings.HasPrefix(w.Message, "docker-compose.yml:") {
		t.Errorf("warning %+v", w)
	}
	if fmt.Sprint(p.ids()) != fmt.Sprint(ids) || !p.answers(url) {
		t.Errorf("containers %v, were %v", p.ids(), ids)
	}
	p.write("docker-compose.yml", strings.Replace(string(original), "    init: true\n", "    init: true\n    environment: {MENDED: yes-it-is}\n", 1))
	awaitEvent[dev.Ready](t, up)
	if got := p.inside("echo $MENDED"); got != "yes-it-is" || !p.answers(url) {
		t.Errorf("after it was fixed: %q", got)
	}
	if p.ids()["sdev-gateway"] != ids["sdev-gateway"] {
		t.Error("the gateway was replaced for a variable of the app's")
	}
	// A file that is created later counts as well.
	p.override("environment: {MENDED: by-the-override}\n")
	awaitEvent[dev.Ready](t, up)
	if got := p.inside("echo $MENDED"); got != "by-the-override" {
		t.Errorf("after an override: %q", got)
	}
}

func TestDockerDirectory_OfAnyKind(t *testing.T) {
	t.Run("behind a link", func(t *testing.T) {
		p := scaffolded(t)
		link := filepath.Join(t.TempDir(), "link")
		if err := os.Symlink(p.dir, link); err != nil {
			t.Fatal(err)
		}
		p.run(0, "-C", link, "up", "-d")
		ids := p.ids()
		follow := p.follow()
		p.write("code_package/streamlit/Home.py", "import streamlit as st\nst.title('behind a link')\n")
		awaitEvent[dev.FileChanged](t, follow)
		p.up()
		if fmt.Sprint(p.ids()) != fmt.Sprint(ids) {
			t.Errorf("the same directory by its other name: containers %v, were %v", p.ids(), ids)
		}
	})
	t.Run("with spaces and capitals", func(t *testing.T) {
		p := scaffolded(t)
		odd := filepath.Join(t.TempDir(), "My Shop (v2) $HOME: ü")
		if err := os.Rename(p.dir, odd); err != nil {
			t.Fatal(err)
		}
		p.dir = odd
		p.guardDir()
		// Only the directory's name names the project.
		p.replace("docker-compose.yml", `name: "`+p.name+`"`, "")
		p.name = "myshopv2home"
		ready := p.up()
		if !p.answers(ready.URL) {
			t.Errorf("page: %s", p.body(ready.URL))
		}
		if len(p.ids()) != 2 {
			t.Errorf("containers %v", p.ids())
		}
		follow := p.follow()
		p.write("code_package/streamlit/Home.py", "import streamlit as st\nst.title('odd')\n")
		awaitEvent[dev.FileChanged](t, follow)
	})
	t.Run("read-only", func(t *testing.T) {
		p := scaffolded(t)
		p.asUser(1234, 1234)
		if err := os.Chown(p.dir, 0, 0); err != nil {
			t.Fatal(err)
		}
		p.guardDir()
		p.checkFailure(p.failure("up", "-d"), dev.CodeProjectInvalid, dev.ExitProject, ".sdev")
		p.wrap = nil // so that what ran can be taken down
	})
}
