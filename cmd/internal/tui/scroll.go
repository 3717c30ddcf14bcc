package tui

import "strings"

// scroll is a text that may be longer than its pane.
type scroll struct {
	layout layout
	top    int
	length int // rows of the text when it was last shown
}

func (s *scroll) resize(l layout) { s.layout = l }

// move carries out a command of scrolling, if it is one.
func (s *scroll) move(c command) {
	switch c {
	case cmdUp:
		s.top--
	case cmdDownward:
		s.top++
	case cmdPageUp:
		s.top -= max(1, s.layout.body-1)
	case cmdPageDown:
		s.top += max(1, s.layout.body-1)
	case cmdTop:
		s.top = 0
	case cmdBottom:
		s.top = s.length
	default:
		return
	}
	s.clamp()
}

func (s *scroll) clamp() { s.top = max(0, min(s.top, s.length-s.layout.body)) }

// show returns the visible rows, and marks that there are more.
func (s *scroll) show(t theme, rows []string) string {
	s.length = len(rows)
	s.clamp()
	end := min(len(rows), s.top+s.layout.body)
	out := append([]string{}, rows[s.top:end]...)
	for len(out) < s.layout.body {
		out = append(out, "")
	}
	if below := len(rows) - end; below > 0 && s.layout.body > 1 {
		out[s.layout.body-1] = t.faint.Render(fit("  ↓ "+grouped(below+1)+" more rows", s.layout.width))
	}
	if s.top > 0 && s.layout.body > 2 {
		out[0] = t.faint.Render(fit("  ↑ "+grouped(s.top+1)+" more rows", s.layout.width))
	}
	return strings.Join(out, "\n")
}
