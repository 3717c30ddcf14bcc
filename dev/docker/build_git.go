package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/dfgitutil"

	"sdev/dev"
)

// checkout gets the context of a build from a git repository into a directory of its own; ok is false
// where the address is no repository's. Fetched here and not by the engine, the context may be a
// directory in the repository also where the engine's BuildKit is too old for that, the machine's git
// finds its logins and certificates as always, and the Dockerfile can be changed like any other.
// The caller removes the directory.
func checkout(ctx context.Context, service, address string) (dir string, remove func(), ok bool, err error) {
	if !remote(address) {
		return "", nil, false, nil
	}
	ref, ok, err := dfgitutil.ParseGitRef(address)
	if err != nil && !ok {
		return "", nil, false, nil //nolint:nilerr // a page: an archive or a Dockerfile
	}
	var root string
	if err == nil {
		root, err = os.MkdirTemp("", "sdev-context-")
	}
	if err != nil {
		return "", nil, true, fetchError(service, address, err)
	}
	remove = func() { _ = os.RemoveAll(root) } // the system clears its temporary directory of what is left
	if err := fetch(ctx, root, ref); err != nil {
		remove()
		if ctx.Err() != nil {
			return "", nil, true, ctx.Err()
		}
		return "", nil, true, fetchError(service, address, err)
	}
	dir, err = filepath.EvalSymlinks(filepath.Join(root, filepath.FromSlash(ref.SubDir)))
	if err == nil && dir != root && !strings.HasPrefix(dir, root+string(filepath.Separator)) {
		err = errors.New("the path leads outside the repository")
	}
	if err != nil {
		remove()
		return "", nil, true, fetchError(service, address, err)
	}
	return dir, remove, true, nil
}

// fetch gets one commit of a repository and what it has as submodules.
func fetch(ctx context.Context, dir string, ref *dfgitutil.GitRef) error {
	from := ref.Remote
	if ref.IndistinguishableFromLocal {
		from = "https://" + from
	}
	commit := ref.Ref
	if commit == "" {
		commit = "HEAD"
	}
	if err := git(ctx, dir, "init", "-q"); err != nil {
		return err
	}
	if err := git(ctx, dir, "fetch", "-q", "--depth=1", "--", from, commit); err != nil {
		// Not every server gives out a commit by its number, and none a shortened one.
		if all := git(ctx, dir, "fetch", "-q", "--tags", "--", from, "+refs/heads/*:refs/heads/*"); all != nil || ref.Ref == "" {
			return err
		}
		if err := git(ctx, dir, "checkout", "-q", "--detach", commit, "--"); err != nil {
			return err
		}
	} else if err := git(ctx, dir, "checkout", "-q", "--detach", "FETCH_HEAD", "--"); err != nil {
		return err
	}
	if ref.Submodules != nil && !*ref.Submodules {
		return nil
	}
	return git(ctx, dir, "submodule", "-q", "update", "--init", "--recursive", "--depth=1")
}

// elsewhere are the variables by which a hook, or a script around it, points git to another repository
// than that of the directory, whose settings may name programs.
var elsewhere = regexp.MustCompile(`^GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|NAMESPACE|PREFIX)=`)

// git runs a git command that asks nobody for a password, and nothing that what was fetched could name:
// the repository is new, so that its settings are the user's own.
func git(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir, "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.ext.allow=never"}, args...)...) //nolint:gosec // addresses come after "--"
	cmd.Env = append(slices.DeleteFunc(os.Environ(), elsewhere.MatchString), "GIT_TERMINAL_PROMPT=0")
	out, err := cmd.CombinedOutput()
	if err != nil && len(out) > 0 {
		return fmt.Errorf("git %s: %s", args[0], withoutPassword(lastLine(string(out))))
	}
	return err
}

func fetchError(service, address string, err error) error {
	return &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Cause: err,
		Message: fmt.Sprintf("the build context of service %s, %s, cannot be fetched: %v", service, withoutPassword(address), err), Hint: "test the address up to the # with: git ls-remote"}
}

// password is what an address may hold between its name of a user and its host.
var password = regexp.MustCompile(`(://[^/@:\s]*):[^/@\s]+@`)

// withoutPassword is a text with addresses as they may be shown.
func withoutPassword(text string) string { return password.ReplaceAllString(text, "$1:xxxxx@") }
