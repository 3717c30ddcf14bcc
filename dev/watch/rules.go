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

// Rules are compiled rules. They are not safe for concurrent use, because the matcher below them
// compiles its patterns on first use.
type Rules struct {
	list []rule
}

type rule struct {
	dev.Rule
	path    string // Rule.Path, cleaned
	include *patternmatcher.PatternMatcher
	ignore  *patternmatcher.PatternMatcher
	context string                         // Rule.Context, cleaned
	outside *patternmatcher.PatternMatcher // Rule.ContextIgnore
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
	if !fs.ValidPath(c.path) {
		return rule{}, fmt.Errorf("path %q is not inside the project", r.Path)
	}
	var err error
	if c.include, err = patternmatcher.New(r.Include); err != nil {
		return rule{}, fmt.Errorf("include %q: %w", r.Include, err)
	}
	if c.ignore, err = patternmatcher.New(r.Ignore); err != nil {
		return rule{}, fmt.Errorf("ignore %q: %w", r.Ignore, err)
	}
	c.context = path.Clean(r.Context)
	if c.outside, err = patternmatcher.New(r.ContextIgnore); err != nil {
		return rule{}, fmt.Errorf("ignore file of %s: %w", c.context, err)
	}
	return c, nil
}

// Match returns the first of the rules that matches a path, which is relative to the project and has
// slashes. Rules whose patterns cannot be compiled match nothing; [New] refuses them. For many
// paths use [Compile].
func Match(rules []dev.Rule, path string) (dev.Rule, bool) {
	rs := &Rules{}
	for _, r := range rules {
		if c, err := compile(r); err == nil {
			rs.list = append(rs.list, c)
		}
	}
	return rs.Match(path)
}

// Match returns the first rule that matches a file's path, which is relative to the project and has
// slashes.
func (rs *Rules) Match(path string) (dev.Rule, bool) {
	for i := range rs.list {
		if r := &rs.list[i]; r.matches(path) {
			return r.Rule, true
		}
	}
	return dev.Rule{}, false
}

// Reaches reports whether a change anywhere below the directory dir may mean anything. It may say yes
// in vain; it never says no in vain.
func (rs *Rules) Reaches(dir string) bool { return rs.reaches(dir) }

// effective reports whether a change of the file means anything.
func (rs *Rules) effective(path string) bool {
	r, ok := rs.Match(path)
	return ok && r.Action != dev.Ignored
}

// reaches reports whether a change anywhere below the directory dir may mean anything. It may say yes
// in vain, which costs a watch; it never says no in vain.
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
	case rel == ".": // the rule names this very file
		return true
	case r.Action != dev.Ignored && builtinIgnored(rel):
		return false
	}
	return (len(r.Include) == 0 || hit(r.include, rel)) && !hit(r.ignore, rel) && !r.leftOut(file)
}

// leftOut reports whether the image's build would leave the path out.
func (r *rule) leftOut(p string) bool {
	if len(r.ContextIgnore) == 0 {
		return false
	}
	rel, ok := below(r.context, p)
	return ok && rel != "." && hit(r.outside, rel)
}

// covers reports whether the rule surely matches every file below dir that any later rule might.
func (r *rule) covers(dir string) bool {
	rel, ok := below(r.path, dir)
	if !ok || len(r.Ignore)+len(r.ContextIgnore) > 0 {
		return false
	}
	if len(r.Include) == 0 {
		return true
	}
	return rel != "." && hit(r.include, rel) && !r.include.Exclusions()
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
	if hit(r.ignore, rel) && !anyReaches(r.ignore, parts, true) {
		return false
	}
	if r.leftOut(dir) && !anyReaches(r.outside, strings.Split(strings.TrimPrefix(dir, r.context+"/"), "/"), true) {
		return false
	}
	return len(r.Include) == 0 || anyReaches(r.include, parts, false)
}

// anyReaches reports whether a pattern, of those that negate or of those that do not, can match
// something below the directory whose path consists of parts.
func anyReaches(m *patternmatcher.PatternMatcher, parts []string, negated bool) bool {
	return slices.ContainsFunc(m.Patterns(), func(p *patternmatcher.Pattern) bool {
		return p.Exclusion() == negated && patternReaches(p.String(), parts)
	})
}

// patternReaches compares a pattern with a directory, name by name, as far as both go. A pattern that
// ends first still matches everything below what it names.
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

// hit asks the matcher, whose only error is a malformed pattern, which compile has refused.
func hit(m *patternmatcher.PatternMatcher, rel string) bool {
	ok, err := m.MatchesOrParentMatches(rel)
	return err == nil && ok
}

// below gives p relative to base, both clean and with slashes, if it is base or lies below it.
func below(base, p string) (string, bool) {
	switch base {
	case ".":
		return p, true
	case p:
		return ".", true
	}
	return strings.CutPrefix(p, base+"/")
}

// builtinIgnored reports whether the file, relative to a rule's path, is one that no rule means
// unless its path names it: other tools' directories and what editors leave while they save.
func builtinIgnored(rel string) bool {
	return builtinIgnoredDir(rel) || leftByTool(path.Base(rel))
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

// leftByTool knows the names under which editors keep locks, swap files and backups.
func leftByTool(name string) bool {
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
