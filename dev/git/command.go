package git

import (
	"bytes"
	"cmp"
	"context"
	"os/exec"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/pattern"
)

// runner runs git in one directory.
type runner struct {
	program, dir string
	env          []string
	filtersOff   []string // options that disable filters: see withoutFilters
}

// repositoryEnv matches the variables with which a hook, or a script around it, points git to a repository. sdev
// asks about the repository of the directory instead.
var repositoryEnv = pattern.New(`^GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|NAMESPACE|PREFIX|TRACE[A-Z0-9_]*)=`)

// safeSettings returns options that override the repository's settings and prevent git from running programs while
// it reads: a file watcher, hooks, a pager, a signature checker. Programs that fetch objects missing from a partial
// clone (helpers, transports, ssh, a remote's own program) are disabled by variables, see command. Filters need one
// option for each name, so withoutFilters adds those. Sources: the manual pages git-config, gitattributes, and git
// (on GIT_ALLOW_PROTOCOL).
func safeSettings() []string {
	return []string{"--no-pager", "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false", "-c", "safe.bareRepository=explicit"}
}

func (c runner) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.program, slices.Concat(safeSettings(), c.filtersOff, args)...)
	cmd.Dir = c.dir
	cmd.Env = slices.DeleteFunc(slices.Clone(c.env), repositoryEnv.MatchString)
	// git has GIT_NO_LAZY_FETCH since 2.44. Every git has GIT_ALLOW_PROTOCOL, and allows no protocol named "none".
	cmd.Env = append(cmd.Env, "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none")
	return cmd
}

// run returns git's output. The error is a *dev.Error, or ctx's.
func (c runner) run(ctx context.Context, args ...string) ([]byte, error) {
	return c.runWithInput(ctx, "", args...)
}

// runWithInput is run with standard input for git.
func (c runner) runWithInput(ctx context.Context, input string, args ...string) ([]byte, error) {
	cmd := c.command(ctx, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if input != "" {
		cmd.Stdin = strings.NewReader(input)
	}
	out, err := cmd.Output()
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		text := cmp.Or(firstLine(stderr.String()), err.Error())
		return nil, failed(args[0]+": "+text, err, "find out what is wrong: git status, git fsck")
	}
	return out, nil
}

func failed(what string, cause error, hint string) error {
	return &dev.Error{Code: dev.CodeGitFailed, Exit: dev.ExitFailed, Cause: cause, Message: dev.Sanitize("git cannot read the repository: git " + what), Hint: hint}
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return strings.TrimPrefix(strings.TrimPrefix(s, "fatal: "), "error: ")
}

// withoutFilters returns a runner that runs no filter, not even one that the user has configured for all
// repositories: that one may run programs that the repository names, as git-lfs does.
func (c runner) withoutFilters(ctx context.Context) (runner, error) {
	c.filtersOff = nil
	out, err := c.run(ctx, "config", "--null", "--name-only", "--get-regexp", `^filter\.`)
	if err != nil {
		return c, context.Cause(ctx) // git fails if no filter is configured
	}
	for key := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		name := strings.TrimPrefix(key, "filter.")
		dot := strings.LastIndexByte(name, '.')
		if dot < 0 {
			continue
		}
		if name = name[:dot]; strings.ContainsAny(name, "=\n") { // -c cannot express such a name
			return c, failed("status: it would run the filter "+name, nil, "rename the filter to letters only, in .git/config and .gitattributes")
		}
		for _, key := range []string{".clean=", ".smudge=", ".process=", ".required=false"} {
			if setting := "filter." + name + key; !slices.Contains(c.filtersOff, setting) {
				c.filtersOff = append(c.filtersOff, "-c", setting)
			}
		}
	}
	return c, nil
}
