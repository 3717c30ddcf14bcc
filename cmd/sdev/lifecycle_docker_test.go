//go:build docker

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/creack/pty"

	"sdev/dev"
)

// operations are those that the last plan of a command's events holds, as "verb object (reason)".
func operations(t *testing.T, out string) []string {
	t.Helper()
	var found []string
	for line := range strings.Lines(out) {
		var s dev.Stamped
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if plan, ok := s.Event.(dev.PlanMade); ok {
			found = nil
			for _, op := range plan.Operations {
				found = append(found, op.Verb+" "+op.Object+" ("+op.Reason+")")
			}
		}
	}
	return found
}

func (p *project) body(url string) string {
	p.t.Helper()
	res, err := http.Get(url) //nolint:gosec,noctx // the app under test
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close() //nolint:errcheck // only read
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return res.Status + "\n" + string(b)
}

func (p *project) answers(url string) bool { return strings.HasPrefix(p.body(url), "200") }

func TestDockerUp_ASecondOneChangesNothing(t *testing.T) {
	p := scaffolded(t)
	first := p.up()
	ids := p.ids()
	if len(ids) != 2 || !p.answers(first.URL) {
		t.Fatalf("runs: %v; page: %s", ids, p.body(first.URL))
	}
	out := p.run(0, "up", "-d", "--json")
	if ops := operations(t, out); len(ops) != 0 {
		t.Errorf("a second up does %q", ops)
	}
	if !strings.Contains(out, `"type":"ready","url":"`+first.URL+`"`) {
		t.Errorf("a second up ends with\n%s", out)
	}
	if again := p.ids(); !maps.Equal(ids, again) {
		t.Errorf("containers were %v, are %v", ids, again)
	}
	if out := p.run(0, "rebuild", "--json"); p.ids()["streamlit-local"] != ids["streamlit-local"] {
		t.Errorf("an unchanged image replaced the app:\n%s", out)
	}
}

func TestDockerUp_RecreatesWhatChangedAndNothingElse(t *testing.T) {
	p := scaffolded(t)
	p.up()
	before := p.ids()

	p.override("environment: {GREETING: hello}\n")
	out := p.run(0, "up", "-d", "--json")
	want := []string{
		"remove container " + p.app() + " (its settings changed)",
		"create container " + p.app() + " (its settings changed)",
		"start container " + p.app() + " (its settings changed)",
	}
	if ops := operations(t, out); !slices.Equal(ops, want) {
		t.Errorf("a variable more means %q", ops)
	}
	if after := p.ids(); after["sdev-gateway"] != before["sdev-gateway"] || after["streamlit-local"] == before["streamlit-local"] {
		t.Errorf("containers were %v, are %v", before, after)
	}
	if got := strings.TrimSpace(p.run(0, "shell", "--", "printenv", "GREETING")); got != "hello" {
		t.Errorf("GREETING is %q", got)
	}

	// Another port in the file means another port, although the project runs and remembers one.
	p.replace("docker-compose.yml", `"127.0.0.1:8501:8501"`, `"127.0.0.1:8743:8501"`)
	out = p.run(0, "up", "-d", "--json")
	if !strings.Contains(out, `"url":"http://localhost:8743"`) || !p.answers("http://localhost:8743") {
		t.Errorf("the file's port has no effect:\n%s\n%s", strings.Join(operations(t, out), "\n"), out)
	}
	p.run(0, "down")
	if ready := p.up(); ready.URL != "http://localhost:8743" {
		t.Errorf("after down and up the page is at %s", ready.URL)
	}
	// A flag counts while it runs, for other commands too, and is forgotten with it.
	if ready := p.up("--port", "8744"); ready.URL != "http://localhost:8744" {
		t.Errorf("with --port 8744 the page is at %s", ready.URL)
	}
	if p.run(0, "rebuild"); !p.answers("http://localhost:8744") {
		t.Error("a rebuild moved the app to another port")
	}
	p.run(0, "down")
	if ready := p.up(); ready.URL != "http://localhost:8743" {
		t.Errorf("after --port, down and up the page is at %s", ready.URL)
	}
}

