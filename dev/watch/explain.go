package watch

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"

	"sdev/dev"
)

// Explanation says what a save of one path does, and why.
type Explanation struct {
	Rule  dev.Rule // the rule that applies; zero if none does
	Found bool
	// Passed are the rules that cover the path but exclude it, in order, up to the rule that applies.
	Passed []Passed
	// Watched says that the path, if it is a directory, is watched.
	Watched bool
}

// Passed is a rule that does not apply, with the reason.
type Passed struct {
	Origin string
	Why    string // "ignored by \"data/\"", "not matched by include [*.py]"
	// NotIncluded says that nothing excludes the path: the rule's include patterns name other files.
	NotIncluded bool
}

// Explain says what a save of a path does. The path is relative to the project, with slashes. It need not exist.
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
		why, notIncluded := r.why(file)
		e.Passed = append(e.Passed, Passed{Origin: r.Origin, Why: why, NotIncluded: notIncluded})
	}
	return e
}

// why is the reason why a rule that covers a file does not match it. notIncluded says that it is the include patterns.
func (r *rule) why(file string) (why string, notIncluded bool) {
	rel, _ := below(r.path, file)
	for name := range strings.SplitSeq(rel, "/") {
		if builtinIgnoredDir(name) {
			return fmt.Sprintf("%s is ignored unless a rule's path names it", name), false
		}
	}
	switch {
	case isToolFile(path.Base(rel)):
		return "editors use this name for temporary files", false
	case matchesAny(r.ignore, rel):
		return fmt.Sprintf("ignored by %q", culprit(r.Ignore, rel)), false
	case r.excludedFromBuild(file):
		outer, _ := below(r.buildContext, file)
		return fmt.Sprintf("ignored by %q in .dockerignore", culprit(r.ContextIgnore, outer)), false
	}
	return fmt.Sprintf("not matched by include %q", r.Include), true
}

// culprit is the pattern that decides: the last one that matches the path.
func culprit(patterns []string, rel string) string {
	for _, p := range slices.Backward(patterns) {
		m, err := patternmatcher.New([]string{p})
		if err == nil && !m.Exclusions() && matchesAny(m, rel) {
			return p
		}
	}
	return strings.Join(patterns, " ")
}
