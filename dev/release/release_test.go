package release

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/handoff"
)

// region sets the missing value, so that a hand-off is complete.
func region(name string) map[string]string { return map[string]string{"region": name} }

func TestRelease_WritesABundleAndItsRecord(t *testing.T) {
	r := newRig(t, nil)
	r.commit()
	out := r.prepared(Options{Set: region("eu-west-1")})
	if out.Record.Status != handoff.Ready || out.Written || r.read("deploy/test/values.json") != "" {
		t.Errorf("before it is written: %s, %+v", out.Record.Status, out.Findings)
	}
	if err := out.Write(t.Context()); err != nil || !out.Written || out.Err() != nil {
		t.Errorf("%v, %v", err, out.Err())
	}
	if got := r.read("deploy/test/values.json"); got != "{\"region\": \"eu-west-1\", \"size\": \"small\"}\n" {
		t.Errorf("rendered: %s", got)
	}
	last, err := r.project().Last("test")
	if err != nil || last.Status != handoff.Ready || last.Project != "shop" || last.Templates != "2026.1.0" || len(last.Commit) != 40 || len(last.Dirty) > 0 || !last.Time.Equal(r.Now()) {
		t.Errorf("%+v, %v", last, err)
	}
	// Once more changes nothing, also after the bundle is committed.
	if again := r.write(Options{}); again.Written || again.Err() != nil {
		t.Errorf("once more: %v", again.Err())
	}
	r.commit()
	if again := r.write(Options{}); again.Written || again.Record.Commit != last.Commit {
		t.Errorf("after the bundle is committed: of %s, not of %s", again.Record.Commit, last.Commit)
	}
}

// A missing value becomes a placeholder, and is an error only of a check.
func TestRelease_IsIncompleteWithoutAValue(t *testing.T) {
	r := newRig(t, nil)
	out := r.write(Options{})
	if out.Err() != nil || !out.Written || out.Record.Status != handoff.Incomplete || out.Command() != "sdev deploy test --set region=…" {
		t.Errorf("%v, %s, %s", out.Err(), out.Record.Status, out.Command())
	}
	if f := finding(t, out.Findings, handoff.MissingValue); f.File != "deploy/test/values.json" || f.Line != 1 {
		t.Errorf("%+v", f)
	}
	if e := dev.AsError(r.prepared(Options{Check: true}).Err()); e.Code != dev.CodeDeployBlocked || e.Hint != "set the missing values: sdev deploy test --set region=…" {
		t.Errorf("%+v", e)
	}
}

func TestRelease_ThatIsBlockedIsWrittenAndNotHandedOver(t *testing.T) {
	r := newRig(t, map[string]string{"compose.yaml": "name: shop\nservices: {streamlit: {build: ., environment: {LOCAL_STREAMLIT: 1}}}\n"})
	out := r.prepared(Options{Set: region("eu-west-1")})
	if f := finding(t, out.Findings, "bypass.compose"); f.Severity != dev.Blocks || out.Record.Status != handoff.Blocked {
		t.Errorf("%s: %+v", out.Record.Status, f)
	}
	if e := dev.AsError(out.Err()); e.Code != dev.CodeDeployBlocked || e.Exit != dev.ExitFailed || e.Message != "1 finding blocks, so nothing is handed over" {
		t.Errorf("%+v", e)
	}
	if err := out.Write(t.Context()); err != nil || !strings.HasSuffix(dev.AsError(out.Err()).Message, "; the files are written, so that you can fix them") {
		t.Errorf("%v, %v", err, out.Err())
	}
}

func TestRelease_LeavesTheBundleAlone(t *testing.T) {
	r := newRig(t, nil)
	tree := devtest.KeepTree(t, r.dir)
	check := r.write(Options{Set: region("eu-west-1"), Check: true})
	if e := dev.AsError(check.Err()); check.Written || e.Code != dev.CodeDeployChanged {
		t.Errorf("a check of what is not written yet: %+v", e)
	}
	no := r.prepared(Options{Set: region("eu-west-1"), Prompter: &prompter{no: true}})
	if err := no.Write(t.Context()); dev.AsError(err).Message != "nothing was written" || no.Written {
		t.Errorf("a person who says no: %v", err)
	}
	if found, err := r.project().Check(t.Context(), Options{Target: target()}); err != nil || !strings.HasPrefix(ids(found), "handoff.placeholder ") {
		t.Errorf("checked: %q, %v", ids(found), err)
	}
	tree.Check("of all that")
	r.write(Options{Set: region("eu-west-1")})
	if again := r.prepared(Options{Check: true}); again.Err() != nil {
		t.Errorf("a check of what is written: %v", again.Err())
	}
}

