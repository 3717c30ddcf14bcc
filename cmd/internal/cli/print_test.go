package cli

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/session"
)

func TestErrors_AreSafeForATerminal(t *testing.T) {
	for _, args := range [][]string{{}, {"--json"}} {
		s, out, errs := console.Buffers(nil)
		a := &commands{&console.Console{Streams: s, JSON: len(args) > 0}}
		failed := &dev.Error{Code: dev.CodeEngine, Message: "the engine said: " + devtest.Hostile, Hint: "look at " + devtest.Hostile, File: "a\n" + devtest.Hostile, Line: 3, Exit: 1}
		if code := a.Exit(t.Context(), failed); code != 1 {
			t.Errorf("exit %d", code)
		}
		devtest.CheckPrintable(t, out.String()+errs.String())
		var back dev.Failed
		if a.JSON && (json.Unmarshal(out.Bytes(), &back) != nil || strings.ToValidUTF8(failed.Hint, "\uFFFD\uFFFD") == back.Hint || !strings.Contains(back.Hint, "\x1b]0;owned\x07")) {
			t.Errorf("the value does not survive: %q", back.Hint)
		}
	}
}

func TestStatus_IsSafeForATerminal(t *testing.T) {
	s := session.Status{Project: devtest.Hostile, Dir: devtest.Hostile, URL: devtest.Hostile, Issuer: devtest.Hostile, Mode: dev.Mode(devtest.Hostile), Services: []session.ServiceStatus{{Name: devtest.Hostile, State: devtest.Hostile, Health: devtest.Hostile, Ports: []string{devtest.Hostile}}},
		Reload: session.ReloadStatus{How: devtest.Hostile}, AWS: session.AWSStatus{Source: devtest.Hostile, Profile: devtest.Hostile, Region: devtest.Hostile}, Engine: session.EngineStatus{Host: devtest.Hostile, Why: devtest.Hostile, API: devtest.Hostile},
		Auth: session.AuthStatus{Current: devtest.Hostile}, Exception: dev.AppException{Exception: devtest.Hostile, File: devtest.Hostile}}
	for _, tty := range []bool{false, true} {
		streams, out, _ := console.Buffers(nil)
		streams.OutTTY = tty
		a := &commands{&console.Console{Streams: streams, Color: "never"}}
		if err := a.Print(a.statusText(s)); err != nil {
			t.Fatal(err)
		}
		devtest.CheckPrintable(t, out.String())
		out.Reset()
		if err := a.PrintJSON(s); err != nil {
			t.Fatal(err)
		}
		devtest.CheckPrintable(t, out.String())
	}
}

func TestFindings_AreSafeForATerminal(t *testing.T) {
	f := dev.Finding{ID: "secret.code", Severity: dev.Blocks, Message: devtest.Hostile, File: devtest.Hostile, Line: 2, Where: devtest.Hostile, Fix: devtest.Hostile, Docs: devtest.Hostile}
	streams, out, _ := console.Buffers(nil)
	a := &commands{&console.Console{Streams: streams}}
	if err := a.printPreflight([]dev.Finding{f, {ID: devtest.Hostile, Severity: dev.Warns, Suppressed: &dev.Suppression{Reason: devtest.Hostile, Origin: devtest.Hostile}}}); err != nil {
		t.Fatal(err)
	}
	devtest.CheckPrintable(t, out.String())
	out.Reset()
	if err := a.writeSARIF("-", []dev.Finding{f}); err != nil {
		t.Fatal(err)
	}
	devtest.CheckPrintable(t, out.String())
	file := filepath.Join(t.TempDir(), "report.sarif")
	if err := a.writeSARIF(file, []dev.Finding{f}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil || !json.Valid(b) {
		t.Fatal(err)
	}
	devtest.CheckPrintable(t, string(b))
}

func TestCommands_AreSafeForATerminal(t *testing.T) {
	quoted, err := json.Marshal(devtest.Hostile)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	const file = "name: shop\nservices:\n  streamlit-local:\n    image: python\n    command: streamlit run Home.py\nx-sdev:\n  auth:\n    users:\n" +
		"      - {email: alice@example.com, name: EVIL, groups: [EVIL], claims: {a: EVIL}}\n    policies:\n      - {path: /a, allow: {groups: [EVIL]}}\n"
	if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(strings.ReplaceAll(file, "EVIL", string(quoted))), 0o600); err != nil {
		t.Fatal(err)
	}
	name := strings.ReplaceAll("a"+devtest.Hostile, "/", "_") + ".py"
	if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"auth", "users"}, {"auth", "users", "--json"}, {"auth", "explain", "--matrix"}, {"auth", "explain", "/" + devtest.Hostile}, {"auth", "explain", "/a", "--as", "alice@example.com", "--json"},
		{"watch", "--explain", name}, {"watch", "--explain", name, "--json"}, {"watch", "--explain", devtest.Hostile},
		{"help", devtest.Hostile}, {devtest.Hostile}, {"auth", devtest.Hostile}, {"up", "--" + devtest.Hostile}, {"logs", "--tail", devtest.Hostile}, {"-C", devtest.Hostile, "status"}, {"status", "--color", devtest.Hostile}, {"up", "--aws", devtest.Hostile, "--json"},
		{"-f", devtest.Hostile, "config"}, {"__complete", "auth", "use", ""}, {"__complete", "up", "--as", ""}, {"preflight", devtest.Hostile}, {"deploy", devtest.Hostile}, {"init", devtest.Hostile, "--yes"}, {"shell", "--" + devtest.Hostile},
	} {
		s, out, errs := console.Buffers(map[string]string{"HOME": t.TempDir()})
		if args[0] != "-C" {
			args = append([]string{"-C", dir}, args...)
		}
		Main(t.Context(), t.Context(), s, args)
		if out.Len()+errs.Len() == 0 {
			t.Errorf("%q printed nothing", args)
		}
		devtest.CheckPrintable(t, out.String())
		devtest.CheckPrintable(t, errs.String())
	}
}

// A command that wrote to a stream itself would bypass the sanitizing.
func TestCommands_PrintThroughOnePlace(t *testing.T) {
	raw := map[string]string{
		"../console/print.go":   "the one place",
		"../console/shell.go":   "a program in the container has the terminal",
		"../console/ask.go":     "so do forms",
		"../console/screen.go":  "the dashboard draws the screen itself",
		"../console/release.go": "nobody listens",
		"../dashboard/host.go":  "a program in the container has the terminal",
		"gateway.go":            "sdev itself reads events and status, and the rest has a format of its own",
		"keep.go":               "sdev itself reads the report of a keeper",
	}
	var files []string
	for _, dir := range []string{".", "../console", "../auth", "../dashboard"} {
		found, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(found) == 0 {
			t.Fatal(err, dir)
		}
		files = append(files, found...)
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
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "huh" && strings.HasPrefix(n.Sel.Name, "New") && filepath.Base(name) != "ask.go" && n.Sel.Name != "NewInput" {
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
