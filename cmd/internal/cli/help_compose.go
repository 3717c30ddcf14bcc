package cli

import (
	"fmt"
	"slices"
	"strings"

	"sdev/dev/config"
)

// composeText prints the table that compose files are checked by, keys of one kind together.
func composeText() string {
	var b strings.Builder
	b.WriteString("What sdev does with the keys of the Compose Specification. A key stands for what is below it, too.\n")
	keys := config.Keys()
	slices.SortFunc(keys, func(x, y config.Key) int { return strings.Compare(short(x.Path), short(y.Path)) })
	for _, part := range []struct {
		use   config.Use
		title string
	}{
		{config.Applied, "Applied:"},
		{config.Idle, "Taken, but without effect here:"},
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
	b.WriteString("\nOf the app itself, whose network belongs to the gateway in front of it:\n")
	for _, k := range keys {
		if k.App != "" {
			refused := ""
			if k.AppRefused {
				refused = "refused: "
			}
			fmt.Fprintf(&b, "  %-42s %s%s\n", short(k.Path), refused, k.App)
		}
	}
	b.WriteString("\nWhat an engine is too old for is refused when it is used. Keys that begin with x- are anyone's own.\n")
	return b.String()
}

// wrapped puts names into lines of a terminal's width.
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

// short is a key's path as people write it: keys of a service by themselves.
func short(path string) string {
	if key, ok := strings.CutPrefix(path, "services.*."); ok {
		return key
	}
	return "top-level " + path
}
