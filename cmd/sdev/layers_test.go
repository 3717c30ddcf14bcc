package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// mayImport says which of our packages each package may import. A name that ends in /… stands for every package below
// it. Test files may import devtest as well, and clitest.
//
// A new package needs a row here. A new entry in a row is a decision about the design.
var mayImport = map[string][]string{
	"cmd/sdev": {"cmd/internal/cli", "cmd/internal/console", "cmd/internal/terminal"},
	// A program of the build, which writes manual pages.
	"cmd/sdev-manual":     {"cmd/internal/manual"},
	"cmd/internal/manual": {"cmd/internal/cli"},
	// The gateway's own executable.
	"cmd/sdev-gateway": {"dev", "dev/gateway/program"},
	// The commands, two groups of them with a package each, and what all commands share.
	"cmd/internal/cli":       {"cmd/internal/auth", "cmd/internal/console", "cmd/internal/dashboard", "cmd/internal/mcp", "cmd/internal/render", "cmd/internal/update", "dev", "dev/…", "scaffold", "templates"},
	"cmd/internal/auth":      {"cmd/internal/console", "cmd/internal/render", "dev", "dev/…"},
	"cmd/internal/dashboard": {"cmd/internal/console", "cmd/internal/render", "cmd/internal/tui", "dev", "dev/…"},
	"cmd/internal/console":   {"cmd/internal/render", "cmd/internal/terminal", "dev", "dev/…", "templates"},
	// The protocol for agents: it words what the commands return.
	"cmd/internal/mcp":      {"cmd/internal/render", "dev", "dev/live", "dev/reruns", "dev/session"},
	"cmd/internal/render":   {"dev"},
	"cmd/internal/terminal": {},
	"cmd/internal/update":   {"dev"},
	"cmd/internal/tui":      {"cmd/internal/render", "cmd/internal/terminal", "dev", "dev/pattern", "dev/reruns"},

	// Regular expressions, which every package may use, so this one imports none of ours.
	"dev/pattern": {},

	// The vocabulary, and the pure computation of a plan.
	"dev":      {"dev/pattern"},
	"dev/plan": {"dev"},

	// The engine: it declares interfaces for the parts that it needs, and gets their implementations from outside.
	"dev/engine": {"dev", "dev/pattern", "dev/plan"},

	// The use cases, which combine several parts. They call parts that decide or read. For parts that act on
	// containers they declare interfaces: commands pass the real engine, tests a fake. No part imports a use case,
	// and the two use cases do not import each other.
	//
	// session runs a project for the commands and the dashboard. release reads a project (config, detect, git),
	// renders, compares and checks a bundle (handoff, preflight), describes a build (plan), and sends requests to the
	// app that it has started (tunnel, streamlit).
	"dev/session": {"dev", "dev/awslocal", "dev/awslogin", "dev/config", "dev/detect", "dev/engine", "dev/gateway", "dev/gateway/…", "dev/mirror", "dev/oidc", "dev/pattern", "dev/plan", "dev/secrets", "dev/sidecar", "dev/streamlit", "dev/tunnel", "dev/watch"},
	"dev/release": {"dev", "dev/config", "dev/destination", "dev/detect", "dev/git", "dev/handoff", "dev/pattern", "dev/plan", "dev/preflight", "dev/secrets", "dev/streamlit", "dev/tunnel"},

	// The parts. They do not import each other, except for the helpers blocking, pattern, sidecar and tree.
	"dev/awslocal":    {"dev"},
	"dev/awslogin":    {"dev", "dev/blocking"},
	"dev/blocking":    {},
	"dev/config":      {"dev", "dev/blocking", "dev/pattern"},
	"dev/destination": {"dev"},
	"dev/detect":      {"dev", "dev/docker/dockerfile", "dev/pattern"}, // which reads text, and no engine
	"dev/docker":      {"dev", "dev/docker/…", "dev/pattern", "dev/plan", "dev/sidecar"},
	"dev/docker/…":    {"dev/pattern"},
	"dev/git":         {"dev", "dev/pattern"},
	"dev/handoff":     {"dev", "dev/pattern", "dev/tree"},
	"dev/hub":         {"dev"},
	"dev/live":        {"dev"},
	"dev/mirror":      {"dev"},
	"dev/oidc":        {"dev", "dev/pattern"},
	"dev/preflight":   {"dev", "dev/docker/dockerfile", "dev/pattern", "dev/preflight/…"},
	"dev/preflight/…": {"dev/pattern"},
	"dev/process":     {"dev", "dev/pattern", "dev/plan"},
	"dev/reruns":      {"dev"},
	"dev/secrets":     {"dev"},
	"dev/sidecar":     {"dev"}, // the gateway's program, which docker and session put into containers
	"dev/streamlit":   {"dev", "dev/pattern"},
	"dev/tree":        {"dev"}, // what handoff and scaffold share
	"dev/tunnel":      {},
	"dev/watch":       {"dev"},

	// The gateway is a program of its own, in its own container, so this package combines the parts that it needs.
	"dev/gateway": {"dev", "dev/awslocal", "dev/gateway/…", "dev/oidc", "dev/pattern", "dev/streamlit", "dev/watch"},
	// The command line of that program.
	"dev/gateway/program": {"dev", "dev/gateway", "dev/mirror", "dev/tunnel"},
	// Its front doors, each with a package, on top of what they share.
	"dev/gateway/door":   {"dev", "dev/streamlit"},
	"dev/gateway/alb":    {"dev", "dev/gateway/door"},
	"dev/gateway/access": {"dev", "dev/gateway/door"},
	"dev/gateway/iap":    {"dev", "dev/gateway/door"},

	// For tests only.
	"dev/devtest":          {"dev", "dev/plan"},
	"cmd/internal/clitest": {},

	// Creating a project shares only the vocabulary and the errors with running one.
	"scaffold":  {"dev", "dev/pattern", "dev/tree"},
	"templates": {},
}

