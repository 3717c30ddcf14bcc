package mcp

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"sdev/dev"
	"sdev/dev/live"
	"sdev/dev/session"
)

func TestTools_SayWhatTheyDo(t *testing.T) {
	c := connected(t, newFake(), Changing()...)
	info := c.InitializeResult()
	if info.ServerInfo.Name != "sdev" || info.ServerInfo.Version != "1.2.3" || !strings.Contains(info.Instructions, "wait_until_live") {
		t.Errorf("%+v", info)
	}
	tools, err := c.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range tools.Tools {
		names = append(names, tool.Name)
		changes := slices.Contains(Changing(), tool.Name)
		if tool.Annotations.ReadOnlyHint == changes || tool.Annotations.Title == "" || tool.Description == "" || tool.OutputSchema == nil {
			t.Errorf("%s: %+v", tool.Name, tool.Annotations)
		}
		arguments, _ := tool.InputSchema.(map[string]any)["properties"].(map[string]any)
		for name, property := range arguments {
			if property.(map[string]any)["description"] == nil {
				t.Errorf("%s: argument %s is not described", tool.Name, name)
			}
		}
		if destructive := tool.Annotations.DestructiveHint; changes && *destructive != (tool.Name == restartTool) {
			t.Errorf("%s: destructiveHint %v", tool.Name, *destructive)
		}
	}
	if want := []string{"logs", "people", "preflight", "reruns", "restart", "sign_in_as", "status", "wait_until_live"}; !slices.Equal(names, want) {
		t.Errorf("tools %q, want %q", names, want)
	}
}

func TestTools_ThatChangeSomethingAreThereOnlyIfAllowed(t *testing.T) {
	f := newFake()
	c := connected(t, f, signInTool)
	if _, err := c.CallTool(t.Context(), &sdk.CallToolParams{Name: restartTool}); err == nil || len(f.restarts) > 0 {
		t.Errorf("restart: %v, %q", err, f.restarts)
	}
	if who, text := result[signInAnswer](t, c, signInTool, map[string]any{"email": "alice@example.com"}); who.Name != "Alice" || !strings.Contains(text, "from the next login on") {
		t.Errorf("%+v, %s", who, text)
	}
}

func TestRestart_RestartsTheServiceThatItIsGiven(t *testing.T) {
	f := newFake()
	c := connected(t, f, restartTool)
	call(t, c, restartTool, nil)
	if r, text := result[restartAnswer](t, c, restartTool, map[string]any{"service": "db"}); r.Service != "web" || text == "" || !slices.Equal(f.restarts, []string{"", "db"}) {
		t.Errorf("%+v, %q", r, f.restarts)
	}
}

