//go:build docker

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"

	"sdev/dev"
)

// operations returns the operations of the last plan among a command's events, as "verb object (reason)".
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
	res, err := http.Get(url) // the app under test
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
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
	if after := p.ids(); !maps.Equal(ids, after) {
		t.Errorf("containers were %v, are %v", ids, after)
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
		"remove container " + p.app() + " (environment GREETING added)",
		"create container " + p.app() + " (environment GREETING added)",
		"start container " + p.app() + " (environment GREETING added)",
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
	named, flag := freePort(t), freePort(t)
	p.wantsPort(named)
	out = p.run(0, "up", "-d", "--json")
	if !strings.Contains(out, `"url":"`+at(named)+`"`) || !p.answers(at(named)) {
		t.Errorf("the file's port has no effect:\n%s\n%s", strings.Join(operations(t, out), "\n"), out)
	}
	// A flag applies while the project runs, to other commands too, and no longer after it has ended.
	if ready := p.up("--port", strconv.Itoa(flag)); ready.URL != at(flag) {
		t.Errorf("with --port the page is at %s", ready.URL)
	}
	if p.run(0, "rebuild"); !p.answers(at(flag)) {
		t.Error("a rebuild moved the app to another port")
	}
	p.run(0, "down")
	if ready := p.up(); ready.URL != at(named) {
		t.Errorf("after --port, down and up the page is at %s", ready.URL)
	}
}

// at returns the origin of an app on a port.
func at(port int) string { return "http://localhost:" + strconv.Itoa(port) }

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
	top := []string{"auth", "aws", "dir", "elsewhere", "engine", "issuer", "mode", "project", "reload", "services", "sessions", "url", "v"}
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
	other.isLeftAlone(t)
	p.up()
	ids := other.ids()
	if out := p.run(0, "down"); !strings.Contains(out, "stopped") {
		t.Errorf("down says %q", out)
	}
	if left := p.ids(); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if left := p.volumes(); !slices.Equal(left, []string{p.name + "_keep"}) {
		t.Errorf("volumes after down: %q, want the named one alone", left)
	}
	p.run(0, "down", "--volumes")
	if left := p.remains(); left != "" {
		t.Errorf("left: %s", left)
	}
	if out := p.run(0, "down"); out != "" {
		t.Errorf("a second down says %q", out)
	}
	if after := other.ids(); !maps.Equal(ids, after) || !other.answers(url) {
		t.Errorf("the other project: %v, was %v", after, ids)
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
	// The engine prints that on standard output.
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
	await(t, "the browser was started", func() bool { b, err := os.ReadFile(seen); return err == nil && string(b) == url }, func() string { return url })
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

// lines returns the log lines among a command's events.
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