// replace edits a file of the project.
func (p *project) replace(path, from, to string) {
	p.t.Helper()
	b, err := os.ReadFile(filepath.Join(p.dir, path))
	if err != nil {
		p.t.Fatal(err)
	}
	if !strings.Contains(string(b), from) {
		p.t.Fatalf("%s does not contain %q", path, from)
	}
	p.write(path, strings.Replace(string(b), from, to, 1))
}

func TestDockerStatus_HasTheFieldsOfTheContract(t *testing.T) {
	p := scaffolded(t)
	var idle map[string]any
	decode(t, p.run(0, "status", "--json"), &idle)
	if services, ok := idle["services"].([]any); !ok || len(services) != 0 {
		t.Errorf("services of a project that does not run: %v", idle["services"])
	}
	ready := p.up()
	var running map[string]any
	decode(t, p.run(0, "status", "--json"), &running)
	top := []string{"aws", "dir", "mode", "project", "reload", "services", "sessions", "url", "v"}
	for name, status := range map[string]map[string]any{"idle": idle, "running": running} {
		if keys := slices.Sorted(maps.Keys(status)); !slices.Equal(keys, top) {
			t.Errorf("%s: fields %v, want %v", name, keys, top)
		}
	}
	if running["project"] != p.name || running["dir"] != p.dir || running["mode"] != "local" || running["url"] != ready.URL || running["v"] != 1.0 {
		t.Errorf("status %v", running)
	}
	reload, _ := running["reload"].(map[string]any)
	if reload["how"] != "mount" || reload["watches"].(float64) < 1 {
		t.Errorf("reload %v", reload)
	}
	services, _ := running["services"].([]any)
	var names []string
	for _, s := range services {
		s, _ := s.(map[string]any)
		if keys := slices.Sorted(maps.Keys(s)); !slices.Equal(keys, []string{"container", "health", "image", "name", "ports", "state"}) {
			t.Errorf("fields of a service: %v", keys)
		}
		names = append(names, s["name"].(string)+" "+s["state"].(string)+" "+s["container"].(string))
	}
	if want := []string{"sdev-gateway running " + p.gateway(), "streamlit-local running " + p.app()}; !slices.Equal(names, want) {
		t.Errorf("services %q, want %q", names, want)
	}
	text := p.run(0, "status")
	for _, part := range []string{ready.URL, "no tab open", "streamlit-local running", "aws       none"} {
		if !strings.Contains(text, part) {
			t.Errorf("status does not say %q:\n%s", part, text)
		}
	}
}

