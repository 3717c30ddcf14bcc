package tui

import "strings"

// scroll is a text that may be longer than its pane.
type scroll struct {
	width, rows int
	top         int
	length      int // rows of the text when it was last shown
}

func (s *scroll) resize(width, rows int) { s.width, s.rows = width, rows }

// do carries out a command of scrolling, and reports whether it was one.
func (s *scroll) do(c command) bool {
	switch c {
	case cmdUp:
		s.top--
	case cmdDownward:
		s.top++
	case cmdPageUp:
		s.top -= max(1, s.rows-1)
	case cmdPageDown:
		s.top += max(1, s.rows-1)
	case cmdTop:
		s.top = 0
	case cmdBottom:
		s.top = s.length
	default:
		return false
	}
	s.clamp()
	return true
}

func (s *scroll) clamp() { s.top = max(0, min(s.top, s.length-s.rows)) }

// show returns the visible rows, and marks that there are more.
func (s *scroll) show(t theme, rows []string) string {
	s.length = len(rows)
	s.clamp()
	end := min(len(rows), s.top+s.rows)
	out := append([]string{}, rows[s.top:end]...)
	for len(out) < s.rows {
		out = append(out, "")
	}
	if below := len(rows) - end; below > 0 && s.rows > 1 {
		out[s.rows-1] = t.faint.Render(fit("  ↓ "+grouped(below+1)+" more rows", s.width))
	}
	if s.top > 0 && s.rows > 2 {
		out[0] = t.faint.Render(fit("  ↑ "+grouped(s.top+1)+" more rows", s.width))
	}
	return strings.Join(out, "\n")
}
