package gateway

import (
	"sdev/dev"
)

// group splits a batch by the rule that covers each path, in the order of the changes.
func (t *tracker) group(changes []dev.Change) []group {
	var groups []group
	at := map[string]int{}
	for _, c := range changes {
		rule, ok := t.match(c.Path)
		if !ok || rule.Action == dev.Ignored {
			continue
		}
		key := rule.Origin + "\x00" + string(rule.Action)
		i, seen := at[key]
		if !seen {
			i = len(groups)
			at[key] = i
			groups = append(groups, group{event: dev.FileChanged{Rule: rule.Origin, Action: rule.Action}})
		}
		groups[i].event.Paths = append(groups[i].event.Paths, c.Path)
		groups[i].changes = append(groups[i].changes, c)
	}
	return groups
}
