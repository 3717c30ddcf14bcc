package git

import (
	"bytes"
	"cmp"
	"context"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"sdev/dev"
)

// caller runs git in one directory.
type runner struct {
	program, dir   string
	env            []string
	filterSettings []string // settings that keep filters from being run: see withoutFilters
}

// foreign are the variables by which a hook, or a script around it, points git to a repository: the
// one that is asked about is that of the directory.
var repositoryVariables = regexp.MustCompile(`^GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|NAMESPACE|PREFIX|TRACE[A-Z0-9_]*)=`)

// safe are settings that win over those of the repository. What git may run while it reads: a file
// watcher, hooks, a pager, a program that checks signatures, and, for an object that was left out of a
// partial clone, all that belongs to fetching (helpers, transports, ssh, a remote's own program).
// Filters are named by the repository, and therefore found out first. Sources: git-config,
// gitattributes, and git's own page "git", on GIT_ALLOW_PROTOCOL.
func safeSettings() []string {
	return []string{"--no-pager", "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false", "-c", "safe.bareRepository=explicit"}
}

func (c runner) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.program, slices.Concat(safeSettings(), c.filterSettings, args)...)
	cmd.Dir = c.dir
	cmd.Env = slices.DeleteFunc(slices.Clone(c.env), repositoryVariables.MatchString)
	// GIT_NO_LAZY_FETCH is known to git since 2.44; the list of protocols, which is of none, to every git.
	cmd.Env = append(cmd.Env, "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none")
	return cmd
}

// run gives what git says. The error is a *dev.Error, or the context's.
func (c runner) run(ctx context.Context, args ...string) ([]byte, error) {
	return c.runWithInput(ctx, "", args...)
}

// ask is run with something for git to read.
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
		said := cmp.Or(firstLine(stderr.String()), err.Error())
		return nil, failed(args[0]+": "+said, err, "see what is wrong with it: git status, git fsck")
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

// withoutFilters gives a caller that runs no filter, whoever defined it: one that the user has for all
// repositories may itself run what a repository's settings name, as git-lfs does.
func (c runner) withoutFilters(ctx context.Context) (runner, error) {
	c.filterSettings = nil
	out, err := c.run(ctx, "config", "--null", "--name-only", "--get-regexp", `^filter\.`)
	if err != nil {
		return c, context.Cause(ctx) // there is none
	}
	for key := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		name := strings.TrimPrefix(key, "filter.")
		dot := strings.LastIndexByte(name, '.')
		if dot < 0 {
			continue
		}
		if name = name[:dot]; strings.ContainsAny(name, "=\n") { // an option cannot say which one is meant
			return c, failed("status: it would run the filter "+name, nil, "give the filter a name of letters, in .git/config and .gitattributes")
		}
		for _, key := range []string{".clean=", ".smudge=", ".process=", ".required=false"} {
			if setting := "filter." + name + key; !slices.Contains(c.filterSettings, setting) {
				c.filterSettings = append(c.filterSettings, "-c", setting)
			}
		}
	}
	return c, nil
}