// onlyImporter names the only package that may import a library, for libraries that are one package's concern.
var onlyImporter = map[string]string{
	"github.com/docker/docker":     "dev/docker",
	"github.com/moby/buildkit":     "dev/docker",
	"github.com/fsnotify/fsnotify": "dev/watch",
	"github.com/aws/aws-sdk-go-v2": "dev/awslogin",
	"github.com/hashicorp/yamux":   "dev/tunnel",
	"github.com/spf13/cobra":       "cmd/internal",
	"charm.land/bubbletea":         "cmd/internal/tui",
	"charm.land/bubbles":           "cmd/internal/tui",
	"charm.land/huh":               "cmd/internal",

	"github.com/modelcontextprotocol/go-sdk": "cmd/internal/mcp",
}

func TestLayers_ImportsFollowTheMap(t *testing.T) {
	for _, f := range sources(t) {
		allowed, ok := row(f.pkg)
		if !ok {
			t.Errorf("%s: package %s has no row in mayImport", f.name, f.pkg)
			continue
		}
		for _, imp := range f.imports() {
			imported, ok := strings.CutPrefix(imp, "sdev/")
			switch {
			case !ok, within(allowed, imported):
			case f.test && (imported == f.pkg || imported == "dev/devtest"):
			case f.test && imported == "cmd/internal/clitest": // the packages of commands
			case f.test && f.pkg == "dev/gateway" && imported == "dev/config": // makes the authority of the key hosts
			case f.test && f.pkg == "cmd/sdev": // drives the whole program
			case f.test && strings.HasPrefix(f.pkg, "dev/gateway/") && imported == "dev/oidc": // where front doors sign people in
			case f.test && f.pkg == "templates": // the parts that use a tree test it
			case f.test && f.pkg == "dev/handoff" && imported == "templates": // targets are tested with their trees
			default:
				t.Errorf("%s: %s must not import %s", f.name, f.pkg, imported)
			}
		}
	}
}

// An entry that nobody uses is a decision that was taken back, or never taken. Entries that end in … are as wide as
// they say.
func TestLayers_EveryEntryOfARowIsUsed(t *testing.T) {
	used := map[[2]string]bool{} // by row and imported package
	for _, f := range sources(t) {
		for _, imp := range f.imports() {
			if imported, ours := strings.CutPrefix(imp, "sdev/"); ours && !f.test {
				used[[2]string{rowName(f.pkg), imported}] = true
			}
		}
	}
	for pkg, allowed := range mayImport {
		for _, imported := range allowed {
			if !used[[2]string{pkg, imported}] && !strings.HasSuffix(imported, "…") {
				t.Errorf("mayImport lets %s import %s, which it does not", pkg, imported)
			}
		}
	}
}

