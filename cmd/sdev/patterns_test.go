package main_test

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"path"
	"regexp"
	"testing"
)

// An expression is compiled at its first use, so a wrong one would fail only there.
func TestPatterns_Compile(t *testing.T) {
	packages := make(map[string][]source)
	for _, f := range sources(t) {
		if !f.test {
			packages[f.pkg] = append(packages[f.pkg], f)
		}
	}
	tried := 0
	for pkg, files := range packages {
		values := constants(pkg, files)
		for _, f := range files {
			for _, call := range callsOf(f.ast, "pattern.New") {
				value := values[call.Args[0]].Value
				if value == nil {
					continue // built when the program runs
				}
				tried++
				if _, err := regexp.Compile(constant.StringVal(value)); err != nil {
					t.Errorf("%s: %v", f.at(call), err)
				}
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d expressions were found", tried)
	}
}

func TestPatterns_AreNotCompiledAtTheStart(t *testing.T) {
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		for _, d := range f.ast.Decls {
			if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.VAR {
				for _, call := range callsOf(d, "regexp.MustCompile") {
					t.Errorf("%s: every command would wait for this expression; use pattern.New", f.at(call))
				}
			}
		}
	}
}

// callsOf returns the calls of a function below a node, but not those in functions that have no name: they run later.
func callsOf(n ast.Node, want string) []*ast.CallExpr {
	var out []*ast.CallExpr
	_, declaration := n.(*ast.GenDecl)
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return !declaration
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && fmt.Sprintf("%s.%s", s.X, s.Sel) == want {
				out = append(out, n)
			}
		}
		return true
	})
	return out
}

// constants returns the values of a package's constant expressions. Those that need a constant of another package have
// none.
func constants(pkg string, files []source) map[ast.Expr]types.TypeAndValue {
	info := types.Info{Types: make(map[ast.Expr]types.TypeAndValue)}
	conf := types.Config{Importer: emptyPackages{}, Error: func(error) {}} // names of other packages are unknown
	var parsed []*ast.File
	for _, f := range files {
		parsed = append(parsed, f.ast)
	}
	_, _ = conf.Check(pkg, files[0].set, parsed, &info) // fails for the same reason
	return info.Types
}

// emptyPackages imports every package without its names.
type emptyPackages struct{}

func (emptyPackages) Import(name string) (*types.Package, error) {
	p := types.NewPackage(name, path.Base(name))
	p.MarkComplete()
	return p, nil
}
