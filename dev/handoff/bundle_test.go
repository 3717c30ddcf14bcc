package handoff_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/handoff"
)

// bundleDir is a repository with a bundle in "deploy/x".
type bundleDir struct {
	*testing.T
	dir   string
	place handoff.Place
	now   time.Time
}

func newDir(t *testing.T) *bundleDir {
	t.Helper()
	dir := t.TempDir()
	return &bundleDir{t, dir, handoff.Place{Root: dir, Bundle: "deploy/x"}, time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
}

func files(pairs ...string) []handoff.File {
	var out []handoff.File
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, handoff.File{Path: pairs[i], Content: []byte(pairs[i+1]), Mode: 0o644})
	}
	return out
}

// compare opens the bundle and compares; the caller need not close it.
func (f *bundleDir) compare(rendered []handoff.File) *handoff.Bundle {
	f.Helper()
	b, err := handoff.Open(f.place)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(b.Close)
	if err := b.Compare(rendered); err != nil {
		f.Fatal(err)
	}
	return b
}

// deploy writes the rendered files, at most limit of them, and returns the statuses.
func (f *bundleDir) deploy(limit int, rendered []handoff.File) string {
	f.Helper()
	b := f.compare(rendered)
	var out []string
	for _, c := range b.Changes {
		out = append(out, fmt.Sprintf("%s %s", c.Status, c.Path))
	}
	if _, err := b.AddRecord(handoff.Record{Target: "x", Status: handoff.Ready}, f.now); err != nil {
		f.Fatal(err)
	}
	for i, w := range b.Writes() {
		if i == limit {
			break
		}
		name := filepath.Join(f.dir, filepath.FromSlash(w.Path))
		if w.Content == nil {
			if err := os.Remove(name); err != nil {
				f.Fatal(err)
			}
			continue
		}
		if before, err := os.ReadFile(name); (err != nil) != (w.Before == nil) || string(before) != string(w.Before) {
			f.Errorf("%s: there is %q, %v, and it was looked at as %q", w.Path, before, err, w.Before)
		}
		f.write(w.Path, string(w.Content))
	}
	return strings.Join(out, ", ")
}

func (f *bundleDir) write(name, content string) {
	f.Helper()
	name = filepath.Join(f.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		f.Fatal(err)
	}
}

func (f *bundleDir) read(name string) string {
	f.Helper()
	b, err := os.ReadFile(filepath.Join(f.dir, filepath.FromSlash(name)))
	if errors.Is(err, os.ErrNotExist) {
		return "none"
	}
	if err != nil {
		f.Fatal(err)
	}
	return string(b)
}

const all = 1000