func TestLayers_EveryRowHasAPackage(t *testing.T) {
	have := map[string]bool{}
	for _, f := range sources(t) {
		have[f.pkg] = true
	}
	for pkg := range mayImport {
		above, many := strings.CutSuffix(pkg, "/…")
		if !have[pkg] && !(many && slices.ContainsFunc(slices.Collect(maps.Keys(have)), func(p string) bool { return strings.HasPrefix(p, above+"/") })) {
			t.Errorf("mayImport has a row for %s, which is no package", pkg)
		}
	}
}

func TestLayers_LibrariesHaveOneImporter(t *testing.T) {
	for _, f := range sources(t) {
		for _, imp := range f.imports() {
			for lib, home := range onlyImporter {
				used := imp == lib || strings.HasPrefix(imp, lib+"/")
				if used && !f.test && f.pkg != home && !strings.HasPrefix(f.pkg, home+"/") {
					t.Errorf("%s: only importer of %s is %s", f.name, lib, home)
				}
			}
		}
	}
}

// TestCommands_HaveTheSameParts wants one command in a file, in this order: xOptions, newXCmd, validate if there is
// something to check, and runX, which gets the context and the options.
func TestCommands_HaveTheSameParts(t *testing.T) {
	constructor := regexp.MustCompile(`^new(\w+)Cmd$`)
	for _, f := range sources(t) {
		if f.test || f.pkg != "cmd/internal/cli" && f.pkg != "cmd/internal/auth" {
			continue
		}
		var command string   // "Up"
		var parts []string   // in the order of the file
		var signature string // of the run function
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if s, ok := s.(*ast.TypeSpec); ok && strings.HasSuffix(s.Name.Name, "Options") {
						parts = append(parts, s.Name.Name)
					}
				}
			case *ast.FuncDecl:
				receiver := receiver(d)
				switch m := constructor.FindStringSubmatch(d.Name.Name); {
				case m != nil && command != "":
					t.Errorf("%s: a second command in the file", f.at(d))
				case m != nil:
					command = m[1]
					parts = append(parts, d.Name.Name)
				case strings.HasSuffix(receiver, "Options") && slices.Contains([]string{"check", "verify"}, d.Name.Name):
					t.Errorf("%s: the check of options is called validate", f.at(d))
				case strings.HasSuffix(receiver, "Options") && d.Name.Name == "validate":
					parts = append(parts, receiver+".validate")
				case command != "" && d.Name.Name == "run"+command:
					parts = append(parts, d.Name.Name)
					signature = parameters(d)
				}
			}
		}
		if command == "" {
			continue
		}
		options := strings.ToLower(command[:1]) + command[1:] + "Options"
		if command == strings.ToUpper(command) { // UI
			options = strings.ToLower(command) + "Options"
		}
		want := []string{options, "new" + command + "Cmd", "run" + command}
		if slices.Contains(parts, options+".validate") {
			want = slices.Insert(want, 2, options+".validate")
		}
		if !slices.Equal(parts, want) {
			t.Errorf("%s has %q, want %q", f.name, parts, want)
		}
		if signature != "context.Context, "+options {
			t.Errorf("%s: run%s takes (%s), want (context.Context, %s)", f.name, command, signature, options)
		}
	}
}

// receiver returns the name of the type that a method belongs to; "" for a function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	typ := d.Recv.List[0].Type
	if p, ok := typ.(*ast.StarExpr); ok {
		typ = p.X
	}
	return fmt.Sprint(typ)
}

// parameters returns the types of a function's parameters.
func parameters(d *ast.FuncDecl) string {
	var types []string
	for _, p := range d.Type.Params.List {
		typ := fmt.Sprint(p.Type)
		if s, ok := p.Type.(*ast.SelectorExpr); ok {
			typ = fmt.Sprint(s.X) + "." + s.Sel.Name
		}
		types = append(types, typ)
	}
	return strings.Join(types, ", ")
}

func TestPackages_SayWhatTheyAreFor(t *testing.T) {
	docs := make(map[string]string)
	for _, f := range sources(t) {
		if !f.test {
			docs[f.pkg] += f.ast.Doc.Text()
		}
	}
	for pkg, doc := range docs {
		want := "Package " + path.Base(pkg) + " "
		if path.Dir(pkg) == "cmd" {
			want = "Command " + path.Base(pkg) + " "
		}
		if !strings.HasPrefix(doc, want) {
			t.Errorf("%s: the package's doc must begin with %q; it is %.60q", pkg, want, doc)
		}
	}
}

