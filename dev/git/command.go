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

// runner runs git in one directory.
type runner struct {
	program, dir   string
	env            []string
	filterSettings []string // settings that turn filters off: see withoutFilters
}

// repositoryVariables are variables by which a hook, or a script around sdev, selects a repository. The directory
// selects it here.
var repositoryVariables = regexp.MustCompile(`^GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|NAMESPACE|PREFIX|TRACE[A-Z0-9_]*)=`)

// safeSettings override those of the repository. While it reads, git may run a file watcher, hooks, a pager, and a
// program that verifies signatures; to fetch an object that a partial clone lacks, it may also run helpers,
// transports, ssh and a remote's own program. withoutFilters turns off filters, whose names the repository chooses.
// Sources: git-config, gitattributes, and git's own page "git", on GIT_ALLOW_PROTOCOL.
func safeSettings() []string {
	return []string{"--no-pager", "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false", "-c", "safe.bareRepository=explicit"}
}

func (g runner) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, g.program, slices.Concat(safeSettings(), g.filterSettings, args)...)
	cmd.Dir = g.dir
	cmd.Env = slices.DeleteFunc(slices.Clone(g.env), repositoryVariables.MatchString)
	// git knows GIT_NO_LAZY_FETCH since 2.44; every version knows the list of protocols, which allows none.
	cmd.Env = append(cmd.Env, "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none")
	return cmd
}

// run returns git's output. The error is a *dev.Error, or the context's.
func (g runner) run(ctx context.Context, args ...string) ([]byte, error) {
	return g.runWithInput(ctx, "", args...)
}

// runWithInput is run with an input for git.
func (g runner) runWithInput(ctx context.Context, input string, args ...string) ([]byte, error) {
	cmd := g.command(ctx, args...)
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
		reason := cmp.Or(firstLine(stderr.String()), err.Error())
		return nil, failed(args[0]+": "+reason, err, "look for the cause: git status, git fsck")
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

// withoutFilters returns a runner that runs no filter, whoever defined it: a filter that the user defines for all
// repositories may run what a repository's settings name, as git-lfs does.
func (g runner) withoutFilters(ctx context.Context) (runner, error) {
	g.filterSettings = nil
	out, err := g.run(ctx, "config", "--null", "--name-only", "--get-regexp", `^filter\.`)
	if err != nil {
		return g, context.Cause(ctx) // no filter is defined
	}
	for key := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		name := strings.TrimPrefix(key, "filter.")
		dot := strings.LastIndexByte(name, '.')
		if dot < 0 {
			continue
		}
		if name = name[:dot]; strings.ContainsAny(name, "=\n") { // an option cannot contain that name
			return g, failed("status: it would run the filter "+name, nil, "give the filter a name of letters, in .git/config and .gitattributes")
		}
		for _, key := range []string{".clean=", ".smudge=", ".process=", ".required=false"} {
			if setting := "filter." + name + key; !slices.Contains(g.filterSettings, setting) {
				g.filterSettings = append(g.filterSettings, "-c", setting)
			}
		}
	}
	return g, nil
}