func TestBundle_OneFileThroughItsLife(t *testing.T) {
	const one, edited, two = "a\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n"
	for name, tc := range map[string]struct {
		before, base string // "" if there is no file
		rendered     string // "" if the file is not rendered any more
		status       handoff.Status
		after        string
	}{
		"new":                             {"", "", one, handoff.Create, one},
		"as rendered last":                {one, one, one, handoff.Identical, one},
		"rendered otherwise":              {one, one, two, handoff.Update, two},
		"edited":                          {edited, one, one, handoff.Keep, edited},
		"edited and rendered otherwise":   {edited, one, two, handoff.Merge, "A\nb\nc\nd\nE\n"},
		"edited as it is rendered now":    {two, one, two, handoff.Identical, two},
		"edited as now, and more":         {"A\nb\nc\nd\nE\n", one, two, handoff.Keep, "A\nb\nc\nd\nE\n"},
		"edited where it changed":         {"a\nb\nc\nd\nmine\n", one, two, handoff.Conflict, "a\nb\nc\nd\n<<<<<<< yours\nmine\n=======\nE\n>>>>>>> sdev\n"},
		"edited where it changed, no end": {"a\nb\nc\nd\nmine", one, two, handoff.Conflict, "a\nb\nc\nd\n<<<<<<< yours\nmine\n=======\nE\n>>>>>>> sdev\n"},
		"still in conflict":               {"<<<<<<< yours\na\n=======\nb\n>>>>>>> sdev\n", one, two, handoff.Conflict, "<<<<<<< yours\na\n=======\nb\n>>>>>>> sdev\n"},
		"removed":                         {"", one, one, handoff.Skip, ""},
		"removed and rendered otherwise":  {"", one, two, handoff.Skip, ""},
		"somebody else's":                 {edited, "", one, handoff.Untracked, edited},
		"somebody else's, alike":          {one, "", one, handoff.Identical, one},
		"not rendered any more":           {one, one, "", handoff.Remove, ""},
		"edited, not rendered any more":   {edited, one, "", handoff.Keep, edited},
		"removed, not rendered any more":  {"", one, "", handoff.Skip, ""},
		"line ends of another system":     {strings.ReplaceAll(one, "\n", "\r\n"), one, two, handoff.Update, strings.ReplaceAll(two, "\n", "\r\n")},
		"edited there":                    {strings.ReplaceAll(edited, "\n", "\r\n"), one, two, handoff.Merge, "A\r\nb\r\nc\r\nd\r\nE\r\n"},
		"there, and as it is":             {strings.ReplaceAll(one, "\n", "\r\n"), one, one, handoff.Identical, strings.ReplaceAll(one, "\n", "\r\n")},
	} {
		t.Run(name, func(t *testing.T) {
			f := newDir(t)
			if tc.base != "" {
				f.deploy(all, files("a.txt", tc.base))
			}
			if tc.before == "" && tc.base != "" {
				if err := os.Remove(filepath.Join(f.dir, "deploy/x/a.txt")); err != nil {
					t.Fatal(err)
				}
			} else if tc.before != "" {
				f.write("deploy/x/a.txt", tc.before)
			}
			var rendered []handoff.File
			if tc.rendered != "" {
				rendered = files("a.txt", tc.rendered)
			}
			c := f.compare(rendered).Changes[0]
			if c.Status != tc.status || string(c.Content) != tc.after || (c.Status == handoff.Identical || c.Status == handoff.Keep) != (c.Diff() == "") && c.Status != handoff.Skip && c.Status != handoff.Untracked && tc.before != tc.after {
				t.Errorf("%s %q\n%s", c.Status, c.Content, c.Diff())
			}
		})
	}
}

func TestBundle_BasesThatWereLost(t *testing.T) {
	f := newDir(t)
	f.deploy(all, files("1.txt", "a\n", "2.txt", "a\n", "3.txt", "a\n", "4.txt", "a\n"))
	f.write("deploy/x/3.txt", "mine\n")
	if err := os.RemoveAll(filepath.Join(f.dir, "deploy/x/.handoff/base")); err != nil {
		t.Fatal(err)
	}
	if got := f.deploy(all, files("1.txt", "a\n", "2.txt", "b\n", "3.txt", "b\n")); got != "identical deploy/x/1.txt, update deploy/x/2.txt, foreign deploy/x/3.txt, remove deploy/x/4.txt" {
		t.Error(got)
	}
	if f.read("deploy/x/.handoff/base/1.txt") != "a\n" || f.read("deploy/x/.handoff/base/4.txt") != "none" {
		t.Error("bases are not kept again")
	}
}

func TestBundle_ItsErrorsNameTheFiles(t *testing.T) {
	f := newDir(t)
	f.write("deploy/x/a.txt", "mine\n")
	b := f.compare(files("a.txt", "theirs\n"))
	if err := b.UntrackedError(); err == nil || err.Error() != "nothing was written, because sdev did not write these files and does not overwrite them: deploy/x/a.txt" {
		t.Error(err)
	}
	b = f.compare(files("b.txt", "b\n"))
	if err := b.OutdatedError(); err == nil || err.Error() != "out of date: deploy/x/b.txt" {
		t.Error(err)
	}
	if err := errors.Join(b.UntrackedError(), b.ConflictError()); err != nil {
		t.Error(err)
	}
}

func TestBundle_FilesOfTheRepository(t *testing.T) {
	f := newDir(t)
	rendered := files("@repository/.github/workflows/a.yml", "a\n", "a.txt", "a\n")
	if got := f.deploy(all, rendered); got != "create .github/workflows/a.yml, create deploy/x/a.txt" {
		t.Error(got)
	}
	if f.read("deploy/x/.handoff/base/@repository/.github/workflows/a.yml") != "a\n" {
		t.Error("its base is not in the bundle")
	}
	f.place = handoff.Place{Root: filepath.Join(f.dir, "elsewhere"), Bundle: "."}
	if got := f.compare(rendered).Paths(handoff.Create); strings.Join(got, " ") != ".github/workflows/a.yml a.txt" {
		t.Error(got)
	}
}

