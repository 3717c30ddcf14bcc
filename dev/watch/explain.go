package watch

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"

	"sdev/dev"
)

// Explanation is what a save of one path means, and why.
type Explanation struct {
	Rule  dev.Rule // the rule that decides; zero where none does
	Found bool
	// Passed are the rules whose path covers this one and that take it out nonetheless, in order, up
	// to the one that decides.
	Passed []Passed
	// Watched says, of a directory, that it is watched.
	Watched bool
}

// Passed is a rule that does not apply, with the reason.
type Passed struct {
	Origin string
	Why    string // "ignored by \"data/\"", "not matched by include [*.py]"
}

// Explain says what a save of a path means. The path is relative to the project, with slashes; it
// need not exist.
func (rs *Rules) Explain(file string) Explanation {
	e := Explanation{Watched: rs.reaches(file)}
	for i := range rs.list {
		r := &rs.list[i]
		if _, ok := below(r.path, file); !ok {
			continue
		}
		if r.matches(file) {
			e.Rule, e.Found = r.Rule, true
			return e
		}
		e.Passed = append(e.Passed, Passed{Origin: r.Origin, Why: r.why(file)})
	}
	return e
}

// why says why a rule whose path covers a file does not match it.
func (r *rule) why(file string) string {
	rel, _ := below(r.path, file)
	for name := range strings.SplitSeq(rel, "/") {
		if builtinIgnoredDir(name) {
			return fmt.Sprintf("%s is ignored unless a rule's path names it", name)
		}
	}
	switch {
	case leftByTool(path.Base(rel)):
		return "editors use this name for temporary files"
	case hit(r.ignore, rel):
		return fmt.Sprintf("ignored by %q", culprit(r.Ignore, rel))
	case r.leftOut(file):
		outer, _ := below(r.context, file)
		return fmt.Sprintf("ignored by %q in .dockerignore", culprit(r.ContextIgnore, outer))
	}
	return fmt.Sprintf("not matched by include %q", r.Include)
}

// culprit is the last of the patterns that takes the path in, which is the one that decides.
func culprit(patterns []string, rel string) string {
	for _, p := range slices.Backward(patterns) {
		m, err := patternmatcher.New([]string{p})
		if err == nil && !m.Exclusions() && hit(m, rel) {
			return p
		}
	}
	return strings.Join(patterns, " ")
}
