package watch

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"

	"sdev/dev"
)

// Rules are compiled rules. They are not safe for concurrent use, because package patternmatcher compiles a pattern on
// its first use.
type Rules struct {
	list []rule
}

type rule struct {
	dev.Rule
	path         string // Rule.Path, cleaned
	include      *patternmatcher.PatternMatcher
	ignore       *patternmatcher.PatternMatcher
	buildContext string                         // Rule.Context, cleaned
	dockerignore *patternmatcher.PatternMatcher // Rule.ContextIgnore
}

// Compile makes rules ready for matching. An error names the rule by its origin.
func Compile(rules []dev.Rule) (*Rules, error) {
	rs := &Rules{}
	for _, r := range rules {
		c, err := compile(r)
		if err != nil {
			return nil, fmt.Errorf("rule %s: %w", r.Origin, err)
		}
		rs.list = append(rs.list, c)
	}
	return rs, nil
}

func compile(r dev.Rule) (rule, error) {
	c := rule{Rule: r, path: path.Clean(r.Path)}
	if !fs.ValidPath(fromAbove(c.path)) {
		return rule{}, fmt.Errorf("path %q is not relative to the project", r.Path)
	}
	var err error
	if c.include, err = patternmatcher.New(r.Include); err != nil {
		return rule{}, fmt.Errorf("include %q: %w", r.Include, err)
	}
	if c.ignore, err = patternmatcher.New(r.Ignore); err != nil {
		return rule{}, fmt.Errorf("ignore %q: %w", r.Ignore, err)
	}
	c.buildContext = path.Clean(r.Context)
	if c.dockerignore, err = patternmatcher.New(r.ContextIgnore); err != nil {
		return rule{}, fmt.Errorf("ignore file of %s: %w", c.buildContext, err)
	}
	return c, nil
}

// fromAbove removes the parents at the beginning of a path. A rule may be about a directory outside the project, which
// another watcher watches.
func fromAbove(p string) string {
	for strings.HasPrefix(p, "../") {
		p = strings.TrimPrefix(p, "../")
	}
	if p == ".." {
		return "."
	}
	return p
}

// Match returns the first rule that matches a path, which is relative to the project, with slashes. A rule with an
// invalid pattern matches nothing here; [New] refuses it. For many paths use [Compile].
func Match(rules []dev.Rule, path string) (dev.Rule, bool) {
	rs := &Rules{}
	for _, r := range rules {
		if c, err := compile(r); err == nil {
			rs.list = append(rs.list, c)
		}
	}
	return rs.Match(path)
}

// Match returns the first rule that matches a file's path, which is relative to the project, with slashes.
func (rs *Rules) Match(path string) (dev.Rule, bool) {
	for i := range rs.list {
		if r := &rs.list[i]; r.matches(path) {
			return r.Rule, true
		}
	}
	return dev.Rule{}, false
}

// Reaches reports whether a rule may take effect anywhere below a directory. It may return true although none does, but
// never false although one does.
func (rs *Rules) Reaches(dir string) bool { return rs.reaches(dir) }

// effective reports whether a change of the file has any effect.
func (rs *Rules) effective(path string) bool {
	r, ok := rs.Match(path)
	return ok && r.Action != dev.Ignored
}

// reaches is Reaches. A needless true costs a watch.
func (rs *Rules) reaches(dir string) bool {
	for i := range rs.list {
		r := &rs.list[i]
		if r.Action == dev.Ignored {
			if r.covers(dir) {
				return false
			}
			continue
		}
		if r.reaches(dir) {
			return true
		}
	}
	return false
}

func (r *rule) matches(file string) bool {
	rel, ok := below(r.path, file)
	switch {
	case !ok:
		return false
	case rel == ".": // the rule names exactly this file
		return true
	case r.Action != dev.Ignored && builtinIgnored(rel):
		return false
	}
	return (len(r.Include) == 0 || matchesAny(r.include, rel)) && !matchesAny(r.ignore, rel) && !r.excludedFromBuild(file)
}

// excludedFromBuild reports whether .dockerignore keeps the path out of the image's build.
func (r *rule) excludedFromBuild(p string) bool {
	if len(r.ContextIgnore) == 0 {
		return false
	}
	rel, ok := below(r.buildContext, p)
	return ok && rel != "." && matchesAny(r.dockerignore, rel)
}