// TestBundle_KilledAtAnyMoment stops after each file: the next run always knows which edits are the user's, and the
// result is the same.
func TestBundle_KilledAtAnyMoment(t *testing.T) {
	const one, edited, two = "a\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n"
	for limit := range 12 {
		f := newDir(t)
		f.deploy(all, files("1.txt", one, "2.txt", one, "3.txt", one, "gone.txt", one))
		f.write("deploy/x/2.txt", edited)
		f.write("deploy/x/3.txt", "mine\n"+two)
		next := files("1.txt", two, "2.txt", two, "3.txt", two, "new.txt", one)
		f.deploy(limit, next)
		f.deploy(all, next)
		want := map[string]string{"1.txt": two, "2.txt": "A\nb\nc\nd\nE\n", "3.txt": "mine\n" + two, "new.txt": one, "gone.txt": "none", ".handoff/base/2.txt": two, ".handoff/base/gone.txt": "none"}
		for name, content := range want {
			if got := f.read("deploy/x/" + name); got != content {
				t.Errorf("after %d files: %s is %q", limit, name, got)
			}
		}
		if got := f.deploy(all, next); got != "identical deploy/x/1.txt, keep deploy/x/2.txt, keep deploy/x/3.txt, identical deploy/x/new.txt" {
			t.Errorf("after %d files: %s", limit, got)
		}
	}
}

func TestBundle_TheSameAgainChangesNoByte(t *testing.T) {
	f := newDir(t)
	rendered := files("a.txt", "a\n", "run.sh", "b\n")
	f.deploy(all, rendered)
	record, summary := f.read("deploy/x/.handoff/record.json"), f.read("deploy/x/HANDOFF.md")
	f.now = f.now.Add(time.Hour)
	b := f.compare(rendered)
	r, err := b.AddRecord(handoff.Record{Target: "x", Status: handoff.Ready}, f.now)
	if err != nil || len(b.Writes()) != 0 || r.Time.Hour() != 10 {
		t.Errorf("%v, %v, %v", b.Writes(), r.Time, err)
	}
	f.write("deploy/x/a.txt", "edited\n")
	f.deploy(all, rendered)
	if f.read("deploy/x/.handoff/record.json") == record || f.read("deploy/x/HANDOFF.md") == summary || !strings.Contains(f.read("deploy/x/.handoff/record.json"), `"time": "2026-11-23T11:00:00Z"`) {
		t.Error("the record does not tell of the edit")
	}
}

func TestOpen_RecordsThatCannotBeUsed(t *testing.T) {
	for content, want := range map[string]string{
		"{":                     "this sdev cannot read the record: unexpected end of JSON input",
		`{"v":2,"files":"all"}`: "this sdev cannot read the record: its version is 2, but this sdev reads 1",
		`{"v":1,"files":"all"}`: "this sdev cannot read the record: ",
		"":                      "this sdev cannot read the record: ",
	} {
		f := newDir(t)
		f.write("deploy/x/.handoff/record.json", content)
		_, err := handoff.Open(f.place)
		e, ok := errors.AsType[*dev.Error](err)
		if !ok || e.Code != dev.CodeDeployRecord || !strings.HasPrefix(e.Error(), "deploy/x/.handoff/record.json: "+want) {
			t.Errorf("%s: %v", content, err)
		}
	}
}

func TestCheckTemplates_OfANewerSdev(t *testing.T) {
	for _, tc := range []struct {
		had, has string
		ok       bool
	}{{"2026.11.0", "2026.11.0", true}, {"2026.9.3", "2026.11.0", true}, {"2026.11.1", "2026.11.0", false}, {"2026.11.0.1", "2026.11.0", false}, {"2027.1.0", "2026.11.0", false}, {"other", "2026.11.0", true}} {
		r := &handoff.Record{Sdev: "1", Templates: tc.had}
		if err := r.CheckTemplates(tc.has, "record.json"); (err == nil) != tc.ok {
			t.Errorf("%s, %s: %v", tc.had, tc.has, err)
		}
	}
	var none *handoff.Record
	if err := none.CheckTemplates("1", ""); err != nil {
		t.Error(err)
	}
}

