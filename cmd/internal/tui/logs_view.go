package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"sdev/cmd/internal/render"
)

// The drawing of the log, which only reads logs.

// bodyRows is the room for lines, below the pane's own status.
func (l *logs) bodyRows() int { return max(1, l.rows-1) }

// nameWidth is the width of the column with the service names.
func (l *logs) nameWidth() int {
	w := 4
	for _, n := range l.store.names {
		w = max(w, ansi.StringWidth(n))
	}
	return min(w, max(4, l.width/4))
}

// margin is everything in front of a line's text.
func (l *logs) margin() int {
	n := 2 + l.nameWidth() + 3
	if l.times {
		n += len("15:04:05 ")
	}
	return n
}

// height is how many rows a line takes.
func (l *logs) height(i int) int {
	if !l.wrap {
		return 1
	}
	return len(l.pieces(l.store.at(i)))
}

// pieces is a line's text as rows, without the margin. It looks only at the visible part of a long line.
func (l *logs) pieces(e *entry) []string {
	width := max(8, l.width-l.margin())
	if e.service == own {
		width = max(8, width-len(e.what)-1)
	}
	if !l.wrap {
		return []string{cut(beginning(e.text, width), width)}
	}
	rows := l.bodyRows()
	text := beginning(e.text, width*rows)
	if len(text) <= width {
		return []string{text}
	}
	list := wrap(text, width)
	return list[:min(len(list), rows)]
}

func (l *logs) view(t theme) string {
	var rows []string
	room := l.bodyRows()
	first := l.top
	if l.follow {
		first = l.firstVisible(len(l.store.shown) - 1)
	}
	for i := first; i < len(l.store.shown) && len(rows) < room; i++ {
		rows = append(rows, l.lineRows(t, i)...)
	}
	rows = rows[:min(len(rows), room)]
	if len(l.store.shown) == 0 {
		rows = append(rows, "", "  "+t.dim.Render(l.emptyText()))
	}
	for len(rows) < room {
		rows = append(rows, "")
	}
	return strings.Join(append([]string{l.status(t)}, rows[:room]...), "\n")
}

func (l *logs) emptyText() string {
	if len(l.store.lines) > 0 {
		return "no line matches; esc shows all"
	}
	return "no line yet"
}

// status is the line above the log: filter, search and number of lines.
func (l *logs) status(t theme) string {
	left := []string{}
	who := "all services"
	if l.store.only != "" {
		who = l.store.only
	}
	left = append(left, t.strong.Render(who))
	if !l.store.filter.empty() {
		left = append(left, t.warn.Render("filter "+l.store.filter.text))
	}
	if !l.search.empty() {
		left = append(left, t.accent.Render("search "+l.search.text))
	}
	if l.message != "" {
		left = append(left, l.message)
	}
	lines := render.Count(len(l.store.shown), "line")
	if n := len(l.store.shown); n >= 1000 {
		lines = grouped(n) + " lines"
	}
	if len(l.store.shown) != len(l.store.lines) {
		lines += " of " + grouped(len(l.store.lines))
	}
	if l.store.dropped > 0 {
		lines += ", " + grouped(l.store.dropped) + " older dropped"
	}
	mode := t.good.Render("● follows")
	if !l.follow {
		mode = t.warn.Render("‖ paused")
		if n := len(l.store.shown) - 1 - l.cursor; n > 0 {
			mode += t.dim.Render(" " + grouped(n) + " below")
		}
	}
	return spread(" "+strings.Join(left, t.faint.Render(" · ")), t.dim.Render(lines)+"  "+mode+" ", l.width)
}

// lineRows is a line as rows of the screen.
func (l *logs) lineRows(t theme, i int) []string {
	e := l.store.at(i)
	mark := " "
	if e.marked {
		mark = t.mark.Render("◆")
	}
	head := mark + " "
	if l.times {
		head += t.faint.Render(e.at.Format("15:04:05")) + " "
	}
	head += t.service(e.service).Render(fit(e.service, l.nameWidth())) + t.faint.Render(" │ ")
	style := t.plain
	switch e.level {
	case levelError:
		style = t.bad
	case levelWarning:
		style = t.warn
	case levelNone:
	}
	if e.service == own {
		style = t.dim
		head += t.inTone(e.tone).Render(e.what) + " "
	}
	pieces := l.pieces(e)
	indent := strings.Repeat(" ", max(0, l.margin()-2)) + t.faint.Render("· ")
	rows := make([]string, 0, len(pieces))
	for n, p := range pieces {
		row := head
		if n > 0 {
			row = indent
		}
		row += l.highlight(t, style, p)
		if i == l.cursor && !l.follow {
			row = t.cursor.Render(fit(ansi.Strip(row), l.width))
		}
		rows = append(rows, row)
	}
	return rows
}

// beginning limits a text to about the bytes that are visible: a cell usually takes at most four. It cuts at the
// start of a rune.
func beginning(text string, cells int) string {
	n := cells*4 + 16
	if len(text) <= n {
		return text
	}
	for n > 0 && text[n]&0xc0 == 0x80 {
		n--
	}
	return text[:n]
}

// highlight marks the matches of a search.
func (l *logs) highlight(t theme, style interface{ Render(...string) string }, text string) string {
	if l.search.empty() {
		return style.Render(text)
	}
	var b strings.Builder
	for text != "" {
		start, end := l.search.terms[0].find(text)
		if start < 0 || end <= start {
			break
		}
		b.WriteString(style.Render(text[:start]) + t.hit.Render(text[start:end]))
		text = text[end:]
	}
	b.WriteString(style.Render(text))
	return b.String()
}
