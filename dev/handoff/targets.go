package handoff

import (
	"fmt"
	"strings"

	"github.com/agext/levenshtein"

	"sdev/dev"
)

// Targets are all targets, in the order in which commands list them. Only this list and a target's own file know a
// target; other packages ask for its properties.
func Targets() []Target {
	return []Target{ecs(), ecsCognito(), cloudRun(), cloudflare(), snowflake()}
}

// Find returns the target with a name. Its error suggests the closest name, or lists all.
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

// closest is the name that the user may have meant; "" if none is similar.
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
