package scaffold_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"sdev/dev"
	"sdev/scaffold"
)

func link(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Fatal(err)
	}
}

func TestPlan_RefusesALinkAsTarget(t *testing.T) {
	parent := t.TempDir()
	real := filepath.Join(parent, "real")
	if err := os.Mkdir(real, 0o755); err != nil {
		t.Fatal(err)
	}
	link(t, real, filepath.Join(parent, "link"))
	link(t, filepath.Join(parent, "nowhere"), filepath.Join(parent, "dangling"))
	for _, name := range []string{"link", "link/", "link/."} {
		_, err := scaffold.NewPlan(source(), parent+"/"+name, true)
		wantCode(t, err, dev.CodeScaffoldTarget, "symbolic link", real)
	}
	_, err := scaffold.NewPlan(source(), filepath.Join(parent, "dangling"), true)
	wantCode(t, err, dev.CodeScaffoldTarget, "symbolic link")
}

func TestPlan_RefusesAFileAsTarget(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	put(t, file, "")
	_, err := scaffold.NewPlan(source(), file, true)
	wantCode(t, err, dev.CodeScaffoldTarget, "not a directory")
	_, err = scaffold.NewPlan(source(), filepath.Join(file, "below"), true)
	wantCode(t, err, dev.CodeScaffoldTarget)
}

func TestPlan_RefusesALinkThatLeadsOutOfTheProject(t *testing.T) {
	parent := t.TempDir()
	outside := filepath.Join(parent, "outside")
	if err := os.Mkdir(outside, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"absolute": outside, "relative": "../outside"} {
		dir := filepath.Join(parent, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		link(t, to, filepath.Join(dir, "src"))
		_, err := scaffold.NewPlan(source(), dir, true)
		wantCode(t, err, dev.CodeScaffoldTarget, "src", "escapes")
	}
	if left := listing(t, outside); len(left) != 0 {
		t.Errorf("written outside: %v", left)
	}
}

func TestPlan_RefusesWhatForceDoesNotReplace(t *testing.T) {
	for name, obstruct := range map[string]func(dir string){
		"file where a directory is needed": func(dir string) { put(t, filepath.Join(dir, "src"), "") },
		"directory where a file is needed": func(dir string) { put(t, filepath.Join(dir, "README.md/a"), "") },
		"link where a file is needed":      func(dir string) { link(t, "/etc/hostname", filepath.Join(dir, "README.md")) },
		"link to nothing":                  func(dir string) { link(t, "nowhere", filepath.Join(dir, "src")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			obstruct(dir)
			_, err := scaffold.NewPlan(source(), dir, true)
			wantCode(t, err, dev.CodeScaffoldTarget, "move it away")
		})
	}
}

func TestApply_FollowsALinkInsideTheProject(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "python"), 0o755); err != nil {
		t.Fatal(err)
	}
	link(t, "python", filepath.Join(dir, "src"))
	apply(t, source(), dir, true)
	content(t, filepath.Join(dir, "python/app.py"))
	if !apply(t, source(), dir, false).Empty() {
		t.Error("second run has something to do")
	}
}

// unwritable returns a tree whose last file has a name that no file system accepts.
func unwritable() scaffold.Source {
	src := source()
	files := tree()
	files["all/src/zz/"+strings.Repeat("z", 300)] = &fstest.MapFile{}
	src.Tree = files
	return src
}

func TestApply_LeavesNothingBehindWhenAWriteFails(t *testing.T) {
	parent := t.TempDir()
	err := newPlan(t, unwritable(), filepath.Join(parent, "a", "b"), false).Apply(t.Context())
	wantCode(t, err, dev.CodeScaffoldTarget, "name too long")
	if left := listing(t, parent); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestApply_RestoresOverwrittenFilesWhenAWriteFails(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "README.md"), "mine\n")
	err := newPlan(t, unwritable(), dir, true).Apply(t.Context())
	wantCode(t, err, dev.CodeScaffoldTarget)
	if got := content(t, filepath.Join(dir, "README.md")); got != "mine\n" {
		t.Errorf("README.md is %q", got)
	}
	if left := listing(t, dir); !slices.Equal(left, []string{"README.md"}) {
		t.Errorf("left behind: %v", left)
	}
}

func TestApply_LeavesNothingBehindWhenItsContextEnds(t *testing.T) {
	parent := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := newPlan(t, source(), filepath.Join(parent, "shop"), false).Apply(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error: %v", err)
	}
	if left := listing(t, parent); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestApply_DoesNotReplaceWhatAppearedSinceThePlan(t *testing.T) {
	dir := t.TempDir()
	p := newPlan(t, source(), dir, false)
	put(t, filepath.Join(dir, "uv.lock"), "mine\n")
	wantCode(t, p.Apply(t.Context()), dev.CodeScaffoldTarget, "uv.lock", "just now")
	if left := listing(t, dir); !slices.Equal(left, []string{"uv.lock"}) || content(t, filepath.Join(dir, "uv.lock")) != "mine\n" {
		t.Errorf("left behind: %v", left)
	}
}

func TestCheckName_FollowsComposeAndSuggests(t *testing.T) {
	for name, suggestion := range map[string]string{
		"":                      "app",
		"Shop":                  "shop",
		"my shop!":              "my-shop",
		"-shop":                 "shop",
		"_":                     "app",
		"größe":                 "gr-e",
		"a.b":                   "a-b",
		"..":                    "app",
		"shop/../etc":           "shop-etc",
		strings.Repeat("a", 70): strings.Repeat("a", 63),
	} {
		wantCode(t, scaffold.CheckName(name), dev.CodeScaffoldName, "--name "+suggestion)
		if err := scaffold.CheckName(suggestion); err != nil {
			t.Errorf("the suggestion for %q is refused: %v", name, err)
		}
	}
	for _, name := range []string{"a", "0", "shop", "my-shop_2", "a-", strings.Repeat("a", 63)} {
		if err := scaffold.CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}
