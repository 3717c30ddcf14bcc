//go:build unix

package process_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/plan"
)

// isAlive reports whether a process exists and is no zombie that only its parent has not reaped yet.
func isAlive(pid int) bool { return syscall.Kill(pid, 0) == nil && !isZombie(pid) }

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// gone waits until none of the processes exists any more.
func (w *world) gone(pids ...int) {
	w.Helper()
	devtest.Eventually(w, func() []int {
		return slices.DeleteFunc(slices.Clone(pids), func(pid int) bool { return !isAlive(pid) })
	}, func(alive []int) bool { return len(alive) == 0 })
}

func TestKilled_AnAppIsReportedWithTheExitCodeOfDocker(t *testing.T) {
	w := newWorld(t)
	w.run(stubborn())
	all := w.processes()
	kill(t, all[0])
	if got := w.ended(); got.ExitCode != 137 {
		t.Errorf("exit code %d, want 137", got.ExitCode)
	}
	w.gone(all...)
}

func TestKilled_AKeeperTakesItsProcessesAlong(t *testing.T) {
	w := newWorld(t)
	w.run(stubborn())
	all := w.processes()
	kill(t, w.keeperOf(w.one()))
	w.gone(all[:2]...) // without anybody looking
	if got := w.ended(); got.ExitCode != 137 {
		t.Errorf("exit code %d, want 137", got.ExitCode)
	}
	w.gone(all...) // and the daemon, once somebody has looked
	w.do(w.operation(plan.Start, stubborn()))
	if got := w.one(); !got.Running {
		t.Errorf("after another start: %+v", got)
	}
}

func TestKilled_AKeeperIsReportedToThoseWhoFollow(t *testing.T) {
	w := newWorld(t)
	w.run(stubborn())
	w.processes()
	events := w.follow()
	kill(t, w.keeperOf(w.one()))
	devtest.Await(t, events, func(ev dev.Event) bool {
		return ev == dev.ServiceState{Service: "app", State: dev.Exited, ExitCode: 137}
	})
}

func TestKilled_AnAttachedSdevTakesItsProcessesAlong(t *testing.T) {
	w := newWorld(t)
	other := w.sdev(true, false, stubborn())
	all := w.processes()
	kill(t, other.Process.Pid)
	w.ended()
	w.gone(all...)
}

func TestKilled_ADetachedSdevLeavesItsProcesses(t *testing.T) {
	for name, attached := range map[string]bool{"never attached": false, "attached, and then detached": true} {
		w := newWorld(t)
		other := w.sdev(attached, attached, service(`
import signal, sys
signal.signal(signal.SIGUSR1, lambda *_: print("alive", flush=True))
print("ready", flush=True)
while True: signal.pause()
`))
		w.printed(1)
		kill(t, other.Process.Pid)
		_ = other.Wait()
		// The end of a lifeline would reach the keeper at once; the answer shows that the process is still there.
		c := w.one()
		if !c.Running {
			t.Errorf("%s: %+v", name, c)
		}
		if code, err := w.Runtime.Run(t.Context(), plan.Exec{Container: c.ID, Command: []string{"python", "-c", "pass"}}); code != 0 || err != nil {
			t.Errorf("%s: a command in it: %d, %v", name, code, err)
		}
	}
}

// A second sdev, such as "sdev rebuild" in another terminal, ends before the first, which is attached.
func TestKilled_TheLastAttachedSdevDecides(t *testing.T) {
	w := newWorld(t)
	first := w.sdev(true, false, stubborn())
	w.processes()
	w.do(plan.Operation{Verb: plan.Remove, Kind: plan.ServiceContainer, ID: w.one().ID})
	second := w.sdev(false, false, stubborn())
	all := w.processes()
	kill(t, second.Process.Pid)
	_ = second.Wait()
	if c := w.one(); !c.Running {
		t.Errorf("after the end of the second: %+v", c)
	}
	kill(t, first.Process.Pid)
	w.ended()
	w.gone(all...)
}

func TestStop_ReachesTheWholeGroup(t *testing.T) {
	w := newWorld(t)
	w.run(service(`
import os, signal, sys
child = os.fork()
name = "parent" if child else "child"
def stop(*_):
    print(name, "stops", flush=True)
    sys.exit(3)
signal.signal(signal.SIGTERM, stop)
print(name, "waits", flush=True)
if child: os.waitpid(child, 0)
while True: signal.pause()
`))
	w.printed(2)
	w.do(w.operation(plan.Restart, service("")))
	lines := w.printed(6)
	for _, want := range []string{"parent stops", "child stops"} {
		if !slices.Contains(lines, want) {
			t.Errorf("printed %q, without %q", lines, want)
		}
	}
}

// follow records the events of the project from now on.
func (w *world) follow() *devtest.Recorder {
	w.Helper()
	events := &devtest.Recorder{}
	ctx, cancel := context.WithCancel(w.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Follow(ctx, plan.Follow{Project: w.labels.Project, Stay: true}, events.Emit) }()
	w.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			w.Error(err)
		}
	})
	return events
}

// stubborn returns a service that runs family. It is killed soon after the request to stop.
func stubborn() plan.Service {
	s := service(family)
	soon := types.Duration(10 * time.Millisecond)
	s.Config.StopGracePeriod = &soon
	return s
}

// family is a program with a child in its group and a daemon that has left it. It prints the numbers of all three, and
// ignores requests to stop.
const family = `
import os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child:
    read, write = os.pipe()
    daemon = os.fork()
    if daemon == 0:
        os.setsid()
        os.write(write, b"x")
    else:
        os.read(read, 1)
        print(os.getpid(), child, daemon, flush=True)
while True: signal.pause()
`

// processes returns the numbers that the container has printed.
func (w *world) processes() []int {
	w.Helper()
	var out []int
	for field := range strings.FieldsSeq(w.printed(1)[0]) {
		var pid int
		if _, err := fmt.Sscan(field, &pid); err != nil {
			w.Fatal(err)
		}
		out = append(out, pid)
	}
	return out
}

// keeperOf returns the number of the process that keeps a container.
func (w *world) keeperOf(c plan.Container) int {
	w.Helper()
	b, err := os.ReadFile(filepath.Join(w.options.State, "containers", c.ID, "keeper.json"))
	if err != nil {
		w.Fatal(err)
	}
	var k struct{ PID int }
	if err := json.Unmarshal(b, &k); err != nil {
		w.Fatal(err)
	}
	return k.PID
}

// sdev starts another sdev that creates and starts a service, and returns once the service runs.
func (w *world) sdev(attached, detach bool, s plan.Service) *exec.Cmd {
	w.Helper()
	var o order
	o.Options.State, o.Options.Cache, o.Options.Keeper, o.Options.Attached = w.options.State, w.options.Cache, w.options.Keeper, attached
	o.Labels, o.Detach, o.Command, o.Grace = w.labels, detach, s.Config.Command, *s.Config.StopGracePeriod
	text, err := json.Marshal(o)
	if err != nil {
		w.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(w.Context()), w.options.Keeper[0], asSdev, string(text))
	in, err := cmd.StdinPipe()
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.Fatal(err)
	}
	line := make([]byte, 1000)
	n, _ := out.Read(line)
	if got := string(bytes.TrimSpace(line[:n])); got != "done" {
		w.Fatalf("the other sdev says %q", got)
	}
	return cmd
}
