//go:build docker

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/devtest"
)

// The tests with the tag docker run the built program, as a user does, on a real engine. They need the engine that
// .ci/engine sets up, and fail without it.

// project is a project of a test's own.
type project struct {
	t     testing.TB
	dir   string
	name  string
	home  string
	env   []string      // added to the test's own environment
	wrap  []string      // a command that starts sdev, such as unshare
	flags []string      // flags of every command
	tree  *devtest.Tree // checks that only the test changes the directory; nil without a check
}

// scaffolded creates a project with "sdev init", and removes its containers at the end of the test.
func scaffolded(t testing.TB, flags ...string) *project {
	t.Helper()
	name := fmt.Sprintf("t%d-%x", os.Getpid(), time.Now().UnixNano()&0xffffff)
	p := &project{t: t, dir: filepath.Join(t.TempDir(), name), name: name, home: t.TempDir()}
	if err := os.Mkdir(p.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p.run(0, append([]string{"init", "--yes", "--no-git"}, flags...)...)
	p.guardDir()
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := exec.Command("docker", "ps", "-a", "--filter", "label=com.docker.compose.project="+name).CombinedOutput()
			t.Logf("containers:\n%s", out)
			logs := p.command("logs")
			text, _ := logs.CombinedOutput()
			t.Logf("logs:\n%s", text)
		}
		p.run(0, "down", "--volumes")
		_ = exec.Command("docker", "image", "rm", p.name+"-streamlit-local").Run() // it may never have been built
	})
	return p
}

func (p *project) write(path, content string) {
	p.t.Helper()
	full := filepath.Join(p.dir, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		p.t.Fatal(err)
	}
	// Through another file that is renamed, as editors save.
	if err := os.WriteFile(full+".tmp~", []byte(content), 0o644); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(full+".tmp~", full); err != nil {
		p.t.Fatal(err)
	}
	p.accept(path)
}

// guardDir makes every later command check that only the test has changed the project's directory. Benchmarks write
// without it.
func (p *project) guardDir() {
	p.t.Helper()
	if _, test := p.t.(*testing.T); test {
		p.tree = devtest.KeepTree(p.t, p.dir)
	}
}

// within makes failures those of a subtest, until it ends.
func (p *project) within(t testing.TB) {
	t.Helper()
	whole := p.t
	p.t = t
	t.Cleanup(func() { p.t = whole })
}

// accept records changes that the test itself made to paths of the project.
func (p *project) accept(paths ...string) {
	p.t.Helper()
	if p.tree != nil {
		p.tree.Own(paths...)
	}
}

// checkDir checks that a command did not change the project's directory. Commands whose purpose is to write are exempt.
func (p *project) checkDir(args []string) {
	p.t.Helper()
	writes := slices.ContainsFunc(args, func(a string) bool { return slices.Contains([]string{"init", "deploy", "users"}, a) })
	switch {
	case p.tree == nil:
	case writes:
		p.tree.Renew()
	default:
		p.tree.Check("sdev " + strings.Join(args, " "))
	}
}

func (p *project) command(args ...string) *exec.Cmd {
	line := slices.Concat(p.wrap, []string{os.Getenv(programVariable)}, p.flags, args)
	cmd := exec.Command(line[0], line[1:]...) // the program under test
	cmd.Dir = p.dir
	// make exports the date of the program under test; images that it builds must have their own.
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=", "HOME="+p.home, "XDG_CACHE_HOME="+filepath.Join(os.TempDir(), "sdev-test-cache"))
	cmd.Env = append(cmd.Env, p.env...)
	return cmd
}

