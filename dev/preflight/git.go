package preflight

import (
	"path"
	"strings"

	"sdev/dev"
)

func gitRules() []Rule {
	const docs = "https://git-scm.com/docs/git-status"
	return []Rule{
		{"git.missing", dev.Warns, "the project is in no repository, so nothing says later what was handed over", "git init && git add . && git commit", docs},
		{"git.commit", dev.Warns, "the repository has no commit yet", "git add . && git commit", docs},
		{"git.dirty", dev.Blocks, "an image was built for the hand-off from files that are not committed (a warning where none was built)", "commit them, or put them away: git stash", docs},
		{"git.shallow", dev.Informs, "older commits are not here, so nobody looked for credentials in them", "git fetch --unshallow; in a workflow: fetch-depth: 0 for actions/checkout", "https://git-scm.com/docs/git-clone#Documentation/git-clone.txt---depthdepth"},
		{"git.detached", dev.Informs, "the head is detached: the commit is in no branch that others could look up", "git switch -c BRANCH", "https://git-scm.com/docs/git-checkout#_detached_head"},
	}
}

// git judges the state of the repository. Files of the bundle itself are what is about to be committed.
func (c *checker) git() {
	r := c.Repository
	switch {
	case c.Project == nil:
		return
	case !r.Found:
		c.add("git.missing", place{}, "there is no git repository around the project")
		return
	case r.Commit == "":
		c.add("git.commit", place{}, "nothing is committed yet")
		return
	case r.Branch == "":
		c.add("git.detached", place{where: "commit " + r.Commit[:min(12, len(r.Commit))]}, "the head is detached")
	}
	if r.Shallow {
		c.add("git.shallow", place{where: "repository"}, "the clone is shallow: its history was looked at in part")
	}
	var changed []string
	for _, name := range r.Modified {
		if !c.inBundle(name) {
			changed = append(changed, name)
		}
	}
	if len(changed) == 0 {
		return
	}
	severity := dev.Warns
	if c.Built {
		severity = dev.Blocks
	}
	c.addAs("git.dirty", severity, place{file: changed[0]}, "", "%s from commit %.12s, %s for one", differ(len(changed)), r.Commit, changed[0])
}

func differ(n int) string {
	if n == 1 {
		return "1 file differs"
	}
	return plural(n, "file") + " differ"
}

// inBundle says that a file is the bundle's, what is kept in it for the next hand-off included.
func (c *checker) inBundle(name string) bool {
	if len(c.Bundle) > 0 && (strings.Contains(name, "/.handoff/") || path.Base(name) == "HANDOFF.md") {
		return true
	}
	for _, f := range c.Bundle {
		if f.Path == name || strings.HasPrefix(f.Path, strings.TrimSuffix(name, "/")+"/") {
			return true
		}
	}
	return false
}
