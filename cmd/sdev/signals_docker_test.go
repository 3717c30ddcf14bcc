//go:build docker

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"sdev/dev"
)

// ended waits for a command and returns its exit code and how long it took to end.
func (e *events) ended(t *testing.T) (code int, took time.Duration) {
	t.Helper()
	start := time.Now()
	for range e.lines { // until the stream ends
	}
	err := e.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), time.Since(start)
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, time.Since(start)
}

// rest returns the rest of a stream.
func (e *events) rest() []dev.Stamped {
	for s := range e.lines {
		e.seen = append(e.seen, s)
	}
	return e.seen
}

func TestDockerUp_ASignalStopsAndRemovesEverything(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			p := scaffolded(t)
			up := p.attend()
			awaitEvent[dev.Ready](t, up)
			start := time.Now()
			send(t, up.cmd, sig)
			seen := up.rest()
			code, _ := up.ended(t)
			took := time.Since(start)
			if code != dev.ExitInterrupted {
				t.Errorf("exit code %d", code)
			}
			if last, ok := seen[len(seen)-1].Event.(dev.Stopped); !ok || last.MS <= 0 {
				t.Errorf("last event %+v", seen[len(seen)-1])
			}
			if left := p.remains(); left != "" {
				t.Errorf("left: %s", left)
			}
			if took > 5*time.Second {
				t.Errorf("took %s", took)
			}
			t.Logf("stopped after %s", took)
		})
	}
}

