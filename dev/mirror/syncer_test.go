package mirror_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/mirror"
)

func TestSyncer_CopiesAllFilesAndThenChanges(t *testing.T) {
	p := newPair(t)
	p.write("Home.py", "one")
	p.write("pages/a.py", "two")
	p.write("ignored/x.py", "never")
	p.run()
	if r := p.await(compared); r.Written != 2 || len(r.Differed) != 2 || r.Differed[0].Path != "Home.py" || r.Differed[0].Saved.IsZero() || r.First.IsZero() {
		t.Errorf("%+v, want two files written", r)
	}
	p.same()
	p.write("pages/a.py", "three")
	if r := p.saved("pages/a.py"); r.Written != 1 || r.Compared {
		t.Errorf("%+v", r)
	}
	p.same()
}

func TestSyncer_NamesAreBytes(t *testing.T) {
	p := newPair(t)
	for _, name := range []string{"two\nlines.py", "caf\xe9.py", "naïve ☃.py", "-rf", "sp ace/a\tb", strings.Repeat("n", 250)} {
		p.write(name, name)
	}
	p.run()
	p.await(compared)
	p.same()
	p.remove("caf\xe9.py")
	p.write("two\nlines.py", "again")
	p.saved("caf\xe9.py", "two\nlines.py")
	p.same()
}

func TestSyncer_LinksAreMadeAndNeverFollowed(t *testing.T) {
	p := newPair(t)
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.write("dir/a.py", "a")
	for name, to := range map[string]string{"loop": ".", "dir/up": "..", "self": "self", "out": outside, "broken": "nowhere"} {
		if err := os.Symlink(to, filepath.Join(p.here, name)); err != nil {
			t.Fatal(err)
		}
	}
	p.run()
	p.await(compared)
	p.same()
}

