package detect_test

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf16"

	"sdev/dev/detect"
	"sdev/dev/devtest"
)

// onDisk creates a directory with these files and reads it as the command does.
func onDisk(t *testing.T, files map[string]string, more func(dir string)) *detect.Findings {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if more != nil {
		more(dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	f, err := detect.Tree(root.FS())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

const app = "import streamlit as st\n"

func entryPaths(f *detect.Findings) []string {
	out := []string{}
	for _, e := range f.Entries {
		out = append(out, e.Path)
	}
	return out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTree_LooksOnlyWhereProjectsAre(t *testing.T) {
	f := onDisk(t, map[string]string{
		"app.py": app, ".venv/lib/x.py": app, "env/pyvenv.cfg": "", "env/bin/app.py": app, "node_modules/app.py": app, "__pycache__/app.py": app, ".git/app.py": app, "sub/view.py": app,
	}, nil)
	if got := entryPaths(f); !slices.Equal(got, []string{"app.py", "sub/view.py"}) {
		t.Errorf("entries: %q", got)
	}
}

func TestTree_LinksNeitherLeadInCirclesNorOut(t *testing.T) {
	outside := t.TempDir()
	must(t, os.WriteFile(filepath.Join(outside, "secret.py"), []byte(app), 0o644))
	f := onDisk(t, map[string]string{"real/app.py": app}, func(dir string) {
		must(t, os.Symlink(".", filepath.Join(dir, "loop")))
		must(t, os.Symlink("../real", filepath.Join(dir, "real", "again")))
		must(t, os.Symlink("self.py", filepath.Join(dir, "self.py")))
		must(t, os.Symlink(filepath.Join(outside, "secret.py"), filepath.Join(dir, "out.py")))
		must(t, os.Symlink("real/app.py", filepath.Join(dir, "linked.py")))
	})
	if got := entryPaths(f); !slices.Equal(got, []string{"real/app.py", "linked.py"}) {
		t.Errorf("entries: %q", got)
	}
}

func TestTree_LeavesOutWhatCannotBeReadAndSaysSo(t *testing.T) {
	f := onDisk(t, map[string]string{"app.py": app, "big.py": app + strings.Repeat("#\n", 1<<20), "binary.py": app + "\x00"}, func(dir string) {
		must(t, devtest.MakePipe(filepath.Join(dir, "pipe.py"))) // to open it would wait for a writer
		must(t, os.WriteFile(filepath.Join(dir, "bad\xff.py"), []byte(app), 0o644))
		must(t, os.Mkdir(filepath.Join(dir, "bad\xfffolder"), 0o755))
	})
	if got := entryPaths(f); !slices.Equal(got, []string{"app.py"}) {
		t.Errorf("entries: %q", got)
	}
	left := map[string]string{}
	for _, l := range f.Unread {
		left[l.Value] = l.Why
	}
	if len(left) != 2 || !strings.Contains(left["big.py"], "larger than") || !strings.Contains(left["binary.py"], "no text") {
		t.Errorf("left: %v", left)
	}
}

// locked is a file system in which one directory and one file may not be opened, also for root.
type locked struct{ fstest.MapFS }

func (l locked) Open(name string) (fs.File, error) {
	if name == "closed" || name == "closed.py" {
		return nil, &os.PathError{Op: "open", Path: name, Err: os.ErrPermission}
	}
	return l.MapFS.Open(name)
}

func (l locked) ReadDir(name string) ([]os.DirEntry, error) {
	if name == "closed" {
		return nil, &os.PathError{Op: "open", Path: name, Err: os.ErrPermission}
	}
	return l.MapFS.ReadDir(name)
}

func TestTree_SaysWhatItMayNotOpen(t *testing.T) {
	f, err := detect.Tree(locked{fstest.MapFS{"app.py": {Data: []byte(app)}, "closed.py": {Data: []byte(app)}, "closed/x.py": {Data: []byte(app)}}})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, l := range f.Unread {
		told = append(told, l.Value+": "+l.Why)
	}
	if want := []string{"closed: the directory cannot be listed: permission denied", "closed.py: not read: permission denied"}; !slices.Equal(told, want) {
		t.Errorf("left: %q, want %q", told, want)
	}
	if got := entryPaths(f); !slices.Equal(got, []string{"app.py"}) {
		t.Errorf("entries: %q", got)
	}
}

func TestTree_ReadsOtherEncodingsAndOddNames(t *testing.T) {
	wide := binary.LittleEndian.AppendUint16(nil, 0xfeff)
	for _, u := range utf16.Encode([]rune("# größe\nimport streamlit as st\nst.set_page_config()\n")) {
		wide = binary.LittleEndian.AppendUint16(wide, u)
	}
	f := onDisk(t, map[string]string{"wide.py": string(wide), "two\nlines.py": app, "latin.py": "# gr\xf6\xdfe\nimport streamlit\n", "bom.py": "\xef\xbb\xbfimport streamlit\n", "old mac.py": "import streamlit\r"}, nil)
	if got := entryPaths(f); len(got) != 5 || got[0] != "wide.py" || len(f.Unread) != 0 {
		t.Errorf("entries: %q, left: %v", got, f.Unread)
	}
}

func TestTree_SurvivesYAMLThatGrowsOrBitesItsTail(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("services: &a0 {x: y}\n")
	for i := range 40 {
		fmt.Fprintf(&bomb, "x%d: &a%d [*a%[3]d, *a%[3]d, *a%[3]d]\n", i, i+1, i)
	}
	for name, content := range map[string]string{"bomb": bomb.String(), "tail": "services: &a\n  streamlit: *a\n  environment: *a\n  ports: &b [*b]\n", "no YAML": "services: [", "a text": "services"} {
		f := found(t, fstest.MapFS{"app.py": {Data: []byte(app)}, "compose.yaml": {Data: []byte(content)}, "environment.yml": {Data: []byte(strings.Replace(content, "services", "dependencies", 1))}})
		if got := entryPaths(f); !slices.Equal(got, []string{"app.py"}) || len(f.Composes) != 1 {
			t.Errorf("%s: entries %q, compose files %v", name, got, f.Composes)
		}
	}
}

// Fifty thousand data files beside an app cost next to no time.
func TestTree_IsBounded(t *testing.T) {
	files := fstest.MapFS{"app.py": {Data: []byte(app)}, "requirements.txt": {Data: []byte("streamlit==1.58.0\n")}}
	for i := range 50_000 {
		files[fmt.Sprintf("data/%02d/%d.csv", i%50, i)] = &fstest.MapFile{}
	}
	start := time.Now()
	f := found(t, files)
	if e, ok := f.Entry(); !ok || e.Path != "app.py" || len(f.Unread) != 0 {
		t.Errorf("entries: %q, left: %v", entryPaths(f), f.Unread)
	}
	for i := range 20_000 {
		files[fmt.Sprintf("deeper/a/b/c/%d.csv", i)] = &fstest.MapFile{}
	}
	if f := found(t, files); len(f.Unread) != 1 || !strings.Contains(f.Unread[0].Why, "more than 60000") {
		t.Errorf("left: %v", f.Unread)
	}
	if took := time.Since(start); took > time.Minute { // seconds at most, under the race detector on a busy machine
		t.Errorf("it took %s", took)
	}
}
