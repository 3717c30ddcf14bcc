package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"sdev/dev"
	"sdev/dev/session"
)

// evil is what a name, a message or a claim may hold: title, clear screen, clipboard, C1 in both
// forms, text turned around, and a line that looks like one of ours.
const evil = "x\x1b]0;owned\x07\x1b[2J\x1b]52;c;cm0gLXJm\x07\u009b2J\x9b2J\u202e\u2066\u200b\u2028\nready    http://evil/\r\nsdev: gone"

// checkFit fails where text would steer a terminal, hides something, or has a line that begins as one
// of ours would.
func checkFit(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || strings.ContainsRune("\u202e\u2066\u200b\u2028", r) {
			t.Errorf("holds %U: %q", r, text)
			break
		}
	}
	if strings.Contains(text, "\x9b") {
		t.Errorf("holds a C1 byte: %q", text)
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "ready ") || strings.HasPrefix(line, "sdev: gone") {
			t.Errorf("a line is forged: %q", text)
		}
	}
}

func TestErrors_AreFitForATerminal(t *testing.T) {
	for _, args := range [][]string{{}, {"--json"}} {
		s, out, errs := Buffers(nil)
		a := &app{Streams: s, json: len(args) > 0}
		failed := &dev.Error{Code: dev.CodeEngine, Message: "the engine said: " + evil, Hint: "look at " + evil, File: "a\n" + evil, Line: 3, Exit: 1}
		if code := a.exit(t.Context(), failed); code != 1 {
			t.Errorf("exit %d", code)
		}
		checkFit(t, out.String()+errs.String())
		var back dev.Failed
		if a.json && (json.Unmarshal(out.Bytes(), &back) != nil || strings.ToValidUTF8(failed.Hint, "\uFFFD\uFFFD") == back.Hint || !strings.Contains(back.Hint, "\x1b]0;owned\x07")) {
			t.Errorf("the value does not survive: %q", back.Hint)
		}
	}
}

func TestStatus_IsFitForATerminal(t *testing.T) {
	s := session.Status{Project: evil, Dir: evil, URL: evil, Issuer: evil, Mode: dev.Mode(evil), Services: []session.ServiceStatus{{Name: evil, State: evil, Health: evil, Ports: []string{evil}}},
		Reload: session.ReloadStatus{How: evil}, AWS: session.AWSStatus{Source: evil, Profile: evil, Region: evil}, Engine: session.EngineStatus{Host: evil, Why: evil, API: evil},
		Auth: session.AuthStatus{Current: evil}, Exception: dev.AppException{Exception: evil, File: evil}}
	for _, tty := range []bool{false, true} {
		streams, out, _ := Buffers(nil)
		streams.OutTTY = tty
		a := &app{Streams: streams}
		if err := a.print(a.statusText(s)); err != nil {
			t.Fatal(err)
		}
		checkFit(t, out.String())
		out.Reset()
		if err := a.printJSON(s); err != nil {
			t.Fatal(err)
		}
		checkFit(t, out.String())
	}
}

func TestFindings_AreFitForATerminal(t *testing.T) {
	f := dev.Finding{ID: "secret.code", Severity: dev.Blocks, Message: evil, File: evil, Line: 2, Where: evil, Fix: evil, Docs: evil}
	streams, out, _ := Buffers(nil)
	a := &app{Streams: streams}
	if err := a.printPreflight([]dev.Finding{f, {ID: evil, Severity: dev.Warns, Suppressed: &dev.Suppression{Reason: evil, Origin: evil}}}); err != nil {
		t.Fatal(err)
	}
	checkFit(t, out.String())
	out.Reset()
	if err := a.writeSARIF("-", []dev.Finding{f}); err != nil {
		t.Fatal(err)
	}
	checkFit(t, out.String())
	file := filepath.Join(t.TempDir(), "report.sarif")
	if err := a.writeSARIF(file, []dev.Finding{f}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil || !json.Valid(b) {
		t.Fatal(err)
	}
	checkFit(t, string(b))
}

func TestCommands_AreFitForATerminal(t *testing.T) {
	quoted, err := json.Marshal(evil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	const file = "name: shop\nservices:\n  streamlit-local:\n    image: python\n    command: streamlit run Home.py\nx-sdev:\n  auth:\n    users:\n" +
		"      - {email: alice@example.com, name: EVIL, groups: [EVIL], claims: {a: EVIL}}\n    policies:\n      - {path: /a, allow: {groups: [EVIL]}}\n"
	if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(strings.ReplaceAll(file, "EVIL", string(quoted))), 0o600); err != nil {
		t.Fatal(err)
	}
	name := strings.ReplaceAll("a"+evil, "/", "_") + ".py"
	if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"auth", "users"}, {"auth", "users", "--json"}, {"auth", "explain", "--matrix"}, {"auth", "explain", "/" + evil}, {"auth", "explain", "/a", "--as", "alice@example.com", "--json"},
		{"watch", "--explain", name}, {"watch", "--explain", name, "--json"}, {"watch", "--explain", evil},
		{"help", evil}, {evil}, {"auth", evil}, {"up", "--" + evil}, {"logs", "--tail", evil}, {"-C", evil, "status"}, {"status", "--color", evil}, {"up", "--aws", evil, "--json"},
		{"-f", evil, "config"}, {"__complete", "auth", "use", ""}, {"__complete", "up", "--as", ""}, {"preflight", evil}, {"deploy", evil}, {"init", evil, "--yes"}, {"shell", "--" + evil},
	} {
		s, out, errs := Buffers(map[string]string{"HOME": t.TempDir()})
		if args[0] != "-C" {
			args = append([]string{"-C", dir}, args...)
		}
		Main(t.Context(), t.Context(), s, args)
		if out.Len()+errs.Len() == 0 {
			t.Errorf("%q printed nothing", args)
		}
		checkFit(t, out.String())
		checkFit(t, errs.String())
	}
}

