package watch_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/watch"
)

// Both ways of watching keep the same promises.
func TestContract(t *testing.T) {
	ways := []struct {
		name string
		opts watch.Options
	}{
		{"native", watch.Options{}},
		{"poll", watch.Options{Poll: true, PollEvery: 20 * time.Millisecond}},
	}
	for _, way := range ways {
		for name, test := range map[string]func(*testing.T, watch.Options){
			"reports a save once":                             testSave,
			"reports an atomic save as its final path":        testAtomicSave,
			"reports what editors do as one change":           testEditors,
			"reports a touch but no change of mode":           testTouch,
			"reports removals, of directories too":            testRemove,
			"sees files made together with their directories": testNewDirs,
			"follows a directory that is renamed":             testRenamedDir,
			"leaves ignored paths alone":                      testIgnored,
			"honours a negation inside an ignored directory":  testNegation,
			"follows no links":                                testLinks,
			"survives its root":                               testRoot,
			"reports an edit while another file is noisy":     testNoise,
			"reports what changed between New and Run":        testBeforeRun,
			"reports a file that a directory takes the place": testDirForFile,
			"reports a branch switch completely":              testManyFiles,
			"reports names of any bytes":                      testNames,
			"leaves out what the image's build leaves out":    testContextIgnore,
		} {
			t.Run(way.name+"/"+name, func(t *testing.T) {
				devtest.Leaks(t)
				test(t, way.opts)
			})
		}
	}
}

func testSave(t *testing.T, opts watch.Options) {
	root := devtest.Project(t, map[string]string{"Home.py": "a"})
	w := start(t, root, anything, opts)
	devtest.Write(t, root+"/Home.py", "ab")
	w.only("Home.py")
	if c := w.seen["Home.py"]; c.Gone || !c.Saved.Equal(mtime(t, root+"/Home.py")) {
		t.Errorf("change %+v does not carry the file's modification time", c)
	}
}

func testAtomicSave(t *testing.T, opts watch.Options) {
	root := devtest.Project(t, map[string]string{"pages/1_Sales.py": "a"})
	w := start(t, root, anything, opts)
	devtest.Write(t, root+"/pages/.tmp1234", "b")
	rename(t, root+"/pages/.tmp1234", root+"/pages/1_Sales.py")
	w.only("pages/1_Sales.py")
}

func testEditors(t *testing.T, opts watch.Options) {
	root := devtest.Project(t, map[string]string{"vim.py": "a", "jetbrains.py": "a", "emacs.py": "a"})
	w := start(t, root, anything, opts)

	devtest.Write(t, root+"/.vim.py.swp", "swap")
	devtest.Write(t, root+"/4913", "")
	remove(t, root+"/4913")
	rename(t, root+"/vim.py", root+"/vim.py~")
	devtest.Write(t, root+"/vim.py", "vim")
	remove(t, root+"/vim.py~")

	devtest.Write(t, root+"/jetbrains.py___jb_tmp___", "jetbrains")
	rename(t, root+"/jetbrains.py", root+"/jetbrains.py___jb_old___")
	rename(t, root+"/jetbrains.py___jb_tmp___", root+"/jetbrains.py")
	remove(t, root+"/jetbrains.py___jb_old___")

	if err := os.Symlink("user@host.123", root+"/.#emacs.py"); err != nil {
		t.Fatal(err)
	}
	devtest.Write(t, root+"/#emacs.py#", "emacs")
	rename(t, root+"/emacs.py", root+"/emacs.py~")
	devtest.Write(t, root+"/emacs.py", "emacs")

	w.only("emacs.py", "jetbrains.py", "vim.py")
}

