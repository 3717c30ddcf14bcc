package cli

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sdev/cmd/internal/console"
	"sdev/dev/devtest"
	"sdev/dev/plan"
	"sdev/dev/sidecar"
)

// TestTranscripts runs the transcripts in testdata/transcripts: command lines as a user types them, on a container
// engine in memory (see [world]). So they need no engine and are fast. In addition to testscript's own commands there
// are
//
//	sdev ARGS…         runs a command line, which must succeed; "! sdev" must fail
//	exits CODE ARGS…   runs one, which must end with that exit code
//	begin ARGS…        runs one in the background
//	await TEXT         waits until the background command has printed a text
//	interrupt          interrupts it and waits for its end; stdout and stderr then match its output
//	finish             does the same without interrupting it
//	busy               keeps the page from answering
//	ends SERVICE CODE  lets a service's container end by itself
//	route HOW          sets how containers reach this machine: gateway or name
//	prints SERVICE …   lets a service print a line
//	foreign NAME SERVICE   makes a project that "docker compose" created
//	remains NAME       checks that a project has a container
func TestTranscripts(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", home+"/cache")
	testscript.Run(t, testscript.Params{
		Dir: "testdata/transcripts",
		Setup: func(env *testscript.Env) error {
			s := &transcript{world: newWorld()}
			env.Values[scriptKey{}] = s
			env.Defer(s.end)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"sdev": func(ts *testscript.TestScript, neg bool, args []string) {
				if code := scriptOf(ts).run(ts, args); (code != 0) != neg {
					ts.Fatalf("exit code %d", code)
				}
			},
			"exits": func(ts *testscript.TestScript, _ bool, args []string) {
				if code := scriptOf(ts).run(ts, args[1:]); strconv.Itoa(code) != args[0] {
					ts.Fatalf("exit code %d, want %s", code, args[0])
				}
			},
			"begin": func(ts *testscript.TestScript, _ bool, args []string) { scriptOf(ts).begin(ts, args) },
			"await": func(ts *testscript.TestScript, _ bool, args []string) {
				scriptOf(ts).await(ts, strings.Join(args, " "))
			},
			"interrupt": func(ts *testscript.TestScript, _ bool, _ []string) { scriptOf(ts).stop(); scriptOf(ts).finish(ts) },
			"finish":    func(ts *testscript.TestScript, _ bool, _ []string) { scriptOf(ts).finish(ts) },
			"busy":      func(ts *testscript.TestScript, _ bool, _ []string) { scriptOf(ts).world.busy.Store(true) },
			"route": func(ts *testscript.TestScript, _ bool, args []string) {
				scriptOf(ts).world.route = map[string]plan.HostRoute{"gateway": plan.RouteByGateway, "name": plan.RouteByName}[args[0]]
			},
			"ends": func(ts *testscript.TestScript, _ bool, args []string) {
				code, err := strconv.Atoi(args[1])
				ts.Check(err)
				scriptOf(ts).awaitRunning(ts, args[0])
				scriptOf(ts).world.End(args[0], code)
			},
			"foreign": func(ts *testscript.TestScript, _ bool, args []string) {
				scriptOf(ts).world.Foreign(plan.Labels{Project: args[0], Dir: ts.MkAbs(args[0])}, args[1])
			},
			"remains": func(ts *testscript.TestScript, _ bool, args []string) {
				have, err := scriptOf(ts).world.Observe(context.Background(), args[0], nil)
				ts.Check(err)
				if len(have.Containers) == 0 {
					ts.Fatalf("nothing is left of %s", args[0])
				}
			},
			"prints": func(ts *testscript.TestScript, _ bool, args []string) {
				scriptOf(ts).awaitRunning(ts, args[0])
				scriptOf(ts).world.Print(args[0], "stdout", strings.Join(args[1:], " "))
			},
		},
	})
}

type scriptKey struct{}

func scriptOf(ts *testscript.TestScript) *transcript { return ts.Value(scriptKey{}).(*transcript) }

// transcript is the engine of one script, and the command that it runs in the background.
type transcript struct {
	world *world

	out, errs safeBuffer // of the background command
	stop      context.CancelFunc
	ended     chan int
}

// streams returns the streams of a user without a terminal.
func (s *transcript) streams(ts *testscript.TestScript, out, errs io.Writer) console.Streams {
	env := map[string]string{}
	for _, name := range []string{"HOME", "PATH", "AWS_PROFILE"} {
		if value := ts.Getenv(name); value != "" {
			env[name] = value
		}
	}
	streams, _, _ := console.Buffers(env)
	streams.Out, streams.Err, streams.OpenEngine = out, errs, s.world.open
	streams.Gateway = func(string) (sidecar.Program, error) { return sidecar.Program{Ref: "sdev-gateway:test"}, nil }
	return streams
}

func (s *transcript) run(ts *testscript.TestScript, args []string) int {
	return Main(context.Background(), context.Background(), s.streams(ts, ts.Stdout(), ts.Stderr()), append([]string{"-C", ts.MkAbs(".")}, args...))
}

func (s *transcript) begin(ts *testscript.TestScript, args []string) {
	ctx, stop := context.WithCancel(context.Background())
	s.stop, s.ended = stop, make(chan int, 1)
	s.out.reset()
	s.errs.reset()
	streams := s.streams(ts, &s.out, &s.errs)
	line := append([]string{"-C", ts.MkAbs(".")}, args...)
	go func() { s.ended <- Main(ctx, context.Background(), streams, line) }()
}

func (s *transcript) await(ts *testscript.TestScript, text string) {
	if !eventually(func() bool { return strings.Contains(s.out.text()+s.errs.text(), text) }) {
		ts.Fatalf("no %q in\n%s%s", text, s.out.text(), s.errs.text())
	}
}

// awaitRunning waits until a service of the project runs. The printed plan is no proof of that, because it comes before
// the operations.
func (s *transcript) awaitRunning(ts *testscript.TestScript, service string) {
	runs := func() bool {
		have, err := s.world.Observe(context.Background(), "shop", nil)
		ts.Check(err)
		return slices.ContainsFunc(have.Containers, func(c plan.Container) bool { return c.Service == service && c.Running })
	}
	if !eventually(runs) {
		ts.Fatalf("service %s does not run", service)
	}
}

// eventually reports whether something becomes true in time.
func eventually(ok func() bool) bool {
	retry := time.NewTicker(5 * time.Millisecond)
	defer retry.Stop()
	late := time.NewTimer(devtest.Patience)
	defer late.Stop()
	for !ok() {
		select {
		case <-retry.C:
		case <-late.C:
			return false
		}
	}
	return true
}

func (s *transcript) finish(ts *testscript.TestScript) {
	code := <-s.ended
	s.stop = nil
	_, _ = io.WriteString(ts.Stdout(), s.out.text())
	_, _ = io.WriteString(ts.Stderr(), s.errs.text()+"exit code "+strconv.Itoa(code)+"\n")
}

// end ends the background command after a script, even after a failed one.
func (s *transcript) end() {
	if s.stop != nil {
		s.stop()
		<-s.ended
	}
	s.world.end()
}

// safeBuffer is a buffer that a command writes while the script reads it.
type safeBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func (s *safeBuffer) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b.Reset()
}