func TestScreen_PassesTextAndColoursAlone(t *testing.T) {
	for _, c := range []struct {
		colors     bool
		text, want string
	}{
		{false, "Grüße 🎈\n\tx\n", "Grüße 🎈\n\tx\n"},
		{true, "\x1b[1;32mok\x1b[0m \x1b[38:5:3mx\x1b[m", "\x1b[1;32mok\x1b[0m \x1b[38:5:3mx\x1b[m"},
		{false, "\x1b[1;32mok\x1b[0m", "ok"},
		{true, "a\x1b[2J\x1b[1A\x1b[?25l\x1b[>4m\x1b]0;t\x07\x1b]52;c;eA==\x1b\\\x1bPq\x1b\\\x1bc\rb", "ab"},
		{true, "a\u009b2Jb\x9b2Jc\x7f\b\v", "a2Jb\uFFFD2Jc"},
		{false, "http://ada:pw@proxy:3128 is down\n", "http://***@proxy:3128 is down\n"},
	} {
		var out bytes.Buffer
		s := screen{&out, c.colors}
		if n, err := s.Write([]byte(c.text)); n != len(c.text) || err != nil || out.String() != c.want {
			t.Errorf("%q gives %q, %d, %v; want %q", c.text, out.String(), n, err, c.want)
		}
	}
	if _, err := (screen{gone{}, false}).Write([]byte("x")); !errors.Is(err, errGone) {
		t.Errorf("the error of the stream is lost: %v", err)
	}
}

type gone struct{}

var errGone = errors.New("gone")

func (gone) Write([]byte) (int, error) { return 0, errGone }

// A command that wrote to a stream itself would have to think of all this itself.
func TestCommands_PrintThroughOnePlace(t *testing.T) {
	raw := map[string]string{
		"print.go":     "the one place",
		"shell.go":     "a program in the container has the terminal",
		"far.go":       "the bytes of a tunnel",
		"gateway.go":   "copies of files, in a format of their own",
		"dashboard.go": "draws the screen itself",

		"dashboard_deploy.go": "nobody listens",
		"ask.go":              "so do forms",
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		var calls []ast.Expr
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				calls = append(calls, n.Fun)
				if s, ok := n.Fun.(*ast.SelectorExpr); ok && strings.HasPrefix(s.Sel.Name, "OutOr") {
					t.Errorf("%s: cobra's stream; print through app", set.Position(n.Pos()))
				}
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "huh" && strings.HasPrefix(n.Sel.Name, "New") && name != "ask.go" && n.Sel.Name != "NewInput" {
					t.Errorf("%s: the parts of forms that show values of others are made in ask.go", set.Position(n.Pos()))
				}
				x, ok := n.X.(*ast.Ident)
				report := ok && x.Name == "r" // a report's error
				if (n.Sel.Name == "Out" || n.Sel.Name == "Err") && !report && !slices.Contains(calls, ast.Expr(n)) && raw[name] == "" {
					t.Errorf("%s: a stream; print through app, or say in this test why not", set.Position(n.Pos()))
				}
			}
			return true
		})
	}
}

// endless is input from somebody who never answers.
type endless struct{ asked chan struct{} }

func (e endless) Read([]byte) (int, error) {
	close(e.asked)
	select {}
}

func TestForms_EndWithTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, _, _ := Buffers(map[string]string{"TERM": "dumb"})
	asked := make(chan struct{})
	s.In = endless{asked}
	go func() {
		<-asked
		cancel()
	}()
	yes := true
	if err := (&app{Streams: s}).ask(ctx, confirmation(&yes, "Write %s?", evil)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestForms_ShowTextOfOthersFitForATerminal(t *testing.T) {
	s, out, _ := Buffers(map[string]string{"TERM": "dumb"})
	s.In = strings.NewReader("1\ny\n")
	var name string
	yes := true
	if err := (&app{Streams: s}).ask(t.Context(), selection(evil, options([]string{evil, "b"}), &name), confirmation(&yes, "Write %s?", evil)); err != nil {
		t.Fatal(err)
	}
	if name != evil {
		t.Errorf("what was chosen is %q", name)
	}
	checkFit(t, strings.ReplaceAll(ansi.Strip(out.String()), "\r", ""))
	if strings.Contains(out.String(), "\x1b]") || strings.Contains(out.String(), "\x1b[2J") {
		t.Errorf("%q", out)
	}
}