// run runs a command that must end with an exit code, and returns its standard output.
func (p *project) run(code int, args ...string) string {
	p.t.Helper()
	out, errs, got := p.result(args...)
	if got != code {
		p.t.Fatalf("sdev %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, out, errs)
	}
	return out
}

func (p *project) result(args ...string) (stdout, stderr string, code int) {
	p.t.Helper()
	var out, errs bytes.Buffer
	cmd := p.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil && cmd.ProcessState == nil {
		p.t.Fatal(err)
	}
	p.checkDir(args)
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// override adds settings to the app's service, in a file that Compose reads in addition to the project's.
func (p *project) override(settings string) {
	p.t.Helper()
	p.write("docker-compose.override.yml", "services:\n  streamlit-local:\n"+indent(settings, "    "))
}

func indent(text, by string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(by + line)
	}
	return b.String()
}

// ids returns the ids of the project's containers by name, including those that have ended.
func (p *project) ids() map[string]string {
	p.t.Helper()
	out := map[string]string{}
	for line := range strings.Lines(docker(p.t, "ps", "-a", "--no-trunc", "--filter", "label=com.docker.compose.project="+p.name, "--format", "{{.Names}} {{.ID}}")) {
		name, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "" {
			out[strings.TrimSuffix(strings.TrimPrefix(name, p.name+"-"), "-1")] = id
		}
	}
	return out
}

// remains lists the project's containers, networks and volumes on the engine, without the bytecode that the next start
// uses; "" if there are none.
func (p *project) remains() string {
	p.t.Helper()
	label := "label=com.docker.compose.project=" + p.name
	return docker(p.t, "ps", "-aq", "--filter", label) + docker(p.t, "network", "ls", "-q", "--filter", label) + strings.Join(p.volumes(), "\n")
}

// volumes lists the names of the project's volumes on the engine, without the one for bytecode.
func (p *project) volumes() []string {
	p.t.Helper()
	all := strings.Fields(docker(p.t, "volume", "ls", "-q", "--filter", "label=com.docker.compose.project="+p.name))
	return slices.DeleteFunc(all, func(name string) bool { return name == p.bytecode() })
}

// bytecode is the name of the volume that holds the bytecode of packages.
func (p *project) bytecode() string { return p.name + "_sdev-bytecode" }

// app is the name of the app's container.
func (p *project) app() string { return p.name + "-streamlit-local-1" }

// gateway is the name of the gateway's container.
func (p *project) gateway() string { return p.name + "-sdev-gateway-1" }

// up starts the project in the background and returns its last event, which must be ready.
func (p *project) up(flags ...string) dev.Ready {
	p.t.Helper()
	out := p.run(0, append([]string{"up", "--local", "-d", "--json"}, flags...)...)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var last dev.Stamped
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		p.t.Fatalf("last line of up: %v\n%s", err, out)
	}
	ready, ok := last.Event.(dev.Ready)
	if !ok {
		p.t.Fatalf("last event of up is %T\n%s", last.Event, out)
	}
	return ready
}

// events is a running command that prints events.
type events struct {
	cmd   *exec.Cmd
	lines chan dev.Stamped
	seen  []dev.Stamped
}

func (p *project) follow() *events { return p.stream("logs", "-f", "--json") }

// attend starts "sdev up" and streams its events. It interrupts the command at the end of the test.
func (p *project) attend(flags ...string) *events {
	return p.stream(append([]string{"up", "--local", "--json"}, flags...)...)
}

func (p *project) stream(args ...string) *events {
	p.t.Helper()
	cmd := p.command(args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	e := &events{cmd: cmd, lines: make(chan dev.Stamped, 4096)}
	go e.read(out)
	p.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT) // it may have ended already
		for range e.lines {                    // an app that writes without end fills the pipe, on which the program waits
		}
		_ = cmd.Wait()
	})
	return e
}

func (e *events) read(out io.Reader) {
	defer close(e.lines)
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var s dev.Stamped
		if json.Unmarshal(scanner.Bytes(), &s) == nil {
			e.lines <- s
		}
	}
}

// awaitEvent waits for the next event of a type, and skips the events before it.
func awaitEvent[E dev.Event](t testing.TB, e *events) E {
	t.Helper()
	var want E
	ctx, cancel := context.WithTimeout(t.Context(), devtest.Patience)
	defer cancel()
	for {
		select {
		case s, ok := <-e.lines:
			if !ok {
				t.Fatalf("the stream ended before a %s; seen last:\n%s", want.Type(), e.recent())
			}
			e.seen = append(e.seen, s)
			if got, ok := s.Event.(E); ok {
				return got
			}
		case <-ctx.Done():
			t.Fatalf("no %s; seen last:\n%s", want.Type(), e.recent())
		}
	}
}

// recent returns the last events, for a failure message.
func (e *events) recent() string {
	var b strings.Builder
	for _, s := range e.seen[max(0, len(e.seen)-20):] {
		fmt.Fprintf(&b, "  %d %T %+v\n", s.Seq, s.Event, s.Event)
	}
	return b.String()
}

// await polls for a state about which there is no event.
func await(t testing.TB, about string, ok func() bool, state func() string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(devtest.Patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited %s in vain: %s\n%s", devtest.Patience, about, state())
		}
	}
}

func docker(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}
