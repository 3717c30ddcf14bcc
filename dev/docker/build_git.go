package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/dfgitutil"

	"sdev/dev"
	"sdev/dev/pattern"
)

// checkout fetches a build context from a git repository into its own directory; ok is false if the address is
// not a repository. sdev fetches it, and not the engine, for three reasons: the context may then be a subdirectory
// even with an old BuildKit, this machine's git has the logins and certificates, and sdev can change the Dockerfile.
// The caller removes the directory.
func checkout(ctx context.Context, service, address string) (dir string, remove func(), ok bool, err error) {
	if !remote(address) {
		return "", nil, false, nil
	}
	ref, ok, err := dfgitutil.ParseGitRef(address)
	if err != nil && !ok {
		return "", nil, false, nil // not a repository, but the URL of an archive or a Dockerfile
	}
	var root string
	if err == nil {
		root, err = os.MkdirTemp("", "sdev-context-")
	}
	if err != nil {
		return "", nil, true, fetchError(service, address, err)
	}
	remove = func() { _ = os.RemoveAll(root) } // best effort: the system clears its temporary directory
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

// fetch gets one commit of a repository and its submodules.
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
		// Not every server serves a commit by its hash, and none by a shortened hash.
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

// repositoryVariable matches the environment variables that make git use another repository. A git hook sets them
// for the programs that it starts, and the settings of that repository may run programs.
var repositoryVariable = pattern.New(`^GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|NAMESPACE|PREFIX)=`)

// git runs a git command that never prompts for a password and runs no program that the fetched files could
// configure: the repository is new, so it has only the user's own settings.
func git(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir, "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.ext.allow=never"}, args...)...) // addresses come after "--"
	cmd.Env = append(slices.DeleteFunc(os.Environ(), repositoryVariable.MatchString), "GIT_TERMINAL_PROMPT=0")
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

// password matches the user and password in a URL. The first group is all of it before the password.
var password = pattern.New(`(://[^/@:\s]*):[^/@\s]+@`)

// withoutPassword masks the passwords of the URLs in a text.
func withoutPassword(text string) string { return password.ReplaceAllString(text, "$1:xxxxx@") }