func TestCompare_LinksAndDirectories(t *testing.T) {
	f := newDir(t)
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(f.dir, "deploy")); err != nil {
		t.Fatal(err)
	}
	_, err := handoff.Open(f.place)
	if e, ok := errors.AsType[*dev.Error](err); !ok || e.Code != dev.CodeDeployDir || !strings.Contains(e.Message, "path escapes") || !strings.Contains(e.Hint, "link") {
		t.Error(err)
	}
	f = newDir(t)
	f.write("deploy/x/b.txt", "")
	if err := os.Symlink("b.txt", filepath.Join(f.dir, "deploy/x/a.txt")); err != nil {
		t.Fatal(err)
	}
	b, err := handoff.Open(f.place)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Compare(files("a.txt", "")); err == nil || err.Error() != "deploy/x/a.txt is a symbolic link" {
		t.Error(err)
	}
}

func TestSummary_OnRecord(t *testing.T) {
	f := newDir(t)
	b := f.compare(files("a b.md", "a\n", "@repository/.github/w.yml", "b\n"))
	_, err := b.AddRecord(handoff.Record{
		Target: "x", Status: handoff.Blocked, Project: "sh*op", Sdev: "1.0", Templates: "2026.11.0", Commit: "0123456789abcdef", Remote: "https://github.com/acme/shop.git", Dirty: []string{"a"},
		Image:  &handoff.Image{Ref: "shop:1", ID: "sha256:ab", Digest: "sha256:cd", Platform: "linux/amd64", Revision: "0123", Proof: &handoff.Proof{Page: true, Health: 812, ReadOnly: true, User: "10001"}},
		Values: []handoff.NamedValue{{Name: "a", Value: handoff.Value{Text: "`x` | y", Source: "--set"}}, {Name: "b", Value: handoff.Value{Text: "B", Source: "placeholder", Placeholder: true}}, {Name: "c", Value: handoff.Value{Source: "not set"}}},
		Checks: handoff.Checks{Rules: 7, Blocks: 1, Warnings: 0, Suppressed: 1},
		Findings: []dev.Finding{
			{ID: "a.b", Severity: dev.Blocks, Message: "wrong_thing <b>", File: "a.py", Line: 3, Fix: "fix it"},
			{ID: "c.d", Severity: dev.Warns, Message: "so so", Where: "layer 3", Fix: "x", Suppressed: &dev.Suppression{ID: "c.d", Reason: "it is known", Until: f.now, Origin: "compose.yaml:4"}},
			{ID: "e.f", Severity: dev.Informs, Message: "just so", Fix: "x"},
		},
		Next: []handoff.Step{{About: "Do this", Run: "echo '```'\necho 2", Once: true}, {About: "Look"}},
	}, f.now)
	if err != nil {
		t.Fatal(err)
	}
	var got string
	for _, c := range b.Changes {
		if c.File == handoff.SummaryFile {
			got = string(c.Content)
		}
	}
	const golden = "testdata/summary.md"
	if os.Getenv("SDEV_GOLDEN") == "write" {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

// On other systems, git may change the line endings of a bundle's files, including sdev's own.
func TestBundle_LineEndsOfAnotherSystem(t *testing.T) {
	f := newDir(t)
	f.deploy(all, files("a.txt", "a\nb\nc\nd\n"))
	err := filepath.WalkDir(f.dir, func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(name, []byte(strings.ReplaceAll(string(b), "\n", "\r\n")), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	b := f.compare(files("a.txt", "a\nb\nc\nd\n"))
	if _, err := b.AddRecord(handoff.Record{Target: "x", Status: handoff.Ready}, f.now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if w := b.Writes(); len(w) > 0 {
		t.Errorf("%d files are written, %s for one", len(w), w[0].Path)
	}
	f.write("deploy/x/a.txt", "A\r\nb\r\nc\r\nd\r\n")
	f.deploy(all, files("a.txt", "a\nb\nc\nD\n"))
	if got, err := os.ReadFile(filepath.Join(f.dir, "deploy/x/a.txt")); err != nil || string(got) != "A\r\nb\r\nc\r\nD\r\n" {
		t.Errorf("%q, %v", got, err)
	}
}
