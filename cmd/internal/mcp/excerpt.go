package mcp

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sdev/dev"
)

// around is how many lines an excerpt has on each side of the line that matters.
const around = 3

// excerpt returns the lines of a file of the project around one, with their numbers; "" if the file is not there, or outside
// the project.
func excerpt(dir, file string, line int) string {
	if line < 1 || !filepath.IsLocal(filepath.FromSlash(file)) {
		return ""
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return ""
	}
	defer root.Close()
	content, err := dev.ReadFileIn(root, file)
	if err != nil {
		return ""
	}
	lines := strings.Split(string(content), "\n")
	if line > len(lines) {
		return "" // it has changed since
	}
	from, to := max(line-around, 1), min(line+around, len(lines))
	var out []string
	for n := from; n <= to; n++ {
		mark := " "
		if n == line {
			mark = ">"
		}
		out = append(out, strings.TrimRight(fmt.Sprintf("%s %*d | %s", mark, len(fmt.Sprint(to)), n, lines[n-1]), " \r"))
	}
	return strings.Join(out, "\n")
}
