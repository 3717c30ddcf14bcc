package scaffold_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"sdev/dev"
	"sdev/scaffold"
)

func tree() fstest.MapFS {
	return fstest.MapFS{
		"all/README.md.tmpl":      {Data: []byte("# {{.name}}\n")},
		"all/.gitignore":          {Data: []byte("*.pyc\n")},
		"all/src/app.py":          {Data: []byte("print('{{ as it is }}')\n")},
		"all/bin/run":             {Data: []byte("#!/bin/sh\n"), Mode: 0o755},
		"deps=uv/uv.lock":         {Data: []byte("lock\n")},
		"deps=pip/reqs.txt":       {Data: []byte("reqs\n")},
		"deps=uv,auth=none/plain": {Data: []byte("no login\n")},
	}
}

func source(changes ...string) scaffold.Source {
	answers := map[string]string{"name": "shop", "deps": "uv", "auth": "oauth"}
	for i := 0; i < len(changes); i += 2 {
		answers[changes[i]] = changes[i+1]
	}
	return scaffold.Source{Tree: tree(), Name: "project", Version: "1", Answers: answers}
}

func newPlan(t *testing.T, src scaffold.Source, dir string, force bool) *scaffold.Plan {
	t.Helper()
	p, err := scaffold.NewPlan(src, dir, force)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func apply(t *testing.T, src scaffold.Source, dir string, force bool) *scaffold.Plan {
	t.Helper()
	p := newPlan(t, src, dir, force)
	if err := p.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// lines returns the plan's files as "status path" or "status path: reason".
func lines(p *scaffold.Plan) []string {
	var out []string
	for _, f := range p.Files {
		line := string(f.Status) + " " + f.Path
		if f.Reason != "" {
			line += ": " + f.Reason
		}
		out = append(out, line)
	}
	return out
}

func wantLine(t *testing.T, p *scaffold.Plan, line string) {
	t.Helper()
	if got := lines(p); !slices.Contains(got, line) {
		t.Errorf("plan lacks %q:\n%s", line, strings.Join(got, "\n"))
	}
}

func wantCode(t *testing.T, err error, code dev.Code, parts ...string) {
	t.Helper()
	e, ok := errors.AsType[*dev.Error](err)
	if !ok || e.Code != code {
		t.Fatalf("error is %v, want code %s", err, code)
	}
	for _, part := range parts {
		if !strings.Contains(e.Message+"\n"+e.Hint, part) {
			t.Errorf("error %q with hint %q does not mention %q", e.Message, e.Hint, part)
		}
	}
}

func put(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// listing returns every file and directory below dir.
func listing(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		if name != dir {
			rel, _ := filepath.Rel(dir, name)
			out = append(out, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPlan_ListsFilesInStableOrderAndChangesNothing(t *testing.T) {
	parent := t.TempDir()
	p := newPlan(t, source(), filepath.Join(parent, "shop"), false)
	want := []string{
		"create .gitignore", "create README.md", "create bin/run", "create src/app.py", "create uv.lock",
		"create .sdev-project.json",
	}
	if got := lines(p); !slices.Equal(got, want) {
		t.Errorf("plan:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if left := listing(t, parent); len(left) != 0 {
		t.Errorf("planning made %v", left)
	}
}

func TestPlan_LayersFollowTheAnswers(t *testing.T) {
	p := newPlan(t, source("deps", "uv", "auth", "none"), filepath.Join(t.TempDir(), "x"), false)
	wantLine(t, p, "create plain")
	wantLine(t, p, "create uv.lock")
	p = newPlan(t, source("deps", "pip", "auth", "none"), filepath.Join(t.TempDir(), "x"), false)
	wantLine(t, p, "create reqs.txt")
	if slices.Contains(lines(p), "create plain") || slices.Contains(lines(p), "create uv.lock") {
		t.Errorf("layers of other answers in the plan: %v", lines(p))
	}
}

func TestPlan_RefusesAFaultyTree(t *testing.T) {
	for name, file := range map[string]string{
		"unknown answer in a layer's name": "color=red/a",
		"layer without a meaning":          "some/a",
		"file in two layers":               "deps=uv/.gitignore",
		"unknown answer in a text":         "all/b.tmpl",
		"text that is no template":         "all/c.tmpl",
	} {
		t.Run(name, func(t *testing.T) {
			faulty := tree()
			faulty[file] = &fstest.MapFile{Data: []byte(map[string]string{"all/b.tmpl": "{{.color}}", "all/c.tmpl": "{{"}[file])}
			src := source()
			src.Tree = faulty
			if _, err := scaffold.NewPlan(src, filepath.Join(t.TempDir(), "x"), false); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestApply_WritesWhatThePlanSays(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "above", "shop")
	apply(t, source(), dir, false)
	if got := content(t, filepath.Join(dir, "README.md")); got != "# shop\n" {
		t.Errorf("README.md is %q", got)
	}
	if got := content(t, filepath.Join(dir, "src/app.py")); got != "print('{{ as it is }}')\n" {
		t.Errorf("src/app.py is %q", got)
	}
	want := []string{".gitignore", ".sdev-project.json", "README.md", "bin", "bin/run", "src", "src/app.py", "uv.lock"}
	if got := listing(t, dir); !slices.Equal(got, want) {
		t.Errorf("files: %v, want %v", got, want)
	}
	for file, mode := range map[string]fs.FileMode{"bin/run": 0o755, "README.md": 0o644} {
		if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v, want mode %v", file, info.Mode(), err, mode)
		}
	}
}

func TestApply_SecondRunHasNothingToDo(t *testing.T) {
	dir := t.TempDir()
	apply(t, source(), dir, false)
	before := content(t, filepath.Join(dir, scaffold.RecordName))
	p := apply(t, source(), dir, false)
	if !p.Empty() || p.Count(scaffold.Identical) != len(p.Files) {
		t.Errorf("second run:\n%s", strings.Join(lines(p), "\n"))
	}
	if after := content(t, filepath.Join(dir, scaffold.RecordName)); after != before {
		t.Errorf("the record changed:\n%s", after)
	}
}

func TestRecord_HoldsAnswersAndHashes(t *testing.T) {
	dir := t.TempDir()
	apply(t, source(), dir, false)
	rec, ok, err := scaffold.ReadRecord(dir)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if rec.Tree != "project" || rec.Version != "1" || rec.Answers["deps"] != "uv" || len(rec.Files) != 5 {
		t.Errorf("record: %+v", rec)
	}
	// The SHA-256 of "lock\n", as sha256sum prints it.
	if got := rec.Files["uv.lock"]; got != "d8c9f2728aa278ebcd33ccedf3ad309a866870ad5fb93a03526b4b7655c9e911" {
		t.Errorf("hash of uv.lock: %s", got)
	}
}

func TestRecord_OfANewerProgramIsRefused(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, scaffold.RecordName), `{"v":2}`)
	_, err := scaffold.NewPlan(source(), dir, true)
	wantCode(t, err, dev.CodeScaffoldTarget, "version is 2")
	_, _, err = scaffold.ReadRecord(dir)
	wantCode(t, err, dev.CodeScaffoldTarget)
}

func TestApply_LeavesEditedFilesAlone(t *testing.T) {
	dir := t.TempDir()
	apply(t, source(), dir, false)
	put(t, filepath.Join(dir, "README.md"), "mine\n")
	for _, force := range []bool{false, true} {
		p := apply(t, source(), dir, force)
		wantLine(t, p, "skip README.md: edited by you")
		if !p.Empty() || content(t, filepath.Join(dir, "README.md")) != "mine\n" {
			t.Errorf("force %v: %v", force, lines(p))
		}
	}
	// The record keeps the hash of the written content, so that a later run still recognises the edit.
	apply(t, source("deps", "pip"), dir, true)
	wantLine(t, newPlan(t, source(), dir, false), "skip README.md: edited by you")
}

// git may change the line endings of a checkout on Windows. That is no edit, and what sdev writes later has the same ones.
func TestApply_KeepsTheLineEndingsOfTheCheckout(t *testing.T) {
	dir := t.TempDir()
	for _, f := range apply(t, source(), dir, false).Files {
		name := filepath.Join(dir, f.Path)
		put(t, name, strings.ReplaceAll(content(t, name), "\n", "\r\n"))
	}
	if p := apply(t, source(), dir, false); !p.Empty() {
		t.Errorf("a second run: %v", lines(p))
	}
	p := apply(t, source("deps", "pip"), dir, true)
	if p.Empty() {
		t.Fatal("other answers change nothing")
	}
	for _, f := range p.Files {
		if text := content(t, filepath.Join(dir, f.Path)); f.Status == scaffold.Overwrite && strings.Count(text, "\n") != strings.Count(text, "\r\n") {
			t.Errorf("%s has other line endings now: %q", f.Path, text)
		}
	}
	if p := apply(t, source("deps", "pip"), dir, false); !p.Empty() {
		t.Errorf("the last run: %v", lines(p))
	}
}

func TestApply_RestoresAMissingFile(t *testing.T) {
	dir := t.TempDir()
	apply(t, source(), dir, false)
	if err := os.Remove(filepath.Join(dir, "src/app.py")); err != nil {
		t.Fatal(err)
	}
	wantLine(t, apply(t, source(), dir, false), "create src/app.py")
	content(t, filepath.Join(dir, "src/app.py"))
}

func TestApply_OtherAnswersAreAConflictUntilForced(t *testing.T) {
	dir := t.TempDir()
	apply(t, source(), dir, false)
	other := source("name", "store", "deps", "pip")
	p := newPlan(t, other, dir, false)
	wantLine(t, p, "conflict README.md: written with other answers or by another version")
	wantCode(t, p.Apply(t.Context()), dev.CodeScaffoldConflict, "README.md", "--force")
	if slices.Contains(listing(t, dir), "reqs.txt") {
		t.Error("something was written despite the conflict")
	}
	wantLine(t, apply(t, other, dir, true), "overwrite README.md")
	if got := content(t, filepath.Join(dir, "README.md")); got != "# store\n" {
		t.Errorf("README.md is %q", got)
	}
	if rec, _, _ := scaffold.ReadRecord(dir); rec.Answers["name"] != "store" {
		t.Errorf("record: %+v", rec)
	}
}

func TestApply_NeverOverwritesUnasked(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "README.md"), "mine\n")
	put(t, filepath.Join(dir, ".gitignore"), "*.pyc\n")
	p := newPlan(t, source(), dir, false)
	wantLine(t, p, "conflict README.md: exists and differs")
	wantLine(t, p, "identical .gitignore")
	wantCode(t, p.Apply(t.Context()), dev.CodeScaffoldConflict, "1 file is in the way", "README.md")
	if got := listing(t, dir); len(got) != 2 {
		t.Errorf("files: %v", got)
	}
	apply(t, source(), dir, true)
	if got := content(t, filepath.Join(dir, "README.md")); got != "# shop\n" {
		t.Errorf("README.md is %q", got)
	}
}

func TestApply_RefusesADirectoryOfOtherThings(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "holiday.jpg"), "")
	put(t, filepath.Join(dir, ".git/HEAD"), "")
	put(t, filepath.Join(dir, "LICENSE"), "")
	wantCode(t, newPlan(t, source(), dir, false).Apply(t.Context()), dev.CodeScaffoldTarget, "not empty", "holiday.jpg", "--force")
	if got := listing(t, dir); len(got) != 4 {
		t.Errorf("files: %v", got)
	}
	apply(t, source(), dir, true)
	content(t, filepath.Join(dir, "README.md"))
	content(t, filepath.Join(dir, "holiday.jpg"))
}

func TestApply_AcceptsAFreshRepository(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, ".git/HEAD"), "")
	put(t, filepath.Join(dir, "LICENSE"), "")
	apply(t, source(), dir, false)
}

func TestRecord_IsOneLinePerFile(t *testing.T) {
	dir := t.TempDir()
	apply(t, source(), dir, false)
	text := content(t, filepath.Join(dir, scaffold.RecordName))
	if !json.Valid([]byte(text)) || strings.Count(text, "\n") < 10 || !strings.HasSuffix(text, "}\n") {
		t.Errorf("record:\n%s", text)
	}
}
