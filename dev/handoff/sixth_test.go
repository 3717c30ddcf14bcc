package handoff

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"sdev/dev"
	"sdev/dev/pattern"
	"sdev/templates"
)

// sixth is a target that nothing else knows: everything about it is here.
func sixth() Target {
	return Target{
		Name: "harbour", About: "a harbour", NeedsImage: true, Hosting: dev.Hosting{OwnHost: true},
		Params: []Param{{Name: "quay", About: "where it lies", Check: matches(pattern.New(`^[a-z ]+$`), "small letters"), Placeholder: "somewhere"}},
		Derive: func(f Facts, v Values) (map[string]any, []dev.Finding) {
			return map[string]any{"kind": "large"}, proxyFindings(f, "harbour", dev.ProxyIAP, "identity.py")
		},
		NextSteps:       func(_ Facts, v Values) []Step { return []Step{{About: "sail", Run: "sail " + shText(v.Text("quay"))}} },
		Platform:        func(Values) string { return "linux/riscv64" },
		SecretVariables: func(Values) []string { return []string{"TOKEN"} },
		languages:       []language{{name: "flags", endings: []string{".flags"}, literal: scalar(func(s string) string { return "<" + s + ">" })}},
		guards: map[string]func(string) (string, error){"refused.flags": func(s string) (string, error) {
			return "", errors.New("no flag")
		}},
	}
}

// TestTarget_ASixthIsOneValueAndOneDirectory takes a new target through a whole hand-off. Nothing outside it has to
// know its name, its files or its language.
func TestTarget_ASixthIsOneValueAndOneDirectory(t *testing.T) {
	tree := fstest.MapFS{
		"harbour/README.md.tmpl":          {Data: []byte("# <% .V.quay %>\n")},
		"harbour/kind=large/a.flags.tmpl": {Data: []byte("<% .V.quay %>\n")},
		"harbour/kind=small/b.flags.tmpl": {Data: []byte("<% .V.quay %>\n")},
		"harbour/c.yml.tmpl":              {Data: []byte("flags: <% .V.quay | flags %>\n")},
	}
	target, err := Find(append(Targets(), sixth()), "harbour")
	if err != nil {
		t.Fatal(err)
	}
	f := Facts{App: App{Login: []Value{{Text: dev.ProxyALB, Source: "app.py:3"}}}}
	values, missing, err := target.Resolve(f, Inputs{Set: map[string]string{"quay": "quay two"}})
	if err != nil || len(missing) != 0 {
		t.Fatal(missing, err)
	}
	files, findings, err := target.Render(tree, f, values)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, file := range files {
		got = append(got, file.Path+": "+strings.TrimSpace(string(file.Content)))
	}
	if want := []string{"README.md: # quay two", "a.flags: <quay two>", "c.yml: flags: <quay two>"}; !slices.Equal(got, want) {
		t.Errorf("rendered %q, want %q", got, want)
	}
	if !slices.ContainsFunc(findings, func(f dev.Finding) bool {
		return f.ID == "harbour.login.door" && strings.Contains(f.Fix, "X-Goog-Iap-Jwt-Assertion")
	}) {
		t.Errorf("findings about the identity proxy: %+v", findings)
	}
	place := Place{Root: t.TempDir(), Bundle: "deploy/harbour"}
	b, err := Open(place)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Compare(files); err != nil {
		t.Fatal(err)
	}
	if _, err := b.AddRecord(Record{Target: target.Name, Values: target.NamedValues(values), Next: target.NextSteps(f, values)}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := b.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if summary, err := os.ReadFile(place.Root + "/deploy/harbour/" + SummaryFile); err != nil || !strings.Contains(string(summary), "sail 'quay two'") {
		t.Errorf("the summary says\n%s%v", summary, err)
	}
	tree["harbour/refused.flags.tmpl"] = &fstest.MapFile{Data: []byte("<% .V.quay %>")}
	if _, _, err := target.Render(tree, f, values); err == nil || dev.AsError(err).Code != dev.CodeDeployValue {
		t.Errorf("what its reader would evaluate is written: %v", err)
	}
}

// TestTargets_EachHasADirectoryOfTemplatesAndAGolden says what a new target still lacks, and what is left of a removed
// one.
func TestTargets_EachHasADirectoryOfTemplatesAndAGolden(t *testing.T) {
	var names []string
	for _, target := range Targets() {
		names = append(names, target.Name)
	}
	slices.Sort(names)
	for what, dir := range map[string]fs.FS{"templates/targets": templates.Targets(), "dev/handoff/testdata/golden": os.DirFS("testdata/golden")} {
		entries, err := fs.ReadDir(dir, ".")
		if err != nil {
			t.Fatal(err)
		}
		var have []string
		for _, e := range entries {
			if e.IsDir() {
				have = append(have, e.Name())
			}
		}
		if !slices.Equal(have, names) {
			t.Errorf("%s holds %v, and the targets are %v", what, have, names)
		}
	}
}

// TestTargets_LanguagesHaveOneNameEach keeps a target from replacing the function of another language.
func TestTargets_LanguagesHaveOneNameEach(t *testing.T) {
	for _, target := range Targets() {
		var names []string
		for _, l := range target.allLanguages() {
			names = append(names, l.name)
		}
		if len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(names) {
			t.Errorf("%s: two languages of one name: %v", target.Name, names)
		}
	}
}
