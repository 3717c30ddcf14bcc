package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// sheet renders the sections of a pane with one width.
type sheet struct {
	theme
	state *state
	width int
}

// heading is the title of a section, with a line to the end.
func (s sheet) heading(title, note string) string {
	left := "  " + s.theme.heading.Render(title) + " "
	right := ""
	if note != "" {
		right = " " + s.dim.Render(note)
	}
	line := max(0, s.width-ansi.StringWidth(left)-ansi.StringWidth(right)-1)
	return left + s.rule.Render(strings.Repeat("─", line)) + right
}

func (s sheet) row(text string) string { return "  " + cut(text, max(0, s.width-3)) }

// prose wraps foreign text into rows.
func (s sheet) prose(style interface{ Render(...string) string }, text string, indent int) []string {
	var rows []string
	for _, line := range safeLines(text) {
		for _, row := range wrap(line, max(10, s.width-indent-1)) {
			rows = append(rows, strings.Repeat(" ", indent)+style.Render(ansi.Truncate(row, max(0, s.width-indent-1), "…")))
		}
	}
	return rows
}

// problemLine is a line of what went wrong, as rows; the first one stands out.
func (s sheet) problemLine(line string, first bool) []string {
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	var rows []string
	for i, piece := range wrap(strings.TrimSpace(line), max(10, s.width-5-len(indent))) {
		mark := "  "
		if first && i == 0 {
			mark = "✗ "
		}
		if first {
			piece = s.bad.Bold(true).Render(mark + piece)
		} else {
			piece = mark + indent + piece
		}
		rows = append(rows, s.row(piece))
	}
	return rows
}
