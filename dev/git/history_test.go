package git_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sdev/dev/git"
)

func read(t *testing.T, dir string) git.Repository {
	t.Helper()
	r, err := git.Read(t.Context(), dir, env())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// blobs returns "path: content" of every version.
func blobs(t *testing.T, r git.Repository) []string {
	t.Helper()
	var out []string
	err := r.Blobs(t.Context(), func(id, path string, content io.Reader) error {
		b, err := io.ReadAll(content)
		if len(id) != 40 {
			t.Errorf("id %q", id)
		}
		out = append(out, path+": "+string(b))
		return err
	})
	if err != nil {
		t.Error(err)
	}
	slices.Sort(out)
	return out
}

func TestBlobs_AreAllReachableVersions(t *testing.T) {
	r := newRepo(t)
	r.write("a.txt", "one")
	r.write("dir/b \x01.txt", "blob 3\nmissing\n")
	r.git("add", "-A")
	r.git("commit", "--quiet", "-m", "first")
	first := r.git("rev-parse", "--short", "HEAD")
	r.write("a.txt", "two")
	r.git("commit", "--quiet", "-am", "second")
	r.git("rm", "--quiet", "a.txt")
	r.git("commit", "--quiet", "-m", "third")
	r.git("checkout", "--quiet", "-b", "side")
	r.write("c.txt", "on a branch")
	r.git("add", "-A")
	r.git("commit", "--quiet", "-m", "fourth")
	r.git("checkout", "--quiet", "main")
	r.write("dir/b \x01.txt", "stashed")
	r.git("stash", "--quiet")
	repo := read(t, r.dir)
	want := []string{"a.txt: one", "a.txt: two", "c.txt: on a branch", "dir/b \x01.txt: blob 3\nmissing\n", "dir/b \x01.txt: stashed"}
	if got := blobs(t, repo); !slices.Equal(got, want) {
		t.Errorf("blobs %q, want %q", got, want)
	}
	if got := repo.CommitOf(t.Context(), r.git("rev-parse", first+":a.txt")); got != first && !strings.HasPrefix(r.git("rev-parse", "HEAD~1"), got) {
		t.Errorf("commit %q, want %s or the next one", got, first)
	}
	if got := repo.CommitOf(t.Context(), strings.Repeat("0", 40)); got != "" {
		t.Errorf("commit %q of what is not there", got)
	}
}

func TestBlobs_MayBeLeftUnreadAndEndWithTheVisitorsError(t *testing.T) {
	r := newRepo(t)
	for _, name := range []string{"a", "b", "c"} {
		r.write(name, strings.Repeat(name, 1<<20))
	}
	r.git("add", "-A")
	r.git("commit", "--quiet", "-m", "first")
	repo := read(t, r.dir)
	n := 0
	if err := repo.Blobs(t.Context(), func(string, string, io.Reader) error { n++; return nil }); err != nil || n != 3 {
		t.Errorf("%d blobs, %v", n, err)
	}
	stop := errors.New("enough")
	if err := repo.Blobs(t.Context(), func(string, string, io.Reader) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error %v, want the visitor's", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := repo.Blobs(ctx, func(_, _ string, content io.Reader) error {
		cancel()
		_, err := io.Copy(io.Discard, content)
		return err
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestBlobs_OfNoCommitAreNone(t *testing.T) {
	if got := blobs(t, read(t, newRepo(t).dir)); len(got) > 0 {
		t.Errorf("blobs %q", got)
	}
	if got := blobs(t, read(t, t.TempDir())); len(got) > 0 {
		t.Errorf("blobs %q without a repository", got)
	}
}

func TestBlobs_OfADamagedRepositoryAreAnError(t *testing.T) {
	r := newRepo(t)
	r.write("a", "one")
	r.git("add", "-A")
	r.git("commit", "--quiet", "-m", "first")
	repo := read(t, r.dir)
	tree := r.git("rev-parse", "HEAD^{tree}")
	if err := os.Remove(filepath.Join(r.dir, ".git", "objects", tree[:2], tree[2:])); err != nil {
		t.Fatal(err)
	}
	err := repo.Blobs(t.Context(), func(string, string, io.Reader) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "git rev-list") {
		t.Errorf("error %v, want one that names git rev-list", err)
	}
}

func TestShallow_IsACloneWithoutItsOlderCommits(t *testing.T) {
	r := newRepo(t)
	for _, text := range []string{"one", "two"} {
		r.write("a", text)
		r.git("add", "-A")
		r.git("commit", "--quiet", "-m", text)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	r.git("clone", "--quiet", "--depth", "1", "file://"+r.dir, clone)
	if !read(t, clone).Shallow(t.Context()) || read(t, r.dir).Shallow(t.Context()) {
		t.Error("the clone is shallow, and the other is not")
	}
	if got := blobs(t, read(t, clone)); !slices.Equal(got, []string{"a: two"}) {
		t.Errorf("blobs %q", got)
	}
}

func TestFiles_AreWhatGitDoesNotIgnore(t *testing.T) {
	r := newRepo(t)
	for _, name := range []string{"app/a.py", "app/é.py", "app/.env", "app/new.py", "other.py"} {
		r.write(name, "x")
	}
	r.write(".gitignore", ".env\n")
	r.git("add", "app/a.py", "app/é.py")
	files, tracked, err := read(t, filepath.Join(r.dir, "app")).Files(t.Context())
	if err != nil || !slices.Equal(files, []string{"a.py", "new.py", "é.py"}) || !slices.Equal(tracked, []string{"a.py", "é.py"}) {
		t.Errorf("files %q, tracked %q, %v", files, tracked, err)
	}
}
