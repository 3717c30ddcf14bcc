package cli

import (
	"fmt"
	"slices"
	"strings"

	"sdev/dev/config"
)

// composeText returns the table against which sdev checks compose files, grouped by the use of a key.
func composeText() string {
	var b strings.Builder
	b.WriteString("What sdev does with each key of the Compose Specification. A key includes the keys below it.\n")
	keys := config.Keys()
	slices.SortFunc(keys, func(x, y config.Key) int { return strings.Compare(short(x.Path), short(y.Path)) })
	for _, part := range []struct {
		use   config.Use
		title string
	}{
		{config.Applied, "Applied:"},
		{config.Idle, "Accepted, but without effect here:"},
		{config.Refused, "Refused, with file and line:"},
	} {
		b.WriteString("\n" + part.title + "\n")
		var abouts []string
		names := map[string][]string{}
		for _, k := range keys {
			if k.Use != part.use {
				continue
			}
			if names[k.About] == nil {
				abouts = append(abouts, k.About)
			}
			names[k.About] = append(names[k.About], short(k.Path))
		}
		for _, about := range abouts {
			b.WriteString(wrapped(names[about]) + "\n      " + about + "\n")
		}
	}
	b.WriteString("\nFor the app itself, which runs in the network of the gateway in front of it:\n")
	for _, k := range keys {
		if k.App != "" {
			fmt.Fprintf(&b, "  %-42s %s\n", short(k.Path), k.App)
		}
	}
	b.WriteString("\nIf the engine is too old for a key, sdev refuses the key when it applies it. Keys that begin with x- are yours;\nsdev reads only x-sdev.\n")
	return b.String()
}

// wrapped breaks a list of names into lines of a terminal's width.
func wrapped(names []string) string {
	const width = 80
	lines := []string{" "}
	for i, name := range names {
		if i < len(names)-1 {
			name += ","
		}
		last := &lines[len(lines)-1]
		if len(*last)+1+len(name) > width {
			lines = append(lines, "  "+name)
			continue
		}
		*last += " " + name
	}
	return strings.Join(lines, "\n")
}

// short returns a key's path in the usual notation: a service's key without "services.*.".
func short(path string) string {
	if key, ok := strings.CutPrefix(path, "services.*."); ok {
		return key
	}
	return "top-level " + path
}