func testTouch(t *testing.T, opts watch.Options) {
	root := devtest.Project(t, map[string]string{"mode.py": "a", "touched.py": "a"})
	w := start(t, root, anything, opts)
	if err := os.Chmod(root+"/mode.py", 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(time.Second)
	if err := os.Chtimes(root+"/touched.py", at, at); err != nil {
		t.Fatal(err)
	}
	w.only("touched.py")
}

func testRemove(t *testing.T, opts watch.Options) {
	root := devtest.Project(t, map[string]string{"a.py": "a", "lib/b.py": "b", "lib/deep/c.py": "c", "libx.py": "d"})
	w := start(t, root, anything, opts)
	remove(t, root+"/a.py")
	if err := os.RemoveAll(root + "/lib"); err != nil {
		t.Fatal(err)
	}
	w.await("a.py", "lib/b.py", "lib/deep/c.py")
	for p, c := range w.seen {
		if !c.Gone || c.Saved.IsZero() {
			t.Errorf("%s: %+v, want gone, and when", p, c)
		}
	}
	w.only()
}

func testNewDirs(t *testing.T, opts watch.Options) {
	root := devtest.Project(t, map[string]string{"Home.py": "a"})
	w := start(t, root, anything, opts)
	var want []string
	for i := range 20 {
		p := fmt.Sprintf("new%d/b/c/mod.py", i)
		devtest.Write(t, filepath.Join(root, p), "x")
		want = append(want, p)
	}
	w.await(want...)
	devtest.Write(t, root+"/new7/b/c/mod.py", "later")
	w.await("new7/b/c/mod.py")
}

func testRenamedDir(t *testing.T, opts watch.Options) {
	root := devtest.Project(t, map[string]string{"old/a.py": "a", "old/sub/b.py": "b"})
	w := start(t, root, anything, opts)
	rename(t, root+"/old", root+"/new")
	w.await("new/a.py", "new/sub/b.py", "old/a.py", "old/sub/b.py")
	for p, c := range w.seen {
		if c.Gone != strings.HasPrefix(p, "old/") {
			t.Errorf("%s: gone is %v", p, c.Gone)
		}
	}
	devtest.Write(t, root+"/new/sub/b.py", "edited")
	w.only("new/sub/b.py")
}

func testIgnored(t *testing.T, opts watch.Options) {
	root := devtest.Project(t, map[string]string{"Home.py": "a", "data/x.csv": "1", "node_modules/m/i.js": "1"})
	rules := []dev.Rule{
		{Path: "quiet", Action: dev.Ignored, Origin: "quiet"},
		{Path: ".", Ignore: []string{"data"}, Action: dev.Live, Origin: "source"},
	}
	w := start(t, root, rules, opts)
	for _, p := range []string{
		"data/x.csv", "data/new/y.csv", "quiet/z.py", ".git/HEAD", ".sdev/state", "node_modules/m/i.js",
		"lib/__pycache__/x.cpython-311.pyc", "lib/x.pyc", ".venv/lib/site.py", "sub/venv/bin/python",
	} {
		devtest.Write(t, filepath.Join(root, p), "changed")
	}
	w.only()
}

func testNegation(t *testing.T, opts watch.Options) {
	root := devtest.Project(t, map[string]string{"data/in/keep.csv": "1", "data/in/drop.csv": "1", "data/out/x.csv": "1"})
	w := start(t, root, []dev.Rule{{Path: ".", Ignore: []string{"data", "!data/in/keep.csv"}, Action: dev.Live}}, opts)
	for _, p := range []string{"data/in/keep.csv", "data/in/drop.csv", "data/out/x.csv"} {
		devtest.Write(t, filepath.Join(root, p), "changed")
	}
	w.only("data/in/keep.csv")
}

func testLinks(t *testing.T, opts watch.Options) {
	outside := devtest.Project(t, map[string]string{"secret.py": "a"})
	root := devtest.Project(t, map[string]string{"lib/a.py": "a"})
	for name, target := range map[string]string{"lib/loop": "..", "out": outside, "one.py": outside + "/secret.py"} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	w := start(t, root, anything, opts)
	devtest.Write(t, outside+"/secret.py", "changed")
	devtest.Write(t, root+"/lib/a.py", "changed")
	w.only("lib/a.py")
	remove(t, root+"/out")
	if err := os.Symlink("lib", root+"/out"); err != nil {
		t.Fatal(err)
	}
	w.only("out")
}

func testRoot(t *testing.T, opts watch.Options) {
	root := filepath.Join(devtest.Project(t, nil), "project")
	devtest.Write(t, root+"/lib/a.py", "a")
	opts.PollEvery = 20 * time.Millisecond
	w := start(t, root, anything, opts)
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
	w.await("lib/a.py")
	if !w.seen["lib/a.py"].Gone {
		t.Error("a file of a removed root is not gone")
	}
	devtest.Write(t, root+"/lib/a.py", "back")
	w.await("lib/a.py")
	devtest.Write(t, root+"/lib/a.py", "back and edited")
	w.only("lib/a.py")

	rename(t, root, root+".old")
	devtest.Write(t, root+"/lib/b.py", "another tree")
	w.await("lib/a.py", "lib/b.py")
	devtest.Write(t, root+"/lib/b.py", "another tree, edited")
	w.only("lib/b.py")
}

func testNoise(t *testing.T, opts watch.Options) {
	root := devtest.Project(t, map[string]string{"Home.py": "a", "noise.log": ""})
	w := start(t, root, anything, opts)
	stop := make(chan struct{})
	ended := make(chan error)
	go func() {
		f, err := os.OpenFile(root+"/noise.log", os.O_APPEND|os.O_WRONLY, 0)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for err == nil {
			_, err = f.WriteString("line\n")
			select {
			case <-tick.C:
			case <-stop:
				ended <- f.Close()
				return
			}
		}
		ended <- err
	}()
	w.await("noise.log")
	devtest.Write(t, root+"/Home.py", "edited")
	w.await("Home.py") // while the noise goes on
	close(stop)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func testBeforeRun(t *testing.T, opts watch.Options) {
	root := devtest.Project(t, map[string]string{"Home.py": "a", "gone.py": "a", "same.py": "a"})
	w, err := watch.New(root, anything, opts)
	if err != nil {
		t.Fatal(err)
	}
	devtest.Write(t, root+"/Home.py", "b") // as long as before, and within the same tick
	devtest.Write(t, root+"/new/x.py", "x")
	remove(t, root+"/gone.py")
	run(t, root, w).only("Home.py", "gone.py", "new/x.py")
}

func testDirForFile(t *testing.T, opts watch.Options) {
	root := devtest.Project(t, map[string]string{"thing": "a file"})
	w := start(t, root, anything, opts)
	remove(t, root+"/thing")
	devtest.Write(t, root+"/thing/inside.py", "x")
	w.await("thing", "thing/inside.py")
	if !w.seen["thing"].Gone {
		t.Error("the file is not gone")
	}
	if err := os.RemoveAll(root + "/thing"); err != nil {
		t.Fatal(err)
	}
	devtest.Write(t, root+"/thing", "a file again")
	w.only("thing", "thing/inside.py")
}

func testManyFiles(t *testing.T, opts watch.Options) {
	root := devtest.Project(t, map[string]string{"Home.py": "a"})
	w := start(t, root, anything, opts)
	var want []string
	for i := range 1500 {
		want = append(want, fmt.Sprintf("d%02d/m%d.py", i%40, i))
		devtest.Write(t, filepath.Join(root, want[i]), "x")
	}
	w.only(want...)
}

func testNames(t *testing.T, opts watch.Options) {
	root := devtest.Project(t, nil)
	w := start(t, root, anything, opts)
	names := []string{"caf\xe9.py", "naïve ☃.py", "two\nlines.py"}
	for _, name := range names {
		devtest.Write(t, root+"/"+name, name)
	}
	w.await(names...)
}

func testContextIgnore(t *testing.T, opts watch.Options) {
	root := devtest.Project(t, map[string]string{"app/src/kept.py": "a", "app/src/data/left.py": "a", "app/src/x.log": "a"})
	rules := []dev.Rule{{Path: "app/src", Action: dev.Sync, Origin: "test", Context: "app", ContextIgnore: []string{"src/data", "**/*.log", "!src/data/but.log"}}}
	w := start(t, root, rules, opts)
	devtest.Write(t, root+"/app/src/data/left.py", "b")
	devtest.Write(t, root+"/app/src/x.log", "b")
	devtest.Write(t, root+"/app/src/data/but.log", "b")
	devtest.Write(t, root+"/app/src/kept.py", "b")
	w.await("app/src/data/but.log", "app/src/kept.py")
	if len(w.seen) != 2 {
		t.Errorf("reported: %v", w.seen)
	}
}

func TestWatches_AreOnlyWhatRulesReach(t *testing.T) {
	devtest.Leaks(t)
	files := map[string]string{"code_package/streamlit/Home.py": "", "code_package/streamlit/pages/1.py": "", "docs/a/b/c.md": ""}
	for i := range 300 {
		files[fmt.Sprintf(".venv/lib/p%d/x.py", i)] = ""
		files[fmt.Sprintf("data/%d/x.csv", i)] = ""
	}
	root := devtest.Project(t, files)
	w := start(t, root, []dev.Rule{
		{Path: ".", Include: []string{"requirements.txt", "Dockerfile"}, Action: dev.Rebuild},
		{Path: "code_package", Ignore: []string{"**/*.md"}, Action: dev.Live},
	}, watch.Options{})
	devtest.Write(t, root+"/code_package/streamlit/pages/1.py", "x")
	devtest.Write(t, root+"/requirements.txt", "x")
	w.only("code_package/streamlit/pages/1.py", "requirements.txt")
	if n := w.Watches(); n != 4 {
		t.Errorf("%d directories are watched, want 4: the root, code_package, streamlit and pages", n)
	}
}

func TestNew_RefusesWhatItCannotWatch(t *testing.T) {
	root := devtest.Project(t, map[string]string{"file": ""})
	for name, c := range map[string]struct {
		root string
		rule dev.Rule
	}{
		"no directory there":   {root + "/missing", dev.Rule{Path: "."}},
		"a file as root":       {root + "/file", dev.Rule{Path: "."}},
		"a path outside":       {root, dev.Rule{Path: "../other", Origin: "develop.watch[0] (compose.yml:3)"}},
		"a malformed pattern":  {root, dev.Rule{Path: ".", Ignore: []string{"[a-"}, Origin: "develop.watch[1] (compose.yml:9)"}},
		"a malformed include":  {root, dev.Rule{Path: ".", Include: []string{"[a-"}, Origin: "o"}},
		"a negation of naught": {root, dev.Rule{Path: ".", Ignore: []string{"!"}, Origin: "o"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := watch.New(c.root, []dev.Rule{c.rule}, watch.Options{})
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), c.rule.Origin) {
				t.Errorf("error %q does not name the rule %q", err, c.rule.Origin)
			}
		})
	}
}

