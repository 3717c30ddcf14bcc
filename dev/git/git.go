// Package git asks the git program about the repository that a folder lies in.
//
// Nothing is changed: no index is refreshed, no hook and no file watcher is run, nothing is fetched,
// and nobody is asked for a password. Addresses of remotes come without the credentials in them.
//
// The package starts no goroutines; every call ends with the program that it started, or with its
// context.
package git

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sdev/dev"
)

// Repository is what git says about the repository that a folder lies in.
type Repository struct {
	Found bool
	Why   string // why nothing was found out, where Found is false

	Root   string // its work tree, absolute, links followed
	Remote string // address of origin, else of the only remote; "" where there is none
	Branch string // "" where the head is detached
	Commit string // full hash of the head; "" before the first commit
	Time   time.Time
	// Modified are files that differ from the commit or are not in it, relative to Root, with slashes.
	Modified []string
	// Absent are submodules whose files are not there.
	Absent []string

	run func(ctx context.Context, args ...string) ([]byte, error)
	cmd func(ctx context.Context, args ...string) *exec.Cmd
}

// Read asks about the repository around dir. env is the program's environment. The error is that of
// ctx alone: a machine without git, a folder without a repository, and one that git refuses to look
// into are answers.
func Read(ctx context.Context, dir string, env []string) (Repository, error) {
	r := Repository{}
	program, err := exec.LookPath("git")
	if err != nil {
		r.Why = "there is no git on this machine"
		return r, nil
	}
	r.run = func(ctx context.Context, args ...string) ([]byte, error) {
		return run(ctx, command(ctx, program, dir, env, args))
	}
	r.cmd = func(ctx context.Context, args ...string) *exec.Cmd { return command(ctx, program, dir, env, args) }
	root, err := r.run(ctx, "rev-parse", "--show-toplevel")
	if err != nil || len(root) == 0 {
		r.Why = why(err)
		return r, context.Cause(ctx)
	}
	r.Found, r.Root = true, filepath.FromSlash(strings.TrimSuffix(string(root), "\n"))
	if err := r.readHead(ctx); err != nil {
		return r, err
	}
	r.Remote = WithoutCredentials(r.remote(ctx))
	return r, r.readState(ctx)
}

// foreign are the variables by which a hook, or a script around it, points git to a repository: the
// one that is asked about is that of the folder.
var foreign = regexp.MustCompile(`^GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|NAMESPACE|PREFIX|TRACE[A-Z0-9_]*)=`)

func command(ctx context.Context, program, dir string, env, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, append([]string{"-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false"}, args...)...)
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(slices.Clone(env), foreign.MatchString)
	cmd.Env = append(cmd.Env, "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1")
	return cmd
}

func run(ctx context.Context, cmd *exec.Cmd) ([]byte, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		said := cmp.Or(firstLine(stderr.String()), err.Error())
		return nil, &dev.Error{Code: dev.CodeGitFailed, Exit: dev.ExitFailed, Cause: err, Message: dev.Printable("git cannot read the repository: git " + verb(cmd) + ": " + said), Hint: "see what is wrong with it: git status, git fsck"}
	}
	return out, nil
}

// verb is what git was asked to do: it comes after the settings.
func verb(cmd *exec.Cmd) string {
	const settings = 5
	if len(cmd.Args) > settings {
		return cmd.Args[settings]
	}
	return ""
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return strings.TrimPrefix(strings.TrimPrefix(s, "fatal: "), "error: ")
}

// why words the answer of a folder that is in no work tree.
func why(err error) string {
	switch {
	case err == nil, strings.Contains(err.Error(), "not a git repository"), strings.Contains(err.Error(), "must be run in a work tree"):
		return "the folder is in no git repository"
	case strings.Contains(err.Error(), "dubious ownership"):
		return "git does not trust the repository, because somebody else owns it: git config --global --add safe.directory FOLDER"
	}
	return err.Error()
}

func (r *Repository) readHead(ctx context.Context) error {
	if out, err := r.run(ctx, "symbolic-ref", "--quiet", "--short", "HEAD"); err == nil {
		r.Branch = strings.TrimSuffix(string(out), "\n")
	}
	out, err := r.run(ctx, "log", "-1", "--no-show-signature", "--format=%H %ct", "HEAD", "--")
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
	out, err := r.run(ctx, "config", "--null", "--get-regexp", `^remote\..*\.url$`)
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

// readState collects what is not as it was committed.
func (r *Repository) readState(ctx context.Context) error {
	out, err := r.run(ctx, "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=none")
	if err != nil {
		return cmpCause(ctx, err)
	}
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if len(entry) > 3 {
			r.Modified = append(r.Modified, entry[3:])
		}
	}
	slices.Sort(r.Modified)
	if _, err := os.Lstat(filepath.Join(r.Root, ".gitmodules")); err != nil {
		return nil
	}
	// What is said of a submodule has one sign before it; a minus means that it was never fetched.
	out, err = r.run(ctx, "submodule", "status")
	if err != nil {
		return cmpCause(ctx, err)
	}
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); strings.HasPrefix(line, "-") && len(fields) > 1 {
			r.Absent = append(r.Absent, fields[1])
		}
	}
	return nil
}

func cmpCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// LastChange is the newest commit that changed anything but what lies below these folders and files of
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
	out, err := r.run(ctx, args...)
	if err != nil {
		return "", cmpCause(ctx, err)
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