func TestInterfaces_HaveAtMostFiveMethods(t *testing.T) {
	files := sources(t)
	declared := make(map[string]*ast.InterfaceType) // by package and name: "engine.Runtime"
	for _, f := range files {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if d, ok := n.(*ast.TypeSpec); ok {
				if i, ok := d.Type.(*ast.InterfaceType); ok {
					declared[f.ast.Name.Name+"."+d.Name.Name] = i
				}
			}
			return true
		})
	}
	var methods func(pkg string, i *ast.InterfaceType) int // counts those of embedded interfaces too
	methods = func(pkg string, i *ast.InterfaceType) (count int) {
		for _, m := range i.Methods.List {
			var embedded string
			switch x := m.Type.(type) {
			case *ast.Ident:
				embedded = pkg + "." + x.Name
			case *ast.SelectorExpr:
				embedded = fmt.Sprint(x.X) + "." + x.Sel.Name
			}
			if e, ok := declared[embedded]; ok {
				count += methods(strings.Split(embedded, ".")[0], e)
			} else {
				count++
			}
		}
		return count
	}
	for _, f := range files {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if i, ok := n.(*ast.InterfaceType); ok {
				if count := methods(f.ast.Name.Name, i); count > 5 {
					t.Errorf("%s: interface of %d methods", f.at(i), count)
				}
			}
			return true
		})
	}
}

// A comment that begins with another name was forgotten in a change.
func TestComments_BeginWithTheNameThatTheyDescribe(t *testing.T) {
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				f.checkDoc(t, d.Doc, d.Name)
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if s, ok := s.(*ast.TypeSpec); ok && len(d.Specs) == 1 {
						f.checkDoc(t, d.Doc, s.Name)
					}
				}
			}
		}
	}
}

// docLink is a link of a doc comment, such as [Name], [Type.Member] or [pkg.Name].
var docLink = regexp.MustCompile(`\[\*?((?:[a-z]\w*\.)?[A-Z]\w*(?:\.[A-Z]\w*)?)\]`)

func TestComments_LinkToNamesThatExist(t *testing.T) {
	files := sources(t)
	names := make(map[string]map[string]bool) // that occur in a package's code
	for _, f := range files {
		if f.test {
			continue
		}
		pkg := f.ast.Name.Name
		if names[pkg] == nil {
			names[pkg] = make(map[string]bool)
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				names[pkg][id.Name] = true
			}
			return true
		})
	}
	for _, f := range files {
		for _, c := range f.ast.Comments {
			for _, link := range docLink.FindAllStringSubmatch(c.Text(), -1) {
				pkg, parts := f.ast.Name.Name, strings.Split(link[1], ".")
				if unicode.IsLower(rune(parts[0][0])) {
					pkg, parts = parts[0], parts[1:]
				}
				for _, name := range parts {
					if names[pkg] != nil && !names[pkg][name] {
						t.Errorf("%s: a comment links to %s, which does not exist", f.at(c), link[0])
					}
				}
			}
		}
	}
}

func (f source) checkDoc(t *testing.T, doc *ast.CommentGroup, name *ast.Ident) {
	t.Helper()
	words := strings.Fields(doc.Text())
	if len(words) == 0 {
		return
	}
	first := words[0]
	if len(words) > 1 && (first == "A" || first == "An" || first == "The") {
		first = words[1]
	}
	// A sentence may begin with any word. A word in lower case or with a capital inside is a name.
	isName := unicode.IsLower(rune(words[0][0])) || strings.ContainsFunc(first[1:], unicode.IsUpper)
	if strings.TrimRight(first, ",:.") != name.Name && (name.IsExported() || isName) {
		t.Errorf("%s: the comment of %s begins with %q", f.at(name), name.Name, words[0])
	}
}

func TestVariables_OfPackagesAreNeverChanged(t *testing.T) {
	vars := make(map[string]bool) // by package and name
	for _, f := range sources(t) {
		for _, name := range f.vars() {
			vars[f.pkg+"."+name] = true
		}
	}
	for _, f := range sources(t) {
		for _, id := range f.assigned() {
			// The parser resolves names only within a file: a local variable has an object, and a variable of
			// another file has none.
			local := id.Obj != nil && f.ast.Scope.Lookup(id.Name) != id.Obj
			if vars[f.pkg+"."+id.Name] && id.Name != "_" && !local {
				t.Errorf("%s: package variable %s is changed", f.at(id), id.Name)
			}
		}
	}
}

