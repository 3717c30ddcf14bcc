package git_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sdev/dev/git"
)

// trap is a repository whose settings name a program that leaves a marker file when it runs.
type trap struct {
	repo
	marker  string
	program string // creates the marker, then fails
}

func newTrap(t *testing.T) trap {
	t.Helper()
	r := trap{repo: newRepo(t), marker: filepath.Join(t.TempDir(), "ran")}
	r.program = r.script("program")
	r.commit("a.txt")
	return r
}

func (r trap) script(name string) string {
	r.Helper()
	file := filepath.Join(filepath.Dir(r.marker), name+".sh")
	if err := os.WriteFile(file, []byte("#!/bin/sh\ntouch "+r.marker+"\nexit 1\n"), 0o755); err != nil {
		r.Fatal(err)
	}
	return file
}

// ran reports whether the program has run, and removes the marker.
func (r trap) ran() bool {
	return os.Remove(r.marker) == nil
}

// readEverything calls every function of the package.
func readEverything(t *testing.T, dir string, env []string) git.Repository {
	t.Helper()
	r, err := git.Read(t.Context(), dir, env)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Files(t.Context()); err != nil {
		t.Error(err)
	}
	r.Shallow(t.Context())
	if _, err := r.LastChange(t.Context(), []string{"deploy"}); err != nil {
		t.Error(err)
	}
	err = r.Blobs(t.Context(), func(id, _ string, content io.Reader) error {
		r.CommitOf(t.Context(), id)
		_, err := io.Copy(io.Discard, content)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return r
}

func TestRead_RunsNoProgramThatARepositoryNames(t *testing.T) {
	edit := func(r trap) { r.write("a.txt", "a.xyz") }
	for name, test := range map[string]struct {
		set     func(trap)
		control []string // a git command that does run the program; nil if none is known
	}{
		"a clean filter": {func(r trap) {
			r.write(".gitattributes", "*.txt filter=x\n")
			r.git("config", "filter.x.clean", r.program)
			edit(r)
		}, []string{"status"}},
		"a required filter": {func(r trap) {
			r.write(".git/info/attributes", "* filter=x.y\n")
			r.git("config", "filter.x.y.clean", r.program)
			r.git("config", "filter.x.y.smudge", r.program)
			r.git("config", "filter.x.y.required", "true")
			edit(r)
		}, []string{"status"}},
		"a process filter": {func(r trap) {
			r.write(".gitattributes", "*.txt filter=x\n")
			r.git("config", "filter.x.process", r.program)
			edit(r)
		}, []string{"status"}},
		"a filter of an included file": {func(r trap) {
			r.write(".gitattributes", "*.txt filter=x\n")
			r.write("settings", "[filter \"x\"]\n\tclean = "+r.program+"\n")
			r.git("config", "include.path", "../settings")
			edit(r)
		}, []string{"status"}},
		"a filter of one work tree": {func(r trap) {
			r.write(".gitattributes", "*.txt filter=x\n")
			r.git("config", "extensions.worktreeConfig", "true")
			r.git("config", "--worktree", "filter.x.clean", r.program)
			edit(r)
		}, []string{"status"}},
		"a file watcher": {func(r trap) { r.git("config", "core.fsmonitor", r.program) }, []string{"status"}},
		"a filter of a submodule": {func(r trap) {
			inner := newRepo(r.T)
			inner.commit("b.txt")
			r.git("-c", "protocol.file.allow=always", "submodule", "add", "--quiet", inner.dir, "inner")
			r.git("commit", "--quiet", "-m", "inner")
			in := repo{r.T, filepath.Join(r.dir, "inner")}
			in.git("config", "filter.x.clean", r.program)
			in.write(".gitattributes", "*.txt filter=x\n")
			in.write("b.txt", "b.xyz")
		}, []string{"status"}},
		"a file watcher of a submodule": {func(r trap) {
			inner := newRepo(r.T)
			inner.commit("b.txt")
			r.git("-c", "protocol.file.allow=always", "submodule", "add", "--quiet", inner.dir, "inner")
			r.git("commit", "--quiet", "-m", "inner")
			repo{r.T, filepath.Join(r.dir, "inner")}.git("config", "core.fsmonitor", r.program)
		}, []string{"status"}},
		"a signature checker": {func(r trap) {
			head := r.git("cat-file", "commit", "HEAD")
			signed := strings.Replace(head, "\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n -----END PGP SIGNATURE-----\n\n", 1)
			r.write(".git/signed", signed+"\n")
			r.git("reset", "--quiet", "--hard", r.git("hash-object", "-t", "commit", "-w", ".git/signed"))
			r.git("config", "gpg.program", r.program)
			r.git("config", "log.showSignature", "true")
		}, []string{"log", "-1"}},
		"a remote's own program": {func(r trap) { r.partial(r.dir, "remote.origin.uploadpack", r.program) }, []string{"cat-file", "-p", "HEAD:gone.txt"}},
		"a transport":            {func(r trap) { r.partial("ext::"+r.program, "protocol.ext.allow", "always") }, []string{"cat-file", "-p", "HEAD:gone.txt"}},
		"ssh":                    {func(r trap) { r.partial("ssh://host/x", "core.sshCommand", r.program) }, []string{"cat-file", "-p", "HEAD:gone.txt"}},
		"a credential helper": {func(r trap) {
			r.git("config", "core.askPass", r.program)
			r.git("config", "credential.helper", r.program)
			r.git("config", "core.gitProxy", r.program)
			r.partial("git://localhost:1/x", "core.alternateRefsCommand", r.program)
		}, nil},
		"hooks": {func(r trap) {
			for _, name := range []string{"post-index-change", "reference-transaction", "pre-commit", "post-checkout", "fsmonitor-watchman"} {
				if err := os.Link(r.program, filepath.Join(r.dir, ".git/hooks", name)); err != nil {
					r.Fatal(err)
				}
			}
			r.write("a.txt", "a.txt") // makes git rewrite the index
		}, []string{"status"}},
		"hooks in another directory": {func(r trap) {
			if err := os.Symlink(r.program, filepath.Join(filepath.Dir(r.marker), "post-index-change")); err != nil {
				r.Fatal(err)
			}
			r.git("config", "core.hooksPath", filepath.Dir(r.marker))
			r.write("a.txt", "a.txt")
		}, []string{"status"}},
		"programs that show files and changes": {func(r trap) {
			r.write(".gitattributes", "*.txt diff=x merge=x\n")
			for _, key := range []string{"diff.external", "diff.x.textconv", "diff.x.command", "merge.x.driver", "core.pager", "pager.log", "pager.status", "core.editor", "alias.status", "submodule.inner.update", "trailer.x.command"} {
				r.git("config", key, r.program)
			}
			edit(r)
		}, []string{"log", "-p", "--ext-diff"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTrap(t)
			r.T = t
			test.set(r)
			r.ran()
			readEverything(t, r.dir, env())
			if r.ran() {
				t.Error("a program that the repository names was run")
			}
			if test.control == nil {
				return
			}
			cmd := exec.CommandContext(t.Context(), "git", test.control...)
			cmd.Dir, cmd.Env = r.dir, slices.DeleteFunc(env(), func(v string) bool { return strings.HasPrefix(v, "GIT_ALLOW_PROTOCOL=") })
			_ = cmd.Run() // its result does not matter
			if !r.ran() {
				t.Errorf("git %v runs nothing either: this shows nothing", test.control)
			}
		})
	}
}

// partial turns the repository into a partial clone that lacks a file, with the address and one setting of its
// remote.
func (r trap) partial(address, key, value string) {
	r.Helper()
	r.commit("gone.txt")
	id := r.git("rev-parse", "HEAD:gone.txt")
	if err := os.Remove(filepath.Join(r.dir, ".git/objects", id[:2], id[2:])); err != nil {
		r.Fatal(err)
	}
	for _, set := range [][2]string{{"core.repositoryFormatVersion", "1"}, {"extensions.partialClone", "origin"}, {"remote.origin.promisor", "true"}, {"remote.origin.url", address}, {key, value}} {
		r.git("config", set[0], set[1])
	}
	// Only objects to which a promisor pack refers may be missing.
	pack := strings.TrimSpace(r.gitIn(strings.Join([]string{r.git("rev-parse", "HEAD"), r.git("rev-parse", "HEAD^{tree}")}, "\n")+"\n", "pack-objects", "--quiet", ".git/objects/pack/pack"))
	r.write(".git/objects/pack/pack-"+pack+".promisor", "")
}

func (r repo) gitIn(input string, args ...string) string {
	r.Helper()
	cmd := exec.CommandContext(r.Context(), "git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = r.dir, env(), strings.NewReader(input)
	out, err := cmd.Output()
	if err != nil {
		r.Fatalf("git %v: %v", args, err)
	}
	return string(out)
}

func TestRead_RunsNoFilterOfTheUserEither(t *testing.T) {
	r := newTrap(t)
	global := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(global, []byte("[filter \"lfs\"]\n\tclean = "+r.program+"\n\trequired = true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.write(".gitattributes", "*.txt filter=lfs\n")
	r.write("a.txt", "a.xyz")
	if got := readEverything(t, r.dir, append(env(), "GIT_CONFIG_GLOBAL="+global)); !slices.Equal(got.Modified, []string{".gitattributes", "a.txt"}) || r.ran() {
		t.Errorf("%q", got.Modified)
	}
}

func TestRead_RefusesAFilterThatItCannotDisable(t *testing.T) {
	r := newTrap(t)
	r.write(".gitattributes", "*.txt filter=a=b\n")
	r.write(".git/config", "[core]\n\trepositoryformatversion = 0\n[filter \"a=b\"]\n\tclean = "+r.program+"\n")
	r.write("a.txt", "a.xyz")
	if _, err := git.Read(t.Context(), r.dir, env()); err == nil || !strings.Contains(err.Error(), "a=b") || r.ran() {
		t.Errorf("error %v", err)
	}
}

// filtered returns a repository with a filter: the committed files are upper case, those in the work tree lower
// case.
func filtered(t *testing.T) trap {
	t.Helper()
	r := newTrap(t)
	r.write(".gitattributes", "*.dat filter=up\n")
	r.git("config", "filter.up.clean", "tr a-z A-Z")
	r.git("config", "filter.up.required", "true")
	r.write("one.dat", "one\n")
	r.write("two.dat", "two\n")
	r.git("add", "-A")
	r.git("commit", "--quiet", "-m", "data")
	return r
}

func TestRead_RecognisesFilesThatAFilterChanged(t *testing.T) {
	r := filtered(t)
	if got := r.read().Modified; len(got) > 0 {
		t.Errorf("right after the commit: %q", got)
	}
	// git reads files again that were written in the same second as the index.
	old := time.Now().Add(-time.Hour).Truncate(time.Second)
	r.git("update-index", "--refresh")
	if err := os.Chtimes(filepath.Join(r.dir, ".git/index"), old, old); err != nil {
		t.Fatal(err)
	}
	if got := r.read().Modified; len(got) > 0 {
		t.Errorf("with an old index: %q", got)
	}
	r.write("two.dat", "other\n")
	if got := r.read().Modified; !slices.Equal(got, []string{"two.dat"}) {
		t.Errorf("one was edited: %q", got)
	}
	r.git("add", "two.dat")
	if got := r.read().Modified; !slices.Equal(got, []string{"two.dat"}) {
		t.Errorf("one is staged: %q", got)
	}
}

func TestRead_RecognisesLFSFilesByTheirPointers(t *testing.T) {
	r := newTrap(t)
	body := "a large picture\n"
	pointer := fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%x\nsize %d\n", sha256.Sum256([]byte(body)), len(body))
	r.write(".gitattributes", "*.png filter=lfs diff=lfs merge=lfs -text\n")
	r.write("a.png", pointer)
	r.git("add", "-A")
	r.git("commit", "--quiet", "-m", "picture")
	r.git("config", "filter.lfs.clean", r.program)
	for content, want := range map[string][]string{body: nil, pointer: nil, "another picture\n": {"a.png"}, "short": {"a.png"}} {
		r.write("a.png", content)
		if got := r.read().Modified; !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", content, got, want)
		}
	}
}

func TestRead_FindsChangesInSubmodules(t *testing.T) {
	inner, r := newRepo(t), newTrap(t)
	inner.commit("b.txt")
	r.git("-c", "protocol.file.allow=always", "submodule", "add", "--quiet", inner.dir, "in/ner")
	r.git("commit", "--quiet", "-m", "inner")
	in := repo{t, filepath.Join(r.dir, "in/ner")}
	if got := r.read().Modified; len(got) > 0 {
		t.Errorf("nothing was changed: %q", got)
	}
	in.write("new.txt", "x")
	if got := r.read().Modified; !slices.Equal(got, []string{"in/ner"}) {
		t.Errorf("a new file: %q", got)
	}
	in.commit("new.txt")
	if got := r.read().Modified; !slices.Equal(got, []string{"in/ner"}) {
		t.Errorf("another commit: %q", got)
	}
}

func TestRead_IgnoresAWorkTreeInAnotherDirectory(t *testing.T) {
	r := newTrap(t)
	elsewhere := t.TempDir()
	r.git("config", "core.worktree", elsewhere)
	got, err := git.Read(context.WithoutCancel(t.Context()), r.dir, env())
	if err != nil || got.Found || !strings.Contains(got.Why, elsewhere) {
		t.Errorf("%+v, %v", got, err)
	}
}