func TestSyncer_FilesBecomeDirectoriesAndBack(t *testing.T) {
	p := newPair(t)
	p.write("thing", "file")
	p.write("other/deep/x", "x")
	p.run()
	p.await(compared)
	p.remove("thing")
	p.write("thing/inner/y", "y")
	p.remove("other")
	p.write("other", "file now")
	p.saved("thing", "thing/inner/y", "other/deep/x", "other")
	p.same()
	if err := os.WriteFile(filepath.Join(p.there, "thing/inner/cache"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.remove("thing")
	p.write("thing", "a file once more, where the app left something")
	p.saved("thing/inner/y", "thing")
	p.same()
}

// Changes and deletions while the container does not run are not lost.
func TestSyncer_StoppedContainerCatchesUp(t *testing.T) {
	p := newPair(t)
	p.write("a.py", "1")
	p.write("gone/b.py", "1")
	p.run()
	p.await(compared)
	p.stop()
	p.remove("gone")
	p.write("a.py", "2")
	p.write("c.py", "1")
	p.changed("gone/b.py", "a.py", "c.py")
	if r := p.await(func(r mirror.Report) bool { return len(r.Changes) == 3 }); r.Connected {
		t.Errorf("%+v: a container that does not run has it", r)
	}
	p.start()
	if r := p.await(compared); r.Written != 2 || r.Removed != 1 {
		t.Errorf("%+v, want two written and one removed", r)
	}
	p.same()
	if _, err := os.Stat(filepath.Join(p.there, "gone")); err == nil {
		t.Error("the directory that was made for the deleted file is still there")
	}
}

// A recreated container has all files of its image, including one that was deleted since.
func TestSyncer_DeletesFilesInANewContainer(t *testing.T) {
	p := newPair(t)
	p.write("a.py", "1")
	p.run()
	p.await(compared)
	p.remove("a.py")
	p.saved("a.py")
	p.stop()
	for _, path := range []string{p.there, filepath.Dir(p.manifest)} {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{"a.py": "of the image", "image.py": "of the image"} {
		if err := os.MkdirAll(p.there, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(p.there, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p.start()
	p.await(compared)
	if got := list(t, p.there); len(got) != 1 || !strings.HasSuffix(got["image.py"], "of the image") {
		t.Errorf("%v, want image.py alone", got)
	}
}

// If the image contains the files, the syncer copies only those that changed since it was made.
func TestSyncer_LeavesFilesOfTheImage(t *testing.T) {
	p := newPair(t)
	p.write("old.py", "source")
	p.since = time.Now().Add(time.Hour)
	p.syncer.Source.Layout = everything{mirror.Root{Path: p.there}, false}
	if err := os.MkdirAll(p.there, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.there, "old.py"), []byte("compiled"), 0o644); err != nil {
		t.Fatal(err)
	}
	p.run()
	if r := p.await(compared); r.Written != 0 {
		t.Errorf("%+v: a file that the image has was replaced", r)
	}
	p.write("old.py", "changed")
	p.saved("old.py")
	p.same()
	p.cut()
	p.write("old.py", "changed while nobody was there")
	p.await(compared)
	p.same()
}

// A pipe is not copied, and the syncer must not block on it.
func TestSyncer_PipesAreNotRead(t *testing.T) {
	p := newPair(t)
	p.write("a.py", "a")
	p.write("z.py", "z")
	p.run()
	p.await(compared)
	p.remove("a.py")
	if err := devtest.MakePipe(filepath.Join(p.here, "a.py")); err != nil {
		t.Fatal(err)
	}
	p.write("z.py", "z2")
	p.saved("a.py", "z.py")
	p.remove("a.py")
	p.same()
}

// A receiver that is killed while it writes leaves a temporary file; the next one removes it.
func TestSyncer_SweepsWhatAKilledReceiverLeft(t *testing.T) {
	p := newPair(t)
	p.write("a/one.py", "1")
	p.write("b/two.py", "2")
	p.run()
	p.await(compared)
	for _, dir := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(p.there, dir, ".sdev-4711~"), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.cut()
	p.await(func(r mirror.Report) bool { return r.Compared })
	p.write("a/one.py", "more")
	p.remove("b")
	p.saved("b/two.py", "a/one.py")
	p.same()
	if _, err := os.Stat(filepath.Join(p.there, "b")); err == nil {
		t.Error("the directory of the deleted file is still there")
	}
}

// The image may need its links: the receiver writes nothing through one, and keeps it. The syncer reports the file that
// failed, and tries it again by itself.
func TestSyncer_WritesThroughNoLink(t *testing.T) {
	p := newPair(t)
	outside := t.TempDir()
	if err := os.MkdirAll(p.there, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"out": outside, "in": "real"} {
		if err := os.Symlink(to, filepath.Join(p.there, name)); err != nil {
			t.Fatal(err)
		}
	}
	p.write("out/x.py", "x")
	p.write("in/x.py", "x")
	p.write("fine.py", "x")
	p.run()
	r := p.await(compared)
	if r.Written != 1 || len(r.Failed) != 2 || !strings.HasSuffix(r.Failed[0].Reason, "is a link in the container") {
		t.Errorf("%+v, want one written and two failures about links", r)
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) != 0 {
		t.Errorf("outside of the root: %v, %v", left, err)
	}
	for _, name := range []string{"out", "in"} {
		if err := os.Remove(filepath.Join(p.there, name)); err != nil {
			t.Fatal(err)
		}
	}
	p.await(func(r mirror.Report) bool { return r.Written == 2 && len(r.Failed) == 0 })
	p.same()
}

func TestSyncer_ManyFilesGoInBoundedBatches(t *testing.T) {
	p := newPair(t)
	p.run()
	p.await(compared)
	var paths []string
	for i := range 3115 {
		path := fmt.Sprintf("pkg%d/mod%d.py", i%50, i)
		p.write(path, fmt.Sprint(i))
		paths = append(paths, path)
	}
	start := time.Now()
	if r := p.saved(paths...); r.Written != 3115 {
		t.Errorf("%d written", r.Written)
	}
	t.Logf("3,115 files in %v", time.Since(start))
	p.same()
}

// After any sequence of edits and broken streams, both sides are equal in the end.
func TestSyncer_AnySequenceOfEditsEndsEqual(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			p := newPair(t)
			rng := rand.New(rand.NewPCG(seed, 1))
			p.run()
			p.await(compared)
			names := []string{"a", "b", "c", "a/x", "a/y", "b/x/deep", "caf\xe9", "n\nl"}
			for range 150 {
				path := names[rng.IntN(len(names))]
				before := list(t, p.here)
				switch rng.IntN(7) {
				case 0, 1, 2:
					p.clear(filepath.Dir(path))
					p.remove(path)
					p.write(path, fmt.Sprint(rng.Uint64()))
				case 3:
					p.clear(filepath.Dir(path))
					p.remove(path)
				case 4:
					p.clear(filepath.Dir(path))
					p.remove(path)
					if err := os.MkdirAll(filepath.Dir(filepath.Join(p.here, path)), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.Symlink(names[rng.IntN(len(names))], filepath.Join(p.here, path)); err != nil {
						t.Fatal(err)
					}
				case 5:
					p.cut()
				case 6:
					p.stop()
					p.start()
				}
				p.changed(differing(before, list(t, p.here))...)
			}
			p.write("last", "one")
			p.changed("last")
			p.await(func(r mirror.Report) bool {
				_, err := os.Lstat(filepath.Join(p.there, "last"))
				// A report of earlier files may come before the last ones are copied.
				whole := r.Compared || slices.ContainsFunc(r.Changes, func(c dev.Change) bool { return c.Path == "last" })
				return r.Connected && whole && err == nil
			})
			p.same()
		})
	}
}

func TestSyncer_RemovesWhatAKilledReceiverLeft(t *testing.T) {
	p := newPair(t)
	p.write("pages/a.py", "one")
	p.run()
	p.await(compared)
	p.stop()
	if err := os.WriteFile(filepath.Join(p.there, "pages", ".sdev-1~"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.start()
	p.await(compared)
	p.same()
}

// clear makes room for a directory where files are in the way.
func (p *pair) clear(dir string) {
	for ; dir != "."; dir = filepath.Dir(dir) {
		if info, err := os.Lstat(filepath.Join(p.here, dir)); err == nil && !info.IsDir() {
			p.remove(dir)
		}
	}
}

func differing(a, b map[string]string) []string {
	var out []string
	for path, was := range a {
		if b[path] != was {
			out = append(out, path)
		}
	}
	for path := range b {
		if _, ok := a[path]; !ok {
			out = append(out, path)
		}
	}
	return out
}