func TestProgram_EndsInOnePlace(t *testing.T) {
	for _, f := range sources(t) {
		if slices.Contains([]string{"cmd/sdev", "cmd/sdev-gateway", "cmd/sdev-manual"}, f.pkg) {
			continue
		}
		for _, call := range f.calls("os.Exit") {
			t.Errorf("%s: only package main ends the program", call)
		}
	}
}

func TestTests_AreNeitherSkippedNorSlept(t *testing.T) {
	for _, f := range sources(t) {
		if !f.test {
			continue
		}
		for _, name := range []string{"t.Skip", "t.Skipf", "t.SkipNow", "b.Skip", "b.Skipf", "b.SkipNow"} {
			for _, call := range f.calls(name) {
				t.Errorf("%s: a test that does not run proves nothing", call)
			}
		}
		if slices.Contains(f.imports(), "testing/synctest") {
			continue // sleeping moves the bubble's clock
		}
		for _, call := range f.calls("time.Sleep") {
			t.Errorf("%s: wait for a state, not for a time", call)
		}
	}
}

// row finds the row of a package.
func row(pkg string) ([]string, bool) {
	r, ok := mayImport[rowName(pkg)]
	return r, ok
}

// rowName returns the name of a package's row: its own, or the nearest one with /… above it; "" if it has none.
func rowName(pkg string) string {
	if _, ok := mayImport[pkg]; ok {
		return pkg
	}
	for dir := path.Dir(pkg); dir != "."; dir = path.Dir(dir) {
		if _, ok := mayImport[dir+"/…"]; ok {
			return dir + "/…"
		}
	}
	return ""
}

func within(allowed []string, pkg string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		above, many := strings.CutSuffix(a, "…")
		return a == pkg || many && strings.HasPrefix(pkg, above)
	})
}

// source is one Go file of the module.
type source struct {
	name string // relative to the module's root, with slashes
	pkg  string // import path without the module
	test bool
	ast  *ast.File
	set  *token.FileSet
}

// sources parses all Go files of the module.
func sources(t *testing.T) []source {
	t.Helper()
	const root = "../.."
	var out []source
	set := token.NewFileSet()
	for _, top := range []string{"cmd", "dev", "scaffold", "templates"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(p string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && d.Name() == "testdata":
				return fs.SkipDir
			case d.IsDir() || filepath.Ext(p) != ".go":
				return nil
			}
			file, err := parser.ParseFile(set, p, nil, parser.ParseComments)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, p)
			if err != nil {
				return err
			}
			rel = filepath.ToSlash(rel)
			out = append(out, source{name: rel, pkg: path.Dir(rel), test: strings.HasSuffix(rel, "_test.go"), ast: file, set: set})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func (f source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.name, f.set.Position(n.Pos()).Line)
}

func (f source) imports() []string {
	var out []string
	for _, i := range f.ast.Imports {
		if p, err := strconv.Unquote(i.Path.Value); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// calls returns the places where a function is named as x.Name.
func (f source) calls(want string) []string {
	found := make(map[string]bool)
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Name+"."+s.Sel.Name == want {
				found[f.at(s)] = true
			}
		}
		return true
	})
	return slices.Sorted(maps.Keys(found))
}

// vars returns the names of the variables that the file declares outside functions.
func (f source) vars() []string {
	var out []string
	for _, d := range f.ast.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, s := range g.Specs {
			for _, id := range s.(*ast.ValueSpec).Names {
				out = append(out, id.Name)
			}
		}
	}
	return out
}

// assigned returns the variables that the file assigns to, or to whose elements or fields it assigns.
func (f source) assigned() []*ast.Ident {
	var out []*ast.Ident
	add := func(e ast.Expr) {
		for {
			switch x := e.(type) {
			case *ast.Ident:
				out = append(out, x)
				return
			case *ast.IndexExpr:
				e = x.X
			case *ast.SelectorExpr:
				e = x.X
			case *ast.ParenExpr:
				e = x.X
			case *ast.StarExpr:
				e = x.X
			default:
				return
			}
		}
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		switch s := n.(type) {
		case *ast.AssignStmt:
			if s.Tok != token.DEFINE {
				for _, l := range s.Lhs {
					add(l)
				}
			}
		case *ast.IncDecStmt:
			add(s.X)
		}
		return true
	})
	return out
}