func TestRelease_KeepsWhatIsYours(t *testing.T) {
	r := newRig(t, nil)
	file := filepath.Join(r.dir, "deploy/test/values.json")
	devtest.Write(t, file, "mine\n")
	out := r.write(Options{Set: region("eu-west-1")})
	if e := dev.AsError(out.Err()); e.Code != dev.CodeDeployDir || !strings.Contains(e.Message, "deploy/test/values.json") || out.Written || r.read("deploy/test/values.json") != "mine\n" {
		t.Errorf("a file of somebody else: %+v, written %v", e, out.Written)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	r.write(Options{Set: region("eu-west-1")})
	devtest.Write(t, file, "{\"region\": \"mine\", \"size\": \"small\"}\n")
	if out = r.write(Options{}); out.Err() != nil || r.read("deploy/test/values.json") != "{\"region\": \"mine\", \"size\": \"small\"}\n" {
		t.Errorf("an edit: %v, %s", out.Err(), r.read("deploy/test/values.json"))
	}
	out = r.write(Options{Set: region("eu-south-1")})
	if e := dev.AsError(out.Err()); e.Code != dev.CodeDeployConflict || out.Record.Status != handoff.Blocked || !strings.Contains(r.read("deploy/test/values.json"), "<<<<<<<") {
		t.Errorf("an edit of the same line: %+v, %s", e, out.Record.Status)
	}
}

func TestRelease_LiesWhereItWasAskedFor(t *testing.T) {
	r := newRig(t, nil)
	away := filepath.Join(t.TempDir(), "bundle")
	out := r.write(Options{Out: away, Set: region("eu-west-1")})
	if out.Dir() != dev.RealPath(away) || out.File(handoff.RecordFile) != dev.RealPath(away)+"/.handoff/record.json" || r.read("deploy/test/values.json") != "" {
		t.Errorf("it is shown as %s", out.Dir())
	}
	if _, err := os.Stat(filepath.Join(away, "values.json")); err != nil {
		t.Error(err)
	}
	if out = r.prepared(Options{}); out.Dir() != "deploy/test" {
		t.Errorf("the usual one is shown as %s", out.Dir())
	}
}

// A target's files at the root of the repository belong to the hand-off, too, although they are outside of its bundle.
func TestRelease_WritesAtTheRootOfTheRepository(t *testing.T) {
	r := newRig(t, nil)
	r.commit()
	r.Templates = fstest.MapFS{"test/@repository/.github/workflows/shop.yml": {Data: []byte("name: shop\n")}}
	first := r.write(Options{Set: region("eu-west-1")})
	if r.read(".github/workflows/shop.yml") != "name: shop\n" || len(first.Record.Dirty) > 0 {
		t.Errorf("%+v", first.Record)
	}
	if again := r.write(Options{}); again.Written || len(again.Record.Dirty) > 0 {
		t.Errorf("what was handed over counts as changed: %q", again.Record.Dirty)
	}
	r.commit()
	devtest.Write(t, filepath.Join(r.dir, "app.py"), "import streamlit as st\n")
	if again := r.prepared(Options{}); again.Record.Commit != first.Record.Commit || !slices.Equal(again.Record.Dirty, []string{"app.py"}) {
		t.Errorf("of commit %s with %q", again.Record.Commit, again.Record.Dirty)
	}
}

func TestRelease_FailsBeforeItWrites(t *testing.T) {
	r := newRig(t, nil)
	r.write(Options{Set: region("eu-west-1")})
	r.TemplatesVersion = "2025.12.0"
	if _, err := r.prepare(Options{}); dev.AsError(err).Code != dev.CodeDeployRecord {
		t.Errorf("a bundle of newer templates: %v", err)
	}
	r.TemplatesVersion = "2026.1.0"
	if _, err := r.prepare(Options{Out: "."}); dev.AsError(err).Code != dev.CodeDeployDir {
		t.Errorf("the project itself as the bundle: %v", err)
	}
	out := r.prepared(Options{Set: region("eu-south-1")})
	devtest.Write(t, filepath.Join(r.dir, "deploy/test/values.json"), "changed meanwhile\n")
	if err := out.Write(t.Context()); dev.AsError(err).Code != dev.CodeDeployDir || out.Written || r.read("deploy/test/values.json") != "changed meanwhile\n" {
		t.Errorf("a file that changes between the plan and the writing: %v", err)
	}
	gone := errors.New("the terminal is gone")
	out = r.prepared(Options{Out: "other", Set: region("eu-south-1"), Prompter: &prompter{err: gone}})
	if err := out.Write(t.Context()); !errors.Is(err, gone) || r.read("other/HANDOFF.md") != "" {
		t.Errorf("a terminal that goes away: %v", err)
	}
}

func TestPreflight_ChecksAProjectWithoutATarget(t *testing.T) {
	r := newRig(t, map[string]string{".env": "A=1\n", "compose.yaml": "name: shop\nservices: {streamlit: {build: ., environment: {LOCAL_STREAMLIT: 1}}}\n"})
	r.commit()
	c, found := r.load()
	got, err := r.Preflight(t.Context(), c, found, "")
	if err != nil || !slices.Contains(strings.Fields(ids(got)), "bypass.compose") || !slices.Contains(strings.Fields(ids(got)), "secret.tracked") {
		t.Errorf("%q, %v", ids(got), err)
	}
	if r.engine.opened > 0 {
		t.Error("the engine was opened, and no image was named")
	}
	devtest.Write(t, filepath.Join(r.dir, ".git", "index"), "no index")
	got, err = r.Preflight(t.Context(), c, found, "")
	if err != nil || !slices.Contains(strings.Fields(ids(got)), "bypass.compose") || !slices.Contains(strings.Fields(ids(got)), "git.unreadable") {
		t.Errorf("in a damaged repository: %q, %v", ids(got), err)
	}
}

func TestPreflight_ChecksAnImageWithoutAProject(t *testing.T) {
	r := newRig(t, nil)
	r.engine.images, r.engine.saved = shopImage(), archiveOf(t, "LOCAL_STREAMLIT=1")
	got, err := r.Preflight(t.Context(), nil, nil, "shop:1")
	if err != nil || ids(got) != "bypass.image" {
		t.Errorf("%q, %v", ids(got), err)
	}
	if _, err := r.Preflight(t.Context(), nil, nil, "shop:2"); dev.AsError(err).Code != dev.CodeImageMissing {
		t.Errorf("%v", err)
	}
}