func send(t *testing.T, cmd *exec.Cmd, sig os.Signal) {
	t.Helper()
	if err := cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// stubborn is an app that ignores SIGTERM, with a grace period of half a minute.
const stubborn = `stop_grace_period: 30s
command:
  - sh
  - -c
  - trap '' TERM; streamlit run code_package/streamlit/Home.py & while :; do sleep 1; done
`

func TestDockerUp_ASecondSignalKillsAndAThirdLeaves(t *testing.T) {
	for name, signals := range map[string][]syscall.Signal{
		"second": {syscall.SIGINT},
		// Different signals, because equal pending ones are delivered only once.
		"third": {syscall.SIGINT, syscall.SIGTERM},
	} {
		t.Run(name, func(t *testing.T) {
			p := scaffolded(t)
			p.override(stubborn)
			up := p.attend()
			awaitEvent[dev.Ready](t, up)
			send(t, up.cmd, syscall.SIGINT)
			// The gateway is gone soon: then the first signal has arrived, and the app is being stopped.
			await(t, "the gateway is gone", func() bool { return p.ids()["sdev-gateway"] == "" }, func() string { return fmt.Sprint(p.ids()) })
			if p.ids()["streamlit-local"] == "" {
				t.Fatal("the app was not stubborn")
			}
			start := time.Now()
			for _, sig := range signals {
				send(t, up.cmd, sig)
			}
			code, _ := up.ended(t)
			if took := time.Since(start); code != dev.ExitInterrupted || took > 5*time.Second {
				t.Errorf("exit code %d after %s", code, took)
			}
			if left := p.remains(); len(signals) == 1 && left != "" {
				t.Errorf("left: %s", left)
			}
			p.kill("streamlit-local") // it still runs, and would take half a minute to stop
		})
	}
}

// kill removes a service's container, if it still exists.
func (p *project) kill(service string) {
	p.t.Helper()
	if id := p.ids()[service]; id != "" {
		_ = exec.Command("docker", "rm", "-f", id).Run() // it may be gone by now
	}
}

func TestDockerUp_AKilledOneIsAdoptedByTheNext(t *testing.T) {
	p := scaffolded(t)
	up := p.attend()
	url := awaitEvent[dev.Ready](t, up).URL
	ids := p.ids()
	send(t, up.cmd, syscall.SIGKILL)
	up.rest()
	if ready := p.up(); ready.URL != url || !maps.Equal(ids, p.ids()) {
		t.Errorf("containers %v, were %v", p.ids(), ids)
	}
	again := p.attend()
	awaitEvent[dev.Ready](t, again)
	if !maps.Equal(ids, p.ids()) {
		t.Errorf("containers %v, were %v", p.ids(), ids)
	}
	p.write("code_package/streamlit/Home.py", "import streamlit as st\nst.title('adopted')\n")
	awaitEvent[dev.FileChanged](t, again)
	send(t, again.cmd, syscall.SIGINT)
	again.rest()
	if left := p.remains(); left != "" {
		t.Errorf("left: %s", left)
	}
}

func TestDockerUp_TwoAtOnceMakeOneSetOfContainers(t *testing.T) {
	p := scaffolded(t)
	results := make(chan string, 2)
	for range cap(results) {
		go func() {
			out, errs, code := p.result("up", "-d", "--json")
			results <- fmt.Sprintf("exit code %d\n%s%s", code, out, errs)
		}()
	}
	for range cap(results) {
		if r := <-results; !strings.HasPrefix(r, "exit code 0\n") || !strings.Contains(r, `"type":"ready"`) {
			t.Error(r)
		}
	}
	if ids := p.ids(); len(ids) != 2 {
		t.Errorf("containers %v", ids)
	}
}

func TestDockerUp_ADownFromElsewhereEndsIt(t *testing.T) {
	p := scaffolded(t)
	up := p.attend()
	awaitEvent[dev.Ready](t, up)
	p.run(0, "down")
	seen := up.rest()
	if _, ok := seen[len(seen)-1].Event.(dev.Stopped); !ok {
		t.Errorf("last event %+v", seen[len(seen)-1])
	}
	if code, _ := up.ended(t); code != dev.ExitOK {
		t.Errorf("exit code %d", code)
	}
	if left := p.remains(); left != "" {
		t.Errorf("left: %s", left)
	}
}

func TestDockerUp_RepairsChangesMadeByHand(t *testing.T) {
	p := scaffolded(t)
	up := p.attend()
	url := awaitEvent[dev.Ready](t, up).URL
	started := func(name string) string { return docker(t, "inspect", "--format", "{{.State.StartedAt}}", name) }

	before := started(p.app())
	docker(t, "restart", p.gateway())
	awaitEvent[dev.Ready](t, up)
	if started(p.app()) == before || !p.answers(url) {
		t.Errorf("after a restart of the gateway: %.200s", p.body(url))
	}

	docker(t, "kill", p.app())
	awaitState(t, up, "streamlit-local", dev.Exited)
	p.write("code_package/streamlit/Home.py", "import streamlit as st\nst.title('after the crash')\n")
	awaitEvent[dev.Ready](t, up)
	if !p.answers(url) {
		t.Errorf("after a crash and a save: %.200s", p.body(url))
	}

	docker(t, "rm", "-f", p.app())
	awaitState(t, up, "streamlit-local", dev.Removed)
	p.write("code_package/streamlit/Home.py", "import streamlit as st\nst.title('after the removal')\n")
	awaitEvent[dev.Ready](t, up)
	if !p.answers(url) {
		t.Errorf("after a removal and a save: %.200s", p.body(url))
	}

	docker(t, "rm", "-f", p.gateway())
	awaitEvent[dev.Ready](t, up)
	if !p.answers(url) {
		t.Errorf("after a removal of the gateway: %.200s", p.body(url))
	}
	send(t, up.cmd, syscall.SIGINT)
	told := map[string]int{}
	for _, s := range up.rest() {
		if l, ok := s.Event.(dev.LogLine); ok && l.Text != "" {
			told[fmt.Sprint(s.Time, l)]++
		}
	}
	for l, times := range told {
		if times > 1 {
			t.Errorf("told %d times: %s", times, l)
		}
	}
	if left := p.remains(); left != "" {
		t.Errorf("left: %s", left)
	}
}

// awaitState waits until a service gets into a state.
func awaitState(t *testing.T, e *events, service string, want dev.State) {
	t.Helper()
	for s := awaitEvent[dev.ServiceState](t, e); s.Service != service || s.State != want; {
		s = awaitEvent[dev.ServiceState](t, e)
	}
}

// A closed terminal ends its programs with SIGHUP, and they can no longer write to it.
func TestDockerUp_AClosedTerminalStopsEverything(t *testing.T) {
	p := scaffolded(t)
	cmd := p.command("up", "--plain")
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	shown := bufio.NewScanner(terminal)
	for shown.Scan() && !strings.Contains(shown.Text(), "http://localhost:") {
	}
	if len(p.ids()) != 2 {
		t.Fatalf("runs: %v; shown last: %q", p.ids(), shown.Text())
	}
	if err := terminal.Close(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code does not matter
	if left := p.remains(); left != "" {
		t.Errorf("left: %s", left)
	}
}

// As in "sdev up | head -1": the reader exits first.
func TestDockerUp_AClosedPipeStopsEverything(t *testing.T) {
	p := scaffolded(t)
	cmd := p.command("up", "--json")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := bufio.NewScanner(out)
	for read.Scan() && !strings.Contains(read.Text(), `"type":"ready"`) {
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	p.write("code_package/streamlit/Home.py", "import streamlit as st\nst.title('something to tell')\n")
	err = cmd.Wait()
	if left := p.remains(); left != "" {
		t.Errorf("left: %s\n%v", left, err)
	}
	if errs.Len() != 0 {
		t.Errorf("it complains: %s", errs.String())
	}
}
