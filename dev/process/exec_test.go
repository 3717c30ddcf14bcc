package process_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/plan"
)

// waits is a service that runs until it is asked to stop.
func waits() plan.Service {
	return service("import signal; print('ready', flush=True); signal.pause()")
}

func TestRun_PassesInputOutputAndExitCode(t *testing.T) {
	w := newWorld(t)
	s := waits()
	s.Config.Environment = map[string]*string{"GREETING": text("hello"), "KEY": text("/run/secrets/key")}
	s.Files = []plan.File{{What: "secret key", Path: "/run/secrets/key", Content: []byte("word"), Mode: 0o400}}
	w.run(s)
	var out, errs bytes.Buffer
	code, err := w.Runtime.Run(t.Context(), plan.Exec{Container: w.one().Name, In: strings.NewReader("in"), Out: &out, Err: &errs, Env: []string{"MORE=1"},
		Command: []string{"python", "-c", "import os, sys; print(os.environ['GREETING'], os.environ['MORE'], sys.stdin.read(), open(os.environ['KEY']).read()); print('bad', file=sys.stderr); sys.exit(7)"}})
	if code != 7 || err != nil || strings.TrimSpace(out.String()) != "hello 1 in word" || strings.TrimSpace(errs.String()) != "bad" {
		t.Errorf("%d, %v: %q, %q", code, err, &out, &errs)
	}
	output, code, err := w.Command(t.Context(), w.one().ID, dev.Exec{Command: []string{"python", "-c", "print(6 * 7)"}})
	if strings.TrimSpace(output) != "42" || code != 0 || err != nil {
		t.Errorf("%q, %d, %v", output, code, err)
	}
}

func TestRun_NeedsAContainerThatRuns(t *testing.T) {
	w := newWorld(t)
	w.do(w.operation(plan.Create, waits()))
	for _, name := range []string{w.one().Name, "of-nobody"} {
		_, err := w.Runtime.Run(t.Context(), plan.Exec{Container: name, Command: []string{"python", "-c", ""}, Out: io.Discard, Err: io.Discard})
		if e := dev.AsError(err); e.Code != dev.CodeNotRunning || !strings.Contains(e.Message, name) || e.Hint == "" {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestStream_EndsWithItsInput(t *testing.T) {
	w := newWorld(t)
	w.run(waits())
	s, err := w.Stream(t.Context(), w.one().Name, false, "python", "-c", "import sys\nfor line in sys.stdin: print(line.strip().upper(), flush=True)")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(s, "one\n"); err != nil {
		t.Error(err)
	}
	answer := make([]byte, 4)
	if _, err := io.ReadFull(s, answer); err != nil || string(answer) != "ONE\n" {
		t.Errorf("%q, %v", answer, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
