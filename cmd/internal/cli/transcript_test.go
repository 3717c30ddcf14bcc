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
)

// TestTranscripts runs the transcripts of testdata/transcripts: command lines as a user types them, on a
// container engine in memory (see [world]), so that they need no engine and take no time. Beyond testscript's
// own commands there are
//
//	sdev ARGS…         runs a command line, which must succeed; "! sdev" must fail
//	exits CODE ARGS…   runs one, and wants that exit code
//	begin ARGS…        runs one beside the script
//	await TEXT         waits until that one has printed a text
//	interrupt          interrupts it, waits for its end, and makes its output what stdout and stderr look at
//	finish             the same without interrupting it
//	busy               keeps the page from answering
//	ends SERVICE CODE  lets a service's container end by itself
//	prints SERVICE …   lets a service print a line
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
			"ends": func(ts *testscript.TestScript, _ bool, args []string) {
				code, err := strconv.Atoi(args[1])
				ts.Check(err)
				scriptOf(ts).awaitRunning(ts, args[0])
				scriptOf(ts).world.End(args[0], code)
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

// transcript is one script's engine, and the command that runs beside it.
type transcript struct {
	world *world

	out, errs safeBuffer // of the command beside the script
	stop      context.CancelFunc
	ended     chan int
}

// streams are a user's without a terminal.
func (s *transcript) streams(ts *testscript.TestScript, out, errs io.Writer) console.Streams {
	env := map[string]string{}
	for _, name := range []string{"HOME", "PATH", "AWS_PROFILE"} {
		if value := ts.Getenv(name); value != "" {
			env[name] = value
		}
	}
	streams, _, _ := console.Buffers(env)
	streams.Out, streams.Err, streams.OpenEngine = out, errs, s.world.open
	streams.GatewayRef = func() (string, error) { return "sdev-gateway:test", nil }
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

// awaitRunning waits until a service of the project runs: a plan is printed before it is carried out.
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
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	late := time.NewTimer(devtest.Patience)
	defer late.Stop()
	for !ok() {
		select {
		case <-again.C:
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

// end leaves nothing running behind a script, however it went.
func (s *transcript) end() {
	if s.stop != nil {
		s.stop()
		<-s.ended
	}
	s.world.hidePage()
}

// safeBuffer is written by a command while the script reads.
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