// covers reports whether the rule certainly matches every file below dir that a later rule could match.
func (r *rule) covers(dir string) bool {
	rel, ok := below(r.path, dir)
	if !ok || len(r.Ignore)+len(r.ContextIgnore) > 0 {
		return false
	}
	if len(r.Include) == 0 {
		return true
	}
	return rel != "." && matchesAny(r.include, rel) && !r.include.Exclusions()
}

func (r *rule) reaches(dir string) bool {
	rel, ok := below(r.path, dir)
	if !ok {
		_, above := below(dir, r.path)
		return above
	}
	if rel == "." {
		return true
	}
	if builtinIgnoredDir(rel) {
		return false
	}
	parts := strings.Split(rel, "/")
	if matchesAny(r.ignore, rel) && !anyReaches(r.ignore, parts, true) {
		return false
	}
	if r.excludedFromBuild(dir) && !anyReaches(r.dockerignore, strings.Split(strings.TrimPrefix(dir, r.buildContext+"/"), "/"), true) {
		return false
	}
	return len(r.Include) == 0 || anyReaches(r.include, parts, false)
}

// anyReaches reports whether a pattern can match something below the directory whose path consists of parts. It
// considers only the negated patterns, or only the others.
func anyReaches(m *patternmatcher.PatternMatcher, parts []string, negated bool) bool {
	return slices.ContainsFunc(m.Patterns(), func(p *patternmatcher.Pattern) bool {
		return p.Exclusion() == negated && patternReaches(p.String(), parts)
	})
}

// patternReaches compares a pattern with a directory name by name, until one of them ends. If the pattern ends first, it
// matches everything below the path that it names.
func patternReaches(pattern string, parts []string) bool {
	for i, want := range strings.Split(pattern, "/") {
		if i == len(parts) || strings.Contains(want, "**") {
			return true
		}
		if ok, err := path.Match(want, parts[i]); err != nil || !ok {
			return false
		}
	}
	return true
}

// matchesAny reports whether a pattern matches. The matcher's only error is an invalid pattern, which compile refuses.
func matchesAny(m *patternmatcher.PatternMatcher, rel string) bool {
	ok, err := m.MatchesOrParentMatches(rel)
	return err == nil && ok
}

// below returns p relative to base, if p is base or lies below it. Both are clean paths with slashes.
func below(base, p string) (string, bool) {
	switch base {
	case ".":
		return p, true
	case p:
		return ".", true
	}
	return strings.CutPrefix(p, base+"/")
}

// builtinIgnored reports whether a file, relative to a rule's path, is ignored unless the rule's path names it: a file
// in the directory of another tool, or a temporary file of an editor.
func builtinIgnored(rel string) bool {
	return builtinIgnoredDir(rel) || isToolFile(path.Base(rel))
}

func builtinIgnoredDir(rel string) bool {
	for name := range strings.SplitSeq(rel, "/") {
		switch name {
		case ".git", dev.StateDir, "__pycache__", ".venv", "venv", "node_modules":
			return true
		}
	}
	return false
}

// isToolFile reports whether a name is that of a lock, a swap file or a backup of an editor.
func isToolFile(name string) bool {
	switch {
	case name == "4913": // vim, to find out whether it may create files here
		return true
	case name == ".DS_Store":
		return true
	case strings.HasSuffix(name, ".pyc"):
		return true
	case strings.HasSuffix(name, "~"): // vim, emacs, nano, gedit: the file before the save
		return true
	case strings.HasSuffix(name, "___jb_tmp___"), strings.HasSuffix(name, "___jb_old___"): // JetBrains
		return true
	case strings.HasPrefix(name, ".#"): // emacs: lock
		return true
	case strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#"): // emacs: auto-save
		return true
	case strings.HasPrefix(name, ".goutputstream-"): // GLib
		return true
	case strings.HasPrefix(name, "."): // vim: swap files .swp, .swo, …; kate
		ext := path.Ext(name)
		return len(ext) == 4 && strings.HasPrefix(ext, ".sw") || ext == ".kate-swp"
	}
	return false
}
