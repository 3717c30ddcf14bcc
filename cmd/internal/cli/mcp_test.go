package cli

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/sidecar"
)

// agentOf is an agent with a project on the engine in memory.
type agentOf struct {
	t      *testing.T
	world  *world
	dir    string
	stream console.Streams

	client *sdk.ClientSession
	errs   safeBuffer // stderr of the server
	stop   context.CancelFunc
	ended  chan int
}

// newAgent starts "sdev mcp" with flags in a project of these files.
func newAgent(t *testing.T, files map[string]string, flags ...string) *agentOf {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, "cache"))
	g := &agentOf{t: t, world: newWorld(), dir: devtest.Project(t, files), ended: make(chan int, 1)}
	g.stream, _, _ = console.Buffers(map[string]string{"HOME": home, "PATH": os.Getenv("PATH"), "SHOP_API_KEY": "key-of-this-machine"})
	g.stream.OpenEngine = g.world.open
	g.stream.Gateway = func(string) (sidecar.Program, error) { return sidecar.Program{Ref: "sdev-gateway:test"}, nil }

	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	s := g.stream
	s.In, s.Out, s.Err = in, out, &g.errs
	ctx, stop := context.WithCancel(context.Background())
	g.stop = stop
	go func() {
		g.ended <- Main(ctx, context.Background(), s, append([]string{"-C", g.dir, "mcp"}, flags...))
		_ = out.Close()
	}()
	var err error
	g.client, err = sdk.NewClient(&sdk.Implementation{Name: "test"}, nil).Connect(t.Context(), &sdk.IOTransport{Reader: fromServer, Writer: toServer}, nil)
	if err != nil {
		t.Fatal(err, g.errs.text())
	}
	t.Cleanup(func() {
		_ = g.client.Close()
		if code := <-g.ended; code != dev.ExitOK {
			t.Errorf("exit code %d\n%s", code, g.errs.text())
		}
		g.world.end()
		stop()
	})
	return g
}

// sdev runs another command meanwhile, which must succeed.
func (g *agentOf) sdev(args ...string) {
	g.t.Helper()
	s := g.stream
	var out safeBuffer
	s.Out, s.Err = &out, &out
	if code := Main(context.Background(), context.Background(), s, append([]string{"-C", g.dir}, args...)); code != 0 {
		g.t.Fatalf("sdev %q: exit code %d\n%s", args, code, out.text())
	}
}

// call calls a tool, and returns its JSON and its text.
func (g *agentOf) call(tool string, arguments map[string]any) (structured, text string, failed bool) {
	g.t.Helper()
	r, err := g.client.CallTool(g.t.Context(), &sdk.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		g.t.Fatalf("%s: %v", tool, err)
	}
	b, err := json.Marshal(r.StructuredContent)
	if err != nil {
		g.t.Fatal(err)
	}
	return string(b), r.Content[0].(*sdk.TextContent).Text, r.IsError
}

// says checks the text of a tool's answer.
func (g *agentOf) says(tool string, arguments map[string]any, want ...string) {
	g.t.Helper()
	structured, text, failed := g.call(tool, arguments)
	for _, w := range want {
		if !strings.Contains(text, w) || failed {
			g.t.Errorf("%s: no %q in\n%s\n%s", tool, w, text, structured)
		}
	}
}

// fails checks the text of a tool's error.
func (g *agentOf) fails(tool string, arguments map[string]any, want ...string) {
	g.t.Helper()
	_, text, failed := g.call(tool, arguments)
	for _, w := range want {
		if !strings.Contains(text, w) || !failed {
			g.t.Errorf("%s: no error %q in\n%s", tool, w, text)
		}
	}
}

func shopFiles() map[string]string {
	return map[string]string{
		"compose.yaml": "name: shop\nservices:\n  web:\n    image: shop:1\n    command: streamlit run Home.py\n    volumes: [\".:/app\"]\n    environment: {DB_PASSWORD: pass-of-the-shop}\n" +
			"x-sdev:\n  auth:\n    users: [{email: alice@example.com, name: Alice, groups: [admin]}]\n",
		"Home.py": "import streamlit as st\nst.login()\n", "util.py": "import math\n\n\nraise ValueError('no such month')\n",
		".streamlit/secrets.toml": "[db]\npassword = \"pass-of-secrets-toml\"\n", ".gitignore": "*.log\n", "a.log": "",
	}
}

func TestMCP_AnswersAboutTheProject(t *testing.T) {
	g := newAgent(t, shopFiles(), "--allow", "all")
	g.says("status", nil, "project shop is not running: sdev up -d starts it")
	g.fails("logs", nil, "project.not-running: project shop is not running\nhint: run: sdev up")
	g.fails("reruns", nil, "project.not-running: ")
	g.fails("restart", nil, "not running")
	g.fails("wait_until_live", map[string]any{"path": "Home.py", "timeout_seconds": 1}, "app.not-ready: the project is not running after 1s\nhint: see: sdev status")
	g.says("people", nil, "alice@example.com Alice, groups: admin")
	g.says("preflight", nil, "rules")

	g.sdev("up", "-d", "--port", "28120", "--with-auth")
	g.says("status", nil, "project shop runs at http://localhost:28120", "service web: running")
	g.says("wait_until_live", map[string]any{"path": "Home.py"}, "live: Home.py: live")
	g.says("wait_until_live", map[string]any{"path": filepath.Join(g.dir, "Home.py")}, "live: Home.py: live")
	g.fails("wait_until_live", map[string]any{"path": "../other.py"}, "reload.ignored: a save of ../other.py changes nothing: it is outside the project, "+g.dir)
	g.fails("wait_until_live", map[string]any{"path": "/etc/passwd"}, "it is outside the project")
	g.fails("wait_until_live", map[string]any{"path": "nowhere.py"}, "usage: cannot look at nowhere.py")
	g.fails("wait_until_live", map[string]any{"path": "."}, "usage: . is a directory\nhint: name a file")
	g.says("wait_until_live", map[string]any{"path": "a.log"}, "ignored: a.log: a save of this file changes nothing: ")

	g.fails("logs", map[string]any{"service": "db"}, "db", "hint: ")
	g.fails("logs", map[string]any{"since": "yesterday"}, `usage: since is "yesterday"`, "hint: give a duration")
	g.fails("sign_in_as", map[string]any{"email": "bob@example.com"}, "usage: bob@example.com is not one of the project's people\nhint: one of: alice@example.com")
	g.says("sign_in_as", map[string]any{"email": "alice@example.com"}, "alice@example.com is signed in from the next login on")
	g.says("status", nil, "signed in as alice@example.com")
	g.says("restart", nil, "web was restarted, and the app answers")
	if text := g.errs.text(); !strings.Contains(text, "restart ") {
		t.Errorf("what people see of the restart is not on stderr: %q", text)
	}
	g.fails("restart", map[string]any{"service": "db"}, "db")
}