func decode(t testing.TB, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

func TestDockerDown_LeavesNothingAndTouchesNoOther(t *testing.T) {
	p, other := scaffolded(t), scaffolded(t)
	p.write("docker-compose.override.yml", "services:\n  streamlit-local:\n    volumes: [keep:/keep, /anonymous]\nvolumes: {keep: {}}\n")
	url := other.up().URL
	p.up()
	ids := other.ids()
	if out := p.run(0, "down"); !strings.Contains(out, "stopped") {
		t.Errorf("down says %q", out)
	}
	if left := p.ids(); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if left := docker(t, "volume", "ls", "-q", "--filter", "label=com.docker.compose.project="+p.name); left != p.name+"_keep" {
		t.Errorf("volumes after down: %q, want the named one alone", left)
	}
	p.run(0, "down", "--volumes")
	if left := p.remains(); left != "" {
		t.Errorf("left: %s", left)
	}
	if out := p.run(0, "down"); out != "" {
		t.Errorf("a second down says %q", out)
	}
	if again := other.ids(); !maps.Equal(ids, again) || !other.answers(url) {
		t.Errorf("the other project: %v, was %v", again, ids)
	}
}

func TestDockerShell_PassesInputAndExitCode(t *testing.T) {
	p := scaffolded(t)
	p.up()
	p.run(7, "shell", "--", "sh", "-c", "exit 7")
	cmd := p.command("shell", "--", "sh", "-c", "cat; echo to-stderr >&2; exit 3")
	var out, errs bytes.Buffer
	long := strings.Repeat("0123456789abcde\n", 1<<16) // 1 MB, more than any buffer on the way
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(long), &out, &errs
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("shell: %v", err)
	}
	if out.String() != long || errs.String() != "to-stderr\n" {
		t.Errorf("%d of %d bytes came back; stderr %q", out.Len(), len(long), errs.String())
	}
	// The engine says that on standard output.
	if out, errs, code := p.result("shell", "--", "no-such-program"); code == 0 || !strings.Contains(out+errs, "no-such-program") {
		t.Errorf("a missing program: code %d, %q", code, out+errs)
	}

	script := filepath.Join(t.TempDir(), "browser")
	seen := script + ".seen"
	if err := os.WriteFile(script, []byte("#!/bin/sh\nprintf '%s' \"$1\" > "+seen+".new && mv "+seen+".new "+seen+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.env = []string{"BROWSER=" + script}
	url := strings.TrimSpace(p.run(0, "open"))
	await(t, 10*time.Second, "the browser was started", func() bool { b, err := os.ReadFile(seen); return err == nil && string(b) == url }, func() string { return url })
}

func TestDockerConfig_IsAComposeFileOfTheSameModel(t *testing.T) {
	p := scaffolded(t)
	p.override("environment: {PRICE: 5$$ and 100%, QUOTED: '\"a: b\" # no comment'}\n")
	p.up()
	printed := filepath.Join(t.TempDir(), "printed.yml")
	if err := os.WriteFile(printed, []byte(p.run(0, "config")), 0o600); err != nil {
		t.Fatal(err)
	}
	var own map[string]any
	decode(t, p.run(0, "config", "--json"), &own)
	opts, err := cli.NewProjectOptions([]string{printed}, cli.WithWorkingDirectory(p.dir))
	if err != nil {
		t.Fatal(err)
	}
	model, err := opts.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, err := model.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var read map[string]any
	decode(t, string(b), &read)
	for _, key := range []string{"name", "services", "networks", "configs", "secrets"} {
		want, _ := json.MarshalIndent(own[key], "", " ")
		got, _ := json.MarshalIndent(read[key], "", " ")
		if !bytes.Equal(want, got) {
			t.Errorf("%s was printed as\n%s\nand read back as\n%s", key, want, got)
		}
	}
	if got := strings.TrimSpace(p.run(0, "shell", "--", "printenv", "PRICE", "QUOTED")); got != "5$ and 100%\n\"a: b\" # no comment" {
		t.Errorf("inside: %q", got)
	}
}

type line struct {
	at   time.Time
	text string
}

// lines are the log lines among a command's events.
func lines(t *testing.T, out string) []line {
	t.Helper()
	var found []line
	for raw := range strings.Lines(out) {
		var s dev.Stamped
		decode(t, raw, &s)
		if l, ok := s.Event.(dev.LogLine); ok {
			if len(l.Text) > 64<<10 {
				t.Errorf("a line of %d bytes", len(l.Text))
			}
			found = append(found, line{s.Time, l.Text})
		}
	}
	return found
}

func TestDockerLogs_AreInOrderAndWithoutControlCharacters(t *testing.T) {
	p := scaffolded(t)
	const script = `
import os, sys
out = sys.stdout.buffer
for i in range(20):
    out.write(b"line %02d\n" % i)
    out.flush()
    sys.stderr.write("other %02d\n" % i)
    sys.stderr.flush()
out.write(b"\x1b[31mred\x1b[0m \x07bell \x1b]0;title\x07\n")
out.write(b"back\rfront \xc2\x9b \xff\xfe\x00 binary\n")
out.write(b"x" * (1 << 20) + b"\n")
out.write(b"last\n")
out.flush()
os.execvp("streamlit", ["streamlit", "run", "code_package/streamlit/Home.py"])
`
	p.override("command:\n  - python\n  - -c\n  - |\n" + indent(strings.ReplaceAll(script, "$", "$$"), "      "))
	p.up()
	plain := p.run(0, "logs")
	for _, r := range plain {
		if r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0) {
			t.Errorf("control character %q in the logs", r)
			break
		}
	}
	at := -1
	for _, want := range []string{"line 00", "line 01", "line 19", "red", "binary", "xxxxxxxx", " last\n"} {
		next := strings.Index(plain, want)
		if next < at {
			t.Errorf("%q is missing or too early", want)
		}
		at = max(at, next)
	}
	if strings.Contains(plain, "[31m") {
		t.Error("half a control sequence is left")
	}
	if tail := lines(t, p.run(0, "logs", "--tail", "2", "--json", "streamlit-local")); len(tail) != 2 || !strings.Contains(tail[0].text, "URL: ") {
		t.Errorf("--tail 2 gives %+v", tail)
	}
	all := lines(t, p.run(0, "logs", "--json", "streamlit-local"))
	i := slices.IndexFunc(all, func(l line) bool { return l.text == "line 10" })
	if i < 0 {
		t.Fatalf("line 10 is missing in %.600v", all)
	}
	if !slices.IsSortedFunc(all, func(x, y line) int { return x.at.Compare(y.at) }) {
		t.Error("lines are not in the order of their times")
	}
	since := lines(t, p.run(0, "logs", "--json", "--since", all[i].at.Format(time.RFC3339Nano)))
	if got, want := len(since), len(all)-i; since[0] != all[i] || got != want {
		t.Errorf("--since line 10 gives %d lines from %+v on, want %d", got, since[0], want)
	}
	if _, errs, code := p.result("logs", "nobody"); code != 2 || !strings.Contains(errs, "streamlit-local") {
		t.Errorf("logs of an unknown service: code %d, %s", code, errs)
	}
}

// ended waits for a command and gives its exit code and how long it took to end.
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

// rest gives what is left of a stream.
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

// stubborn is an app that ignores SIGTERM, and has half a minute to do so.
const stubborn = `stop_grace_period: 30s
command:
  - sh
  - -c
  - trap '' TERM; streamlit run code_package/streamlit/Home.py & while :; do sleep 1; done
`

func TestDockerUp_ASecondSignalKillsAndAThirdLeaves(t *testing.T) {
	for name, signals := range map[string][]syscall.Signal{
		"second": {syscall.SIGINT},
		// Of different kinds, since equal ones that wait for delivery count as one.
		"third": {syscall.SIGINT, syscall.SIGTERM},
	} {
		t.Run(name, func(t *testing.T) {
			p := scaffolded(t)
			p.override(stubborn)
			up := p.attend()
			awaitEvent[dev.Ready](t, up)
			send(t, up.cmd, syscall.SIGINT)
			// The gateway is gone soon: then the first signal has arrived, and the app is being stopped.
			await(t, 20*time.Second, "the gateway is gone", func() bool { return p.ids()["sdev-gateway"] == "" }, func() string { return fmt.Sprint(p.ids()) })
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
			p.kill("streamlit-local") // where it was left: nobody wants to wait half a minute for it
		})
	}
}

// kill removes what is left of a service, by its container's id.
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

func TestDockerUp_PutsRightWhatIsDoneByHand(t *testing.T) {
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

	docker(t, "exec", p.app(), "sh", "-c", "kill -9 $(pgrep -f streamlit.run || echo 7)")
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
	up.rest()
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

// A terminal that is closed takes its programs along, by SIGHUP, and cannot be written to any more.
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
	_ = cmd.Wait() // nobody is there to see its exit code
	if left := p.remains(); left != "" {
		t.Errorf("left: %s", left)
	}
}

// As in "sdev up | head -1": who reads goes away first.
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
