package handoff

import (
	"fmt"
	"strings"

	"sdev/dev"
)

// Targets are all platforms, in the order in which they are listed.
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
	if near := nearest(name, names); near != "" {
		hint = "did you mean: sdev deploy " + near + "?"
	}
	return Target{}, &dev.Error{Code: dev.CodeUsage, Exit: dev.ExitUsage, Message: fmt.Sprintf("there is no target %q", name), Hint: hint}
}

// nearest is the name that somebody may have meant; "" where none is near.
func nearest(name string, names []string) string {
	best, least := "", 1+max(len(name), 3)/3
	for _, n := range names {
		if d := distance(name, n); d <= least {
			best, least = n, d-1
		}
		if best == "" && name != "" && (strings.HasPrefix(n, name) || strings.HasSuffix(n, name)) {
			best = n
		}
	}
	return best
}

// distance is how many letters have to be changed, added or left out to make one text of the other.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
