package main_test

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/handoff"
)

// Each name of a target or an identity proxy occurs in only one package. Other packages ask that one for a property and do
// not compare names. So adding a target or an identity proxy is an edit in one place, the one that CONTRIBUTING.md names.

// TestWords_ATargetIsKnownByNameInItsOwnFileAlone checks the claim "one directory of templates, one file, one line in the
// list, one golden".
func TestWords_ATargetIsKnownByNameInItsOwnFileAlone(t *testing.T) {
	all := sources(t)
	for _, target := range handoff.Targets() {
		owners := ownersOf(all, target.Name)
		if len(owners) != 1 {
			t.Errorf("target %s is declared in %v, want one file of dev/handoff", target.Name, owners)
		}
		owners = append(owners,
			"dev/identity_proxy.go",     // an identity proxy may have the name of the company that offers it
			"dev/preflight/language.go", // directories in which other projects keep files for a deployment
		)
		for _, at := range literals(all, target.Name) {
			if !slices.Contains(owners, at.name) {
				t.Errorf("%s: the name of target %s; ask the target for what you need to know", at.at(at.node), target.Name)
			}
		}
	}
}

func TestWords_TheREADMEListsEveryTarget(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range handoff.Targets() {
		if !strings.Contains(string(readme), "\n| `"+target.Name+"` | ") {
			t.Errorf("the table of targets in README.md has no row for %s", target.Name)
		}
	}
}

func TestWords_AnIdentityProxyIsKnownByNameInOneFile(t *testing.T) {
	all := sources(t)
	for _, proxy := range dev.IdentityProxies() {
		owners := append(ownersOf(all, proxy.Name), "dev/identity_proxy.go")
		for _, at := range literals(all, proxy.Name) {
			if !slices.Contains(owners, at.name) {
				t.Errorf("%s: the name of identity proxy %s; use dev.IdentityProxies, or a constant of it", at.at(at.node), proxy.Name)
			}
		}
	}
}

// namedFile is a file or directory of this repository in a text, such as `dev/watch/watch.go`.
var namedFile = regexp.MustCompile("`((?:cmd|dev|scaffold|templates|\\.ci)/[^` :]*)`")

func TestWords_CONTRIBUTINGNamesFilesThatExist(t *testing.T) {
	text, err := os.ReadFile("../../.github/CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, named := range namedFile.FindAllStringSubmatch(string(text), -1) {
		if found, err := filepath.Glob(filepath.Join("../..", named[1])); err != nil || len(found) == 0 {
			t.Errorf("CONTRIBUTING.md names %s, which does not exist", named[1])
		}
	}
}

// ownersOf returns the files that declare a target with a name.
func ownersOf(all []source, name string) []string {
	var files []string
	for _, f := range all {
		if f.pkg != "dev/handoff" || f.test {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			c, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if id, ok := c.Type.(*ast.Ident); !ok || id.Name != "Target" {
				return true
			}
			for _, e := range c.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok && isIdent(kv.Key, "Name") && textOf(kv.Value) == name {
					files = append(files, f.name)
				}
			}
			return true
		})
	}
	return files
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// textOf returns the text of a string literal; "" for anything else.
func textOf(n ast.Node) string {
	lit, ok := n.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	text, _ := strconv.Unquote(lit.Value) // the parser has accepted it
	return text
}

// occurrence is a place in a file.
type occurrence struct {
	source
	node ast.Node
}

// literals returns the places outside tests where a string literal is exactly a text.
func literals(all []source, text string) []occurrence {
	var out []occurrence
	for _, f := range all {
		if f.test {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if n != nil && textOf(n) == text {
				out = append(out, occurrence{f, n})
			}
			return true
		})
	}
	return out
}
