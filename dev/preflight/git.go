package preflight

import (
	"fmt"
	"path"
	"strings"

	"sdev/dev"
)

func gitRules() []Rule {
	const docs = "https://git-scm.com/docs/git-status"
	return []Rule{
		{"git.missing", dev.Warns, "the project is in no git repository, so nobody can tell later what was handed over", "git init && git add . && git commit", docs},
		{"git.unreadable", dev.Blocks, "git cannot read the repository, or a part of it, so this check is not done", "find the damage: git fsck; complete a partial clone: git fetch --refetch --no-filter", "https://git-scm.com/docs/git-fsck"},
		{"git.commit", dev.Warns, "the repository has no commit yet", "git add . && git commit", docs},
		{"git.dirty", dev.Blocks, "the image for the hand-off was built from files that are not committed (a warning if no image was built)", "commit them, or set them aside: git stash", docs},
		{"git.shallow", dev.Informs, "the clone is shallow, so older commits were not searched for credentials", "git fetch --unshallow; in a workflow: fetch-depth: 0 for actions/checkout", "https://git-scm.com/docs/git-clone#Documentation/git-clone.txt---depthdepth"},
		{"git.detached", dev.Informs, "HEAD is detached, so the commit may be on no branch where others can find it", "git switch -c BRANCH", "https://git-scm.com/docs/git-checkout#_detached_head"},
	}
}

// git checks the state of the repository. Files of the bundle do not count as changes: the user is about to commit
// them.
func (c *checker) git() {
	r := c.Repository
	switch {
	case c.Project == nil:
		return
	case r.Unreadable != "":
		c.add("git.unreadable", place{where: "repository"}, "the state of the repository was not checked, and its history not searched for credentials: %s", r.Unreadable)
		return
	case !r.Found:
		c.add("git.missing", place{}, "the project is in no git repository")
		return
	case r.Commit == "":
		c.add("git.commit", place{}, "the repository has no commit yet")
		return
	case r.Branch == "":
		c.add("git.detached", place{where: "commit " + r.Commit[:min(12, len(r.Commit))]}, "HEAD is detached")
	}
	if r.Shallow {
		c.add("git.shallow", place{where: "repository"}, "the clone is shallow: only part of its history was searched")
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
	message := fmt.Sprintf("%s differs from commit %.12s", changed[0], r.Commit)
	if n := len(changed); n > 1 {
		message = fmt.Sprintf("%s differ from commit %.12s, such as %s", plural(n, "file"), r.Commit, changed[0])
	}
	c.addAs("git.dirty", severity, place{file: changed[0]}, "", "%s", message)
}

// inBundle reports whether a file belongs to the bundle, including what the bundle keeps for the next hand-off.
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