func TestMCP_FollowsASave(t *testing.T) {
	g := newAgent(t, shopFiles())
	g.sdev("up", "-d", "--port", "28122")
	print := func(line string) { g.world.Print("sdev-gateway", "stdout", line) }
	save := func(name string) {
		if err := os.WriteFile(filepath.Join(g.dir, name), []byte("import math\n\n\nraise ValueError('no such month')\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// The times of the gateway are in the future here.
	save("Home.py")
	save("util.py")
	var waits sync.WaitGroup
	waits.Go(func() {
		g.says("wait_until_live", map[string]any{"path": "Home.py"}, "live: Home.py: live in 74 ms; open tabs that show it: 1")
	})
	waits.Go(func() {
		g.says("wait_until_live", map[string]any{"path": "util.py"}, "raised: util.py: ValueError: no such month with ***", "at util.py:4", "> 4 | raise ValueError('no such month')")
	})
	print(`{"v":1,"seq":1,"time":"2099-12-01T12:00:00Z","type":"session.opened","sessions":1,"user":""}`)
	print(`{"v":1,"seq":2,"time":"2099-12-01T12:00:01Z","type":"file.changed","paths":["Home.py"],"rule":"source","action":"live"}`)
	print(`{"v":1,"seq":3,"time":"2099-12-01T12:00:02Z","type":"app.reloaded","trigger":"Home.py","ms":74,"sessions":1,"how":"mount"}`)
	print(`{"v":1,"seq":4,"time":"2099-12-01T12:00:02Z","type":"app.rerun","page":"","trigger":"save","ms":70,"exception":""}`)
	print(`{"v":1,"seq":5,"time":"2099-12-01T12:00:03Z","type":"file.changed","paths":["util.py"],"rule":"source","action":"live"}`)
	print(`{"v":1,"seq":6,"time":"2099-12-01T12:00:04Z","type":"app.exception","exception":"ValueError","message":"no such month with pass-of-the-shop","file":"util.py","line":4,"page":""}`)
	waits.Wait()
	g.says("reruns", nil, "main page: median 70 ms", "save 70 ms main page")
	g.says("reruns", map[string]any{"page": "main page", "since": "5m"}, "median 70 ms")

	for _, line := range []string{"with pass-of-the-shop", "with pass-of-secrets-toml", "with key-of-this-machine", "just a line"} {
		g.world.Print("web", "stdout", line)
	}
	g.says("logs", nil, "with ***\n", "just a line", "Home.py")
	if _, text, _ := g.call("logs", map[string]any{"service": "web", "lines": 2}); strings.Count(text, "\n") != 1 {
		t.Errorf("not two lines: %q", text)
	}
	if r, err := g.client.CallTool(t.Context(), &sdk.CallToolParams{Name: "restart"}); err == nil {
		t.Errorf("restart without --allow: %+v", r)
	}
}

func TestMCP_StartsWithoutAProject(t *testing.T) {
	g := newAgent(t, nil, "--allow", "restart", "--allow", "sign_in_as")
	tools, err := g.client.ListTools(t.Context(), nil)
	if err != nil || len(tools.Tools) != 8 {
		t.Fatal(err, tools)
	}
	for _, tool := range tools.Tools {
		g.fails(tool.Name, map[string]map[string]any{"wait_until_live": {"path": "Home.py"}, "sign_in_as": {"email": "a@example.com"}}[tool.Name], "project.missing: no Streamlit app in ", "hint: run: sdev init")
	}
}

func TestMCP_EndsWithASignal(t *testing.T) {
	s, _, errs := console.Buffers(nil)
	in, toServer := io.Pipe()
	s.In = in
	ctx, stop := context.WithCancel(context.Background())
	stop()
	code := Main(ctx, context.Background(), s, []string{"mcp"})
	_ = toServer.Close()
	if code != dev.ExitInterrupted || !strings.Contains(errs.String(), "interrupted") {
		t.Errorf("exit code %d, %s", code, errs.String())
	}
}

func TestMCP_NamesTheToolsThatMayBeAllowed(t *testing.T) {
	s, out, errs := console.Buffers(nil)
	if code := Main(t.Context(), t.Context(), s, []string{"mcp", "--allow", "restart,status"}); code != dev.ExitUsage || out.Len() > 0 ||
		errs.String() != "sdev: --allow names \"status\", which is no tool that changes something\nhint: one of: restart, sign_in_as, all\n" {
		t.Errorf("exit code %d, %s", code, errs.String())
	}
}
