package handoff

import (
	"fmt"
	"strings"

	"github.com/agext/levenshtein"

	"sdev/dev"
)

// Targets are all platforms, in the order in which they are listed. This list and the file of a target are all
// that knows its name: what others ask about a target, it carries.
func Targets() []Target {
	return []Target{ecs(), ecsCognito(), cloudRun(), cloudflare(), snowflake()}
}

// Find gives the target of a name. The error lists the others.
func Find(targets []Target, name string) (Target, error) {
	var names []string
	for _, t := range targets {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	hint := "one of: " + strings.Join(names, ", ")
	if similar := closest(name, names); similar != "" {
		hint = "did you mean: sdev deploy " + similar + "?"
	}
	return Target{}, &dev.Error{Code: dev.CodeUsage, Exit: dev.ExitUsage, Message: fmt.Sprintf("there is no target %q", name), Hint: hint}
}

// nearest is the name that somebody may have meant; "" where none is near.
func closest(name string, names []string) string {
	best, distance := "", 1+max(len(name), 3)/3
	for _, n := range names {
		if d := levenshtein.Distance(name, n, nil); d <= distance {
			best, distance = n, d-1
		}
		if best == "" && name != "" && (strings.HasPrefix(n, name) || strings.HasSuffix(n, name)) {
			best = n
		}
	}
	return best
}