// anything is the rule under which all changes but the built-in exceptions matter.
var anything = []dev.Rule{{Path: ".", Action: dev.Live, Origin: "test"}}

// running is a watcher that runs, and what it reported.
type running struct {
	*watch.Watcher
	t       *testing.T
	root    string
	batches chan watch.Batch
	seen    map[string]dev.Change // since the last only
	marks   int
}

func start(t *testing.T, root string, rules []dev.Rule, opts watch.Options) *running {
	t.Helper()
	w, err := watch.New(root, rules, opts)
	if err != nil {
		t.Fatal(err)
	}
	return run(t, root, w)
}

func run(t *testing.T, root string, w *watch.Watcher) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{Watcher: w, t: t, root: root, batches: make(chan watch.Batch), seen: make(map[string]dev.Change)}
	ended := make(chan error, 1)
	go func() {
		ended <- w.Run(ctx, func(b watch.Batch) {
			select {
			case r.batches <- b:
			case <-ctx.Done():
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
		if n := w.Watches(); n != 0 {
			t.Errorf("%d watches are left behind", n)
		}
	})
	return r
}

// await reads batches until each of paths was reported; it forgets those it has waited for before.
func (r *running) await(paths ...string) {
	r.t.Helper()
	r.seen = make(map[string]dev.Change)
	r.read(paths)
}

func (r *running) read(paths []string) {
	r.t.Helper()
	timeout := time.After(devtest.Patience)
	missing := func(p string) bool { _, ok := r.seen[p]; return !ok }
	for slices.ContainsFunc(paths, missing) {
		select {
		case b := <-r.batches:
			if b.First.IsZero() {
				r.t.Errorf("batch %+v has no beginning", b)
			}
			if !slices.IsSortedFunc(b.Changes, func(x, y dev.Change) int { return strings.Compare(x.Path, y.Path) }) {
				r.t.Errorf("batch is not ordered: %+v", b.Changes)
			}
			for _, c := range b.Changes {
				r.seen[c.Path] = c
			}
		case <-timeout:
			r.t.Fatalf("not reported: %q; reported: %v", slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return !missing(p) }), r.seen)
		}
	}
}

// only asserts that these paths, and no others, were reported since the last only or await. It
// writes a file of its own and waits for that, so that whatever came before is there as well.
func (r *running) only(paths ...string) {
	r.t.Helper()
	r.seen = make(map[string]dev.Change)
	r.read(paths)
	r.marks++
	mark := fmt.Sprintf("code_package/mark%d", r.marks)
	devtest.Write(r.t, filepath.Join(r.root, mark), "mark")
	r.read([]string{mark})
	delete(r.seen, mark)
	for p := range r.seen {
		if !slices.Contains(paths, p) {
			r.t.Errorf("reported for nothing: %+v", r.seen[p])
		}
	}
	remove(r.t, filepath.Join(r.root, mark))
	r.read([]string{mark})
	delete(r.seen, mark)
}

func mtime(t *testing.T, file string) time.Time {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime()
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}