func TestWait_SaysTheOutcome(t *testing.T) {
	dir := t.TempDir()
	code := "import streamlit as st\n\n\n\ndef total():\n\tx = 1\n\treturn x / 0\n\n\nst.write(total())\n"
	if err := os.WriteFile(filepath.Join(dir, "util.py"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	problem := dev.Warning{Code: dev.CodeReloadUnseen, Message: "no open tab uses it", Hint: "open the page"}
	for _, row := range []struct {
		verdict live.Verdict
		want    waitAnswer
		text    string
	}{
		{liveSave().Verdict, waitAnswer{Outcome: live.Live, MS: 74, Tabs: 2, Message: "live in 74 ms; open tabs that show it: 2"}, "live: util.py: live in 74 ms; open tabs that show it: 2"},
		{live.Verdict{Outcome: live.NoTab}, waitAnswer{Outcome: live.NoTab, Message: "no tab is open: the next one shows it"}, "no tab: util.py: no tab is open: the next one shows it"},
		{live.Verdict{Outcome: live.Ignored, Rule: ".gitignore:3"}, waitAnswer{Outcome: live.Ignored, Code: dev.CodeReloadIgnored, Message: "a save of this file changes nothing: .gitignore:3"}, "ignored: util.py: a save of this file changes nothing: .gitignore:3"},
		{live.Verdict{Outcome: live.Unseen, Problem: problem}, waitAnswer{Outcome: live.Unseen, Code: problem.Code, Message: problem.Message, Hint: problem.Hint}, "unseen: util.py: no open tab uses it\nhint: open the page"},
		{live.Verdict{Outcome: live.Raised, Exception: dev.AppException{Exception: "ZeroDivisionError", Message: "division by zero", File: "util.py", Line: 7}},
			waitAnswer{Outcome: live.Raised, Code: dev.CodeAppRaised, Message: "ZeroDivisionError: division by zero", Hint: "fix it, save, and call wait_until_live again",
				Exception: &exception{Type: "ZeroDivisionError", Message: "division by zero", File: "util.py", Line: 7,
					Source: "   4 |\n   5 | def total():\n   6 |     x = 1\n>  7 |     return x / 0\n   8 |\n   9 |\n  10 | st.write(total())"}},
			"raised: util.py: ZeroDivisionError: division by zero\nat util.py:7\n   4 |\n   5 | def total():\n   6 |     x = 1\n>  7 |     return x / 0\n   8 |\n   9 |\n  10 | st.write(total())\nhint: fix it, save, and call wait_until_live again"},
	} {
		f := newFake()
		f.save = live.Save{Dir: dir, Path: "util.py", Verdict: row.verdict}
		row.want.Path = "util.py"
		got, text := result[waitAnswer](t, connected(t, f), "wait_until_live", map[string]any{"path": "util.py", "timeout_seconds": 7})
		have, _ := json.Marshal(got)
		want, _ := json.Marshal(row.want)
		if string(have) != string(want) || text != row.text || f.path != "util.py" || f.timeout != 7*time.Second {
			t.Errorf("%s\n%s\nwant\n%s\n%s\n%s", row.verdict.Outcome, have, want, text, row.text)
		}
	}
}

func TestExcerpt_ShowsFilesOfTheProjectAlone(t *testing.T) {
	dir := t.TempDir()
	project := filepath.Join(dir, "shop")
	if err := errors.Join(os.Mkdir(project, 0o755), os.WriteFile(filepath.Join(dir, "key.py"), []byte("a\nb\n"), 0o600), os.Symlink("../key.py", filepath.Join(project, "link.py")), os.WriteFile(filepath.Join(project, "one.py"), []byte("1/0"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for file, line := range map[string]int{"../key.py": 1, "link.py": 1, filepath.Join(dir, "key.py"): 1, "/etc/passwd": 1, "gone.py": 1, ".": 1, "": 1, "one.py": 0} {
		if text := excerpt(project, file, line); text != "" {
			t.Errorf("%s:%d: %q", file, line, text)
		}
	}
	if text := excerpt(project, "one.py", 1); text != "> 1 | 1/0" {
		t.Errorf("%q", text)
	}
}

func TestTools_RefuseArgumentsThatMeanNothing(t *testing.T) {
	c := connected(t, newFake(), Changing()...)
	for _, row := range []struct {
		tool      string
		arguments map[string]any
		says      string
	}{
		{"wait_until_live", map[string]any{"path": ""}, "usage: path is empty\nhint: name the file"},
		{"wait_until_live", nil, "path"},
		{"wait_until_live", map[string]any{"path": "a.py", "timeout_seconds": -1}, "usage: timeout_seconds is -1\nhint: give a number from 1 to 600"},
		{"wait_until_live", map[string]any{"path": "a.py", "timeout_seconds": 601}, "from 1 to 600"},
		{"wait_until_live", map[string]any{"path": "a.py", "timeout_seconds": 1e18}, "from 1 to 600"},
		{"wait_until_live", map[string]any{"path": []string{"a.py"}}, "path"},
		{"logs", map[string]any{"lines": 501}, "usage: lines is 501\nhint: give a number from 1 to 500"},
		{"logs", map[string]any{"line": 5}, "line"},
		{"reruns", map[string]any{"since": 5}, "since"},
		{"sign_in_as", map[string]any{"email": ""}, "usage: email is empty"},
	} {
		if r := call(t, c, row.tool, row.arguments); !r.IsError || !strings.Contains(textOf(r), row.says) {
			t.Errorf("%s %v: %s", row.tool, row.arguments, textOf(r))
		}
	}
}

func TestTools_FailWithCodeMessageAndHint(t *testing.T) {
	f := newFake()
	f.err = &dev.Error{Code: dev.CodeNotRunning, Exit: dev.ExitFailed, Message: "project shop is not running", Hint: "run: sdev up", File: "compose.yaml", Line: 3}
	c := connected(t, f, Changing()...)
	for tool, arguments := range map[string]map[string]any{"status": nil, "wait_until_live": {"path": "a.py"}, "logs": nil, "reruns": nil, "people": nil, "preflight": nil, "restart": nil, "sign_in_as": {"email": "a@example.com"}} {
		if r := call(t, c, tool, arguments); !r.IsError || textOf(r) != "project.not-running: compose.yaml:3: project shop is not running\nhint: run: sdev up" {
			t.Errorf("%s: %s", tool, textOf(r))
		}
	}
}

func TestTools_SurviveABug(t *testing.T) {
	f := newFake()
	f.panics = true
	c := connected(t, f)
	if r := call(t, c, "status", nil); !r.IsError || !strings.Contains(textOf(r), "internal: a bug in sdev: a nil map") {
		t.Errorf("%+v", r)
	}
	call(t, c, "people", nil)
}

func TestTools_RunAtTheSameTime(t *testing.T) {
	f := newFake()
	f.save, f.hold = liveSave(), make(chan struct{})
	f.status = session.Status{Project: "shop"}
	c := connected(t, f)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if a, _ := result[waitAnswer](t, c, "wait_until_live", map[string]any{"path": "Home.py"}); a.Outcome != live.Live {
				t.Errorf("%+v", a)
			}
		})
	}
	<-f.waits
	<-f.waits
	if s, text := result[statusAnswer](t, c, "status", nil); s.Project != "shop" || text != "project shop is not running: sdev up -d starts it" {
		t.Errorf("%+v, %s", s, text)
	}
	close(f.hold)
	both.Wait()
}

func TestStatus_IsWhatTheCommandSays(t *testing.T) {
	f := newFake()
	f.status = session.Status{V: 1, Project: "shop", Dir: "/shop", Mode: dev.Local, URL: "http://localhost:8501", Sessions: 2,
		Services: []session.ServiceStatus{{Name: "web", State: "running", Health: "healthy", Ports: []string{}}}, Auth: session.AuthStatus{Current: "alice@example.com"}}
	r := call(t, connected(t, f), "status", nil)
	want, err := json.Marshal(f.status)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(want, &plain); err != nil {
		t.Fatal(err)
	}
	have, _ := json.Marshal(r.StructuredContent)
	want, _ = json.Marshal(plain)
	if string(have) != string(want) {
		t.Errorf("%s\nwant\n%s", have, want)
	}
	if text := "project shop runs at http://localhost:8501 (local: bypass on (LOCAL_STREAMLIT=1)), open tabs: 2, signed in as alice@example.com\nservice web: running healthy"; textOf(r) != text {
		t.Errorf("%s\nwant\n%s", textOf(r), text)
	}
}

func TestReruns_SayWhichSaveMadeAPageSlower(t *testing.T) {
	f := newFake()
	at := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	add := func(e dev.Event) {
		at = at.Add(time.Second)
		f.events = append(f.events, dev.Stamped{Time: at, Event: e})
	}
	for range 3 {
		add(dev.AppRerun{Trigger: dev.RerunWidget, MS: 80})
	}
	add(dev.FileChanged{Paths: []string{"Home.py"}, Action: dev.Live})
	add(dev.AppRerun{Trigger: dev.RerunSave, MS: 800, Exception: "ValueError"})
	add(dev.AppRerun{Page: "Sales", Trigger: dev.RerunNavigation, MS: 40, Interrupted: true})
	c := connected(t, f)
	a, text := result[rerunAnswer](t, c, "reruns", nil)
	if len(a.Pages) != 1 || a.Pages[0].Slower == nil || a.Pages[0].Slower.File != "Home.py" || a.Pages[0].P50MS != 80 || len(a.Last) != 5 || a.Last[0].Page != "Sales" {
		t.Errorf("%+v", a)
	}
	for _, line := range []string{"main page: median 80 ms, 95% within 800 ms, runs: 4; 10.0 times as long since Home.py was saved", "12:00:05 save 800 ms main page raised ValueError", "navigation 40 ms Sales interrupted"} {
		if !strings.Contains(text, line) {
			t.Errorf("no %q in\n%s", line, text)
		}
	}
	if a, _ := result[rerunAnswer](t, c, "reruns", map[string]any{"page": "SALES"}); len(a.Pages) != 0 || len(a.Last) != 1 {
		t.Errorf("%+v", a)
	}
	if r := call(t, c, "reruns", map[string]any{"page": "Costs"}); !r.IsError || !strings.Contains(textOf(r), "no run of a page \"Costs\"\nhint: one of: main page") {
		t.Errorf("%s", textOf(r))
	}
}

func TestLogs_HaveLimits(t *testing.T) {
	f := newFake()
	c := connected(t, f)
	if a, text := result[logAnswer](t, c, "logs", nil); len(a.Lines) != 0 || text != "no lines" || f.query != (LogQuery{Lines: 100}) {
		t.Errorf("%+v, %s, %+v", a, text, f.query)
	}
	for i := range 2000 {
		f.lines = append(f.lines, fmt.Sprintf("line %d %s", i, strings.Repeat("x", 300)))
	}
	a, text := result[logAnswer](t, c, "logs", map[string]any{"lines": 500, "service": "db", "since": "5m"})
	if f.query != (LogQuery{"db", 500, "5m"}) {
		t.Errorf("%+v", f.query)
	}
	if n := len(strings.Join(a.Lines, "\n")); n > MaxLogBytes || n < MaxLogBytes/2 || len(a.Lines) > MaxLogLines || len(a.Lines) < 50 || !strings.HasPrefix(a.Lines[len(a.Lines)-1], "line 1999 ") {
		t.Errorf("%d lines, %d bytes", len(a.Lines), n)
	}
	if want := fmt.Sprintf("the last %d of 2000 lines; the earlier ones are left out", len(a.Lines)); a.LeftOut != want || !strings.HasSuffix(text, "\n("+want+")") {
		t.Errorf("%q, %.100s", a.LeftOut, text[len(text)-100:])
	}
}

// Whatever a project says, an answer is small enough, and says what is missing.
func TestAnswers_AreBounded(t *testing.T) {
	huge := strings.Repeat("\u202e\"\\<🐍 ", 4_000)
	f := newFake()
	f.status = session.Status{Project: huge, URL: huge}
	f.save = live.Save{Path: huge, Verdict: live.Verdict{Outcome: live.Raised, Exception: dev.AppException{Exception: huge, Message: huge, File: huge, Page: huge}}}
	for i := range 2000 {
		name := fmt.Sprint(i, " ", huge)
		f.status.Services = append(f.status.Services, session.ServiceStatus{Name: name})
		f.lines = append(f.lines, name)
		f.people = append(f.people, dev.Person{Email: fmt.Sprint(i), Name: strings.Repeat("é", 100), Claims: map[string]any{"about": strings.Repeat("x", 50)}})
		f.findings = append(f.findings, dev.Finding{ID: "secret.code", Severity: dev.Blocks, Message: strings.Repeat("m", 200), File: fmt.Sprint(i)})
		if i < 300 {
			f.events = append(f.events, dev.Stamped{Event: dev.AppRerun{Page: fmt.Sprint(i, strings.Repeat("p", 900)), MS: 5}})
		}
		if i >= 40 {
			huge = "short"
		}
	}
	w := served(t, f)
	for tool, arguments := range map[string]string{"status": "{}", "wait_until_live": `{"path":"a.py"}`, "logs": `{"lines":500}`, "reruns": "{}", "people": "{}", "preflight": "{}"} {
		w.call(tool, tool, arguments)
		m := w.read(tool)
		if m.Result.IsError || len(w.out.Bytes()) > MaxAnswer || len(w.out.Bytes()) < 4<<10 {
			t.Errorf("%s: %d bytes: %.200s", tool, len(w.out.Bytes()), w.out.Text())
		}
		if !strings.Contains(w.out.Text(), "left out") && !strings.Contains(w.out.Text(), "… (cut") {
			t.Errorf("%s does not say what it leaves out", tool)
		}
	}
}

func TestAnswers_HoldNoSecrets(t *testing.T) {
	key := "-----BEGIN RSA PRIVATE KEY-----"
	secrets := []string{"hunter2-of-the-shop", "AKIAIOSFODNN7EXAMPLE", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl", "ghp_0123456789abcdefghijklmn", "s3cr3t-pa55", "bGluZSBvZiB0aGUga2V5", "p4ssw0rd9"}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Home.py"), []byte("import os\nAPI_KEY = \"s3cr3t-pa55\"\nraise ValueError(API_KEY)\npassword = st.text_input('x')\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := newFake()
	f.secrets = secrets[:1]
	f.lines = []string{
		"connect to postgres://ada:p4ssw0rd9@db/shop", "with hunter2-of-the-shop", "key AKIAIOSFODNN7EXAMPLE", "Authorization: Bearer " + secrets[2],
		secrets[5] + secrets[5], "-----END RSA PRIVATE KEY-----", "token " + secrets[3], "DB_PASSWORD=s3cr3t-pa55 python", `{"client_secret": "s3cr3t-pa55"}`, key, secrets[5], "-----END RSA PRIVATE KEY-----", "after the key",
	}
	all := strings.Join(f.lines, " ")
	f.err = nil
	f.save = live.Save{Dir: dir, Path: "Home.py", Verdict: live.Verdict{Outcome: live.Raised, Exception: dev.AppException{Exception: "ValueError", Message: all, File: "Home.py", Line: 3}}}
	f.status = session.Status{Project: "shop", Elsewhere: all}
	f.people = []dev.Person{{Email: "alice@example.com", Claims: map[string]any{"api_token": "s3cr3t-pa55", "note": all}}}
	f.findings = []dev.Finding{{ID: "x", Message: all, Fix: all}}
	w := served(t, f)
	check := func(tool, arguments string) string {
		w.call(tool, tool, arguments)
		w.read(tool)
		for _, s := range secrets {
			if strings.Contains(w.out.Text(), s) {
				t.Errorf("%s shows %s:\n%s", tool, s, w.out.Text())
			}
		}
		return w.out.Text()
	}
	for tool, arguments := range map[string]string{"status": "{}", "people": "{}", "preflight": "{}"} {
		check(tool, arguments)
	}
	if text := check("logs", "{}"); !strings.Contains(text, "after the key") || !strings.Contains(text, "connect to postgres://***@db/shop") {
		t.Errorf("too much is hidden:\n%s", text)
	}
	if text := check("wait_until_live", `{"path":"Home.py"}`); !strings.Contains(text, "raise ValueError(API_KEY)") || !strings.Contains(text, "st.text_input('x')") {
		t.Errorf("too much is hidden:\n%s", text)
	}
	f.err = &dev.Error{Code: dev.CodeEngine, Message: all, Hint: all}
	check("reruns", "{}")
}
