package git_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/git"
)

// repo is a repository in a temporary directory.
type repo struct {
	*testing.T
	dir string
}

func env() []string {
	return append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com",
		"GIT_AUTHOR_DATE=2026-11-23T10:00:00Z", "GIT_COMMITTER_DATE=2026-11-23T10:00:00Z", "GIT_ALLOW_PROTOCOL=file")
}

func newRepo(t *testing.T) repo {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r := repo{t, dir}
	r.git("init", "--quiet", "--initial-branch", "main")
	return r
}

func (r repo) git(args ...string) string {
	r.Helper()
	cmd := exec.CommandContext(r.Context(), "git", args...)
	cmd.Dir, cmd.Env = r.dir, env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r repo) write(name, content string) {
	r.Helper()
	name = filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		r.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		r.Fatal(err)
	}
}

func (r repo) commit(name string) string {
	r.Helper()
	r.write(name, name)
	r.git("add", "-A")
	r.git("commit", "--quiet", "-m", name)
	return r.git("rev-parse", "HEAD")
}

func (r repo) read(more ...string) git.Repository {
	r.Helper()
	got, err := git.Read(r.Context(), r.dir, append(env(), more...))
	if err != nil {
		r.Fatal(err)
	}
	return got
}

func TestRead_States(t *testing.T) {
	t.Run("no repository", func(t *testing.T) {
		got := repo{t, t.TempDir()}.read("GIT_CEILING_DIRECTORIES=" + os.TempDir())
		if got.Found || got.Why != "the directory is not in a git repository" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("no git", func(t *testing.T) {
		r := newRepo(t)
		t.Setenv("PATH", t.TempDir())
		if got := r.read(); got.Found || got.Why != "git is not installed on this machine" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("no commit", func(t *testing.T) {
		r := newRepo(t)
		r.write("a b\n\"c\"", "")
		got := r.read()
		if !got.Found || got.Root != r.dir || got.Branch != "main" || got.Commit != "" || !slices.Equal(got.Modified, []string{"a b\n\"c\""}) {
			t.Errorf("%+v", got)
		}
		if last, err := got.LastChange(t.Context(), nil); last != "" || err != nil {
			t.Error(last, err)
		}
	})
	t.Run("a commit, and files that differ", func(t *testing.T) {
		r := newRepo(t)
		r.commit("gone")
		head := r.commit("kept")
		r.write("kept", "edited")
		r.git("rm", "--quiet", "gone")
		r.write("sub/new", "")
		r.write(".gitignore", "ignored\n")
		r.write("ignored", "")
		got := r.read()
		if got.Commit != head || got.Time.Format("2006-01-02T15") != "2026-11-23T10" {
			t.Errorf("%+v", got)
		}
		if diff := cmp.Diff([]string{".gitignore", "gone", "kept", "sub/new"}, got.Modified); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("detached head", func(t *testing.T) {
		r := newRepo(t)
		head := r.commit("a")
		r.git("checkout", "--quiet", "--detach")
		if got := r.read(); got.Branch != "" || got.Commit != head {
			t.Errorf("%+v", got)
		}
	})
	t.Run("in the work tree of another", func(t *testing.T) {
		r := newRepo(t)
		r.commit("a")
		tree := filepath.Join(t.TempDir(), "tree")
		r.git("worktree", "add", "--quiet", "-b", "other", tree)
		tree, err := filepath.EvalSymlinks(tree)
		if err != nil {
			t.Fatal(err)
		}
		if got := (repo{t, tree}).read("GIT_DIR=" + r.dir + "/.git"); got.Root != tree || got.Branch != "other" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("submodules", func(t *testing.T) {
		inner, r := newRepo(t), newRepo(t)
		inner.commit("a")
		r.git("-c", "protocol.file.allow=always", "submodule", "add", "--quiet", inner.dir, "inner")
		r.git("commit", "--quiet", "-m", "inner")
		if got := (repo{t, filepath.Join(r.dir, "inner")}).read(); got.Root != filepath.Join(r.dir, "inner") || got.Commit == r.git("rev-parse", "HEAD") {
			t.Errorf("%+v", got)
		}
		r.git("submodule", "deinit", "--quiet", "--force", "inner")
		if got := r.read(); !slices.Equal(got.Absent, []string{"inner"}) || len(got.Modified) != 0 {
			t.Errorf("%+v", got)
		}
	})
}

func TestRead_RemoteWithoutCredentials(t *testing.T) {
	for address, want := range map[string]string{
		"https://user:ghp_secret@github.com/acme/shop.git": "https://github.com/acme/shop.git github.com acme shop",
		"https://ghp_secret@github.com/acme/shop":          "https://github.com/acme/shop github.com acme shop",
		"https://host/a/shop?token=secret#secret":          "https://host/a/shop host a shop",
		"git@github.com:acme/shop.git":                     "github.com:acme/shop.git github.com acme shop",
		"secret@host:shop":                                 "host:shop host  shop",
		"ssh://git@host:2222/acme/team/shop.git/":          "ssh://host:2222/acme/team/shop.git/ host acme/team shop",
		"/srv/git/shop.git":                                "   ",
		"../shop":                                          "   ",
		"file:///srv/shop":                                 "   ",
	} {
		r := newRepo(t)
		r.git("config", "remote.origin.url", address)
		r.git("config", "remote.other.url", "https://github.com/other/other")
		got := r.read().Remote
		host, owner, name := git.Split(got)
		if line := strings.Join([]string{got, host, owner, name}, " "); line != want {
			t.Errorf("%s: %q, want %q", address, line, want)
		}
	}
}

func TestRead_OnlyRemoteWhateverItsName(t *testing.T) {
	r := newRepo(t)
	r.git("config", "remote.upstream.url", "https://github.com/acme/shop")
	if got := r.read().Remote; got != "https://github.com/acme/shop" {
		t.Error(got)
	}
	r.git("config", "remote.fork.url", "https://github.com/me/shop")
	if got := r.read().Remote; got != "" {
		t.Error(got, "of two none is the one")
	}
}

func TestLastChange_LeavesDirectoriesOut(t *testing.T) {
	r := newRepo(t)
	first := r.commit("app.py")
	second := r.commit("deploy/ecs/a")
	third := r.commit("deploy[1]")
	for _, c := range []struct {
		except []string
		want   string
	}{{nil, third}, {[]string{"deploy[1]"}, second}, {[]string{"deploy/ecs", "deploy[1]"}, first}, {[]string{"deploy*"}, third}} {
		if got, err := r.read().LastChange(t.Context(), c.except); got != c.want || err != nil {
			t.Errorf("%v: %s, %v", c.except, got, err)
		}
	}
	// If every commit changed only excepted files, the result is HEAD.
	if got, err := r.read().LastChange(t.Context(), []string{"app.py", "deploy", "deploy[1]"}); got != third || err != nil {
		t.Error(got, err)
	}
}

func TestRead_EndsWithItsContext(t *testing.T) {
	r := newRepo(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := git.Read(ctx, r.dir, env()); err == nil {
		t.Error("no error")
	}
}

func TestInside_FollowsLinks(t *testing.T) {
	r := newRepo(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(r.dir, link); err != nil {
		t.Fatal(err)
	}
	got := r.read()
	for name, want := range map[string]string{link: ".", link + "/a/b": "a/b", r.dir + "/deploy": "deploy", r.dir + "-other": "", filepath.Dir(r.dir): ""} {
		if rel, ok := got.Inside(name); rel != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", name, rel, ok)
		}
	}
}

func TestRead_ADamagedRepositoryIsAnError(t *testing.T) {
	r := newRepo(t)
	r.commit("a")
	r.write(".git/index", "no index")
	_, err := git.Read(t.Context(), r.dir, env())
	if e, ok := errors.AsType[*dev.Error](err); !ok || e.Code != dev.CodeGitFailed || e.Hint == "" || strings.Contains(e.Message, "fatal") || strings.Contains(e.Message, "exit status") {
		t.Errorf("%v", err)
	}
}
