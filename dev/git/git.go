package git

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/pattern"
)

// Repository is the state of the repository that contains a directory.
type Repository struct {
	Found bool
	Why   string // why there is no state, if Found is false

	Root   string    // its work tree, absolute, with links resolved
	Remote string    // address of origin, else of the only remote; "" if there is none
	Branch string    // "" if HEAD is detached
	Commit string    // full hash of HEAD; "" before the first commit
	Time   time.Time // when Commit was made
	// Modified are files that differ from the commit or are not in it, relative to Root, with slashes. git would
	// run a filter to compare some files; of those, a file counts as unmodified if nobody has written to it since
	// git did, or if the commit contains its Git LFS pointer.
	Modified []string
	// Absent are submodules that are not checked out.
	Absent []string

	runner runner
}

// Read returns the state of the repository that contains dir. env is git's environment. An error is always ctx's,
// or that of a damaged repository. If git is not installed, dir is in no repository, or git does not trust the
// repository, then Found is false and Why says so.
func Read(ctx context.Context, dir string, env []string) (Repository, error) {
	r := Repository{}
	program, err := exec.LookPath("git")
	if err != nil {
		r.Why = "git is not installed on this machine"
		return r, nil
	}
	r.runner = runner{program: program, dir: dir, env: env}
	root, err := r.runner.run(ctx, "rev-parse", "--show-toplevel")
	if err != nil || len(root) == 0 {
		r.Why = explainNotFound(err)
		return r, context.Cause(ctx)
	}
	r.Found, r.Root = true, filepath.FromSlash(strings.TrimSuffix(string(root), "\n"))
	if !isWithin(dir, r.Root) {
		return Repository{Why: "the repository's settings place its work tree in another directory: " + dev.Sanitize(r.Root)}, nil
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

// explainNotFound explains git's error for a directory without a work tree.
func explainNotFound(err error) string {
	switch {
	case err == nil, strings.Contains(err.Error(), "not a git repository"), strings.Contains(err.Error(), "must be run in a work tree"):
		return "the directory is not in a git repository"
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

// remote is the configured address of origin, else of the only remote.
func (r *Repository) remote(ctx context.Context) string {
	out, err := r.runner.run(ctx, "config", "--null", "--get-regexp", `^remote\..*\.url$`)
	if err != nil {
		return ""
	}
	remotes := map[string]string{}
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		name, address, _ := strings.Cut(entry, "\n")
		if _, more := remotes[name]; !more { // git fetches from the first address, and pushes to the others, too
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

func ctxErrorOr(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// LastChange is the latest commit that changed any file outside the excepted ones: directories and files relative
// to the repository's root, with slashes. A commit of only those is no change. LastChange is "" before the first
// commit.
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
		return "", ctxErrorOr(ctx, err)
	}
	if hash := strings.TrimSpace(string(out)); hash != "" {
		return hash, nil
	}
	return r.Commit, nil
}

// scpLike matches the usual form of ssh addresses: user@host:path.
var scpLike = pattern.New(`^(?:[^@/]+@)?([^:/@]+):([^/].*|/.*)$`)

// WithoutCredentials removes user and password from the address of a remote. A path on this machine is no address
// and means nothing elsewhere, so it gives "".
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

// Split splits an address from [WithoutCredentials]; a part is "" if the address lacks it.
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

// Inside returns a path relative to the repository, with slashes; ok is false if it is outside.
func (r Repository) Inside(name string) (rel string, ok bool) {
	if !r.Found {
		return "", false
	}
	rel, err := filepath.Rel(r.Root, resolveLinks(name))
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// isWithin reports whether dir is root or below it. Settings of a repository can place its work tree anywhere.
func isWithin(dir, root string) bool {
	want, err := os.Stat(root)
	dir, aerr := filepath.Abs(dir)
	if errors.Join(err, aerr) != nil {
		return false
	}
	for dir = resolveLinks(dir); ; dir = filepath.Dir(dir) {
		if have, err := os.Stat(dir); err == nil && os.SameFile(have, want) {
			return true
		}
		if dir == filepath.Dir(dir) {
			return false
		}
	}
}

// resolveLinks resolves the links of a path as far as it exists.
func resolveLinks(name string) string {
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
