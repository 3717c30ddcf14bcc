// Package git asks the git program about the repository that a directory lies in.
//
// Nothing is changed: no index is refreshed, nothing is fetched, and nobody is asked for a password.
// Nothing is run either that the repository's own files could name: no filter, hook, file watcher,
// helper or transport, neither of the repository nor of its submodules. See [Repository.Modified] for
// what that means for files that a filter changes. Addresses of remotes come without the credentials
// in them.
//
// The package starts no goroutines; every call ends with the program that it started, or with its
// context.
package git

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"sdev/dev"
)

// Repository is what git says about the repository that a directory lies in.
type Repository struct {
	Found bool
	Why   string // why nothing was found out, where Found is false

	Root   string // its work tree, absolute, links followed
	Remote string // address of origin, else of the only remote; "" where there is none
	Branch string // "" where the head is detached
	Commit string // full hash of the head; "" before the first commit
	Time   time.Time
	// Modified are files that differ from the commit or are not in it, relative to Root, with slashes. A
	// file that git would hand to a filter first counts as it lies there: it is as it was committed where
	// nobody wrote to it since git put it there, or where the commit holds its Git LFS pointer.
	Modified []string
	// Absent are submodules whose files are not there.
	Absent []string

	runner runner
}

// Read asks about the repository around dir. env is the program's environment. The error is that of
// ctx alone: a machine without git, a directory without a repository, and one that git refuses to look
// into are answers.
func Read(ctx context.Context, dir string, env []string) (Repository, error) {
	r := Repository{}
	program, err := exec.LookPath("git")
	if err != nil {
		r.Why = "there is no git on this machine"
		return r, nil
	}
	r.runner = runner{program: program, dir: dir, env: env}
	root, err := r.runner.run(ctx, "rev-parse", "--show-toplevel")
	if err != nil || len(root) == 0 {
		r.Why = explain(err)
		return r, context.Cause(ctx)
	}
	r.Found, r.Root = true, filepath.FromSlash(strings.TrimSuffix(string(root), "\n"))
	if !within(dir, r.Root) {
		return Repository{Why: "the repository's settings say that its files are in another directory: " + dev.Sanitize(r.Root)}, nil
	}
	if err := r.readHead(ctx); err != nil {
		return r, err
	}
	r.Remote = WithoutCredentials(r.remote(ctx))
	if err := r.readState(ctx); err != nil {
		return r, err
	}
	return r, nil
}

// why words the answer of a directory that is in no work tree.
func explain(err error) string {
	switch {
	case err == nil, strings.Contains(err.Error(), "not a git repository"), strings.Contains(err.Error(), "must be run in a work tree"):
		return "the directory is in no git repository"
	case strings.Contains(err.Error(), "dubious ownership"):
		return "git does not trust the repository, because somebody else owns it: git config --global --add safe.directory DIR"
	}
	return err.Error()
}

func (r *Repository) readHead(ctx context.Context) error {
	if out, err := r.runner.run(ctx, "symbolic-ref", "--quiet", "--short", "HEAD"); err == nil {
		r.Branch = strings.TrimSuffix(string(out), "\n")
	}
	out, err := r.runner.run(ctx, "log", "-1", "--no-show-signature", "--format=%H %ct", "HEAD", "--")
	if err == nil {
		hash, seconds, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
		n, err := strconv.ParseInt(seconds, 10, 64)
		if err != nil {
			return fmt.Errorf("git log: the time of a commit is %q", seconds)
		}
		r.Commit, r.Time = hash, time.Unix(n, 0).UTC()
	}
	return context.Cause(ctx)
}

// remote is the address of origin, or of the only remote there is, as the repository's settings have it.
func (r *Repository) remote(ctx context.Context) string {
	out, err := r.runner.run(ctx, "config", "--null", "--get-regexp", `^remote\..*\.url$`)
	if err != nil {
		return ""
	}
	remotes := map[string]string{}
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		name, address, _ := strings.Cut(entry, "\n")
		if _, more := remotes[name]; !more { // further ones are pushed to as well
			remotes[name] = address
		}
	}
	if address, ok := remotes["remote.origin.url"]; ok || len(remotes) != 1 {
		return address
	}
	for _, address := range remotes {
		return address
	}
	return ""
}

func contextError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// LastChange is the newest commit that changed anything but what lies below these directories and files of
// the repository (relative to its root, with slashes), so that committing them is no change itself.
// It is "" before the first commit.
func (r Repository) LastChange(ctx context.Context, except []string) (string, error) {
	if r.Commit == "" {
		return "", nil
	}
	args := []string{"log", "-1", "--no-show-signature", "--format=%H", "HEAD", "--", ":(top)"}
	for _, name := range except {
		args = append(args, ":(top,exclude,literal)"+name)
	}
	out, err := r.runner.run(ctx, args...)
	if err != nil {
		return "", contextError(ctx, err)
	}
	if hash := strings.TrimSpace(string(out)); hash != "" {
		return hash, nil
	}
	return r.Commit, nil
}

// scpLike is how ssh addresses are mostly written: user@host:path.
var scpLike = regexp.MustCompile(`^(?:[^@/]+@)?([^:/@]+):([^/].*|/.*)$`)

// WithoutCredentials is the address of a remote without the user and password in it. One that is no
// address is a path on this machine, which tells nothing: it gives "".
func WithoutCredentials(address string) string {
	if u, err := url.Parse(address); err == nil && u.Scheme != "" && u.Host != "" {
		u.User, u.RawQuery, u.Fragment = nil, "", ""
		return u.String()
	}
	if m := scpLike.FindStringSubmatch(address); m != nil && !strings.Contains(address, "://") {
		return m[1] + ":" + m[2]
	}
	return ""
}

// Split takes the address of a remote apart, as [WithoutCredentials] gives it: the parts are "" where
// it has none.
func Split(address string) (host, owner, name string) {
	path := ""
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		host, path = u.Hostname(), u.Path
	} else if m := scpLike.FindStringSubmatch(address); m != nil {
		host, path = m[1], m[2]
	}
	path = strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		owner, name = path[:i], path[i+1:]
	} else {
		name = path
	}
	return host, owner, name
}

// Inside gives a path relative to the repository, with slashes; ok is false where it lies outside.
func (r Repository) Inside(name string) (rel string, ok bool) {
	if !r.Found {
		return "", false
	}
	rel, err := filepath.Rel(r.Root, resolved(name))
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// within says that a directory is another one, or lies in it. A repository's settings can put its work tree
// anywhere.
func within(dir, root string) bool {
	want, err := os.Stat(root)
	dir, aerr := filepath.Abs(dir)
	if errors.Join(err, aerr) != nil {
		return false
	}
	for dir = resolved(dir); ; dir = filepath.Dir(dir) {
		if have, err := os.Stat(dir); err == nil && os.SameFile(have, want) {
			return true
		}
		if dir == filepath.Dir(dir) {
			return false
		}
	}
}

// resolved follows the links of a path as far as it exists.
func resolved(name string) string {
	rest := ""
	for dir := name; ; {
		real, err := filepath.EvalSymlinks(dir)
		if err == nil {
			return filepath.Join(real, rest)
		}
		parent := filepath.Dir(dir)
		if parent == dir || !errors.Is(err, os.ErrNotExist) {
			return name
		}
		rest = filepath.Join(filepath.Base(dir), rest)
		dir = parent
	}
}
