package tui

import (
	"cmp"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"sdev/dev"
)

// draw makes the whole screen.
func (m *model) draw() tea.View {
	v := tea.NewView(m.content())
	v.WindowTitle = m.title()
	if m.mouse {
		v.MouseMode = tea.MouseModeCellMotion
	}
	return v
}

// title is for the terminal's own window and its tabs.
func (m *model) title() string {
	return fmt.Sprintf("%s · %s", cmp.Or(safe(m.state.facts.Project), "sdev"), m.phaseText())
}

// content is the text of the whole screen.
func (m *model) content() string {
	if m.layout.tiny {
		return m.tiny()
	}
	rows := []string{m.top(), m.tabs()}
	rows = append(rows, strings.Split(m.current().view(m.theme), "\n")...)
	rows = append(rows[:min(len(rows), headerRows+m.layout.body)], m.footer())
	if m.overlay != nil {
		rows = m.overlaid(rows)
	}
	return strings.Join(rows, "\n")
}

// tiny is the screen if nothing else fits: the most important facts.
func (m *model) tiny() string {
	w, h := m.layout.width, m.layout.height
	lines := []string{m.phaseText(), m.badge(), safe(m.state.facts.Project), m.state.snap.URL, "q leaves"}
	if m.state.snap.Exception.Exception != "" {
		lines[0] = m.theme.bad.Render(safe(m.state.snap.Exception.Exception))
	}
	rows := make([]string, 0, max(1, h))
	for _, l := range lines[:min(len(lines), max(1, h))] {
		rows = append(rows, cut(l, w))
	}
	return strings.Join(rows, "\n")
}

// top is the first line: the project, its state and its login mode.
func (m *model) top() string {
	left := " " + m.theme.accent.Bold(true).Render("sdev") + m.theme.faint.Render(" › ") + m.theme.strong.Render(safe(m.state.facts.Project))
	right := m.phaseMark() + " "
	if b := m.badge(); b != "" {
		right += " " + b
	}
	return spread(left+" ", right, m.layout.width)
}

// bypassBadge is the badge of the local mode.
const bypassBadge = " BYPASS ON "

// badge shows the login mode, so that nobody confuses them.
func (m *model) badge() string {
	if m.state.snap.URL == "" || m.state.snap.Stopped {
		return ""
	}
	text := bypassBadge
	if m.layout.width < 70 {
		text = " BYPASS "
	}
	switch mode := m.state.snap.Mode; {
	case mode == dev.Local:
		return m.theme.bypass.Render(text)
	case mode.SignsIn() && m.layout.width < 70:
		return m.theme.login.Render(" LOGIN ")
	case mode.SignsIn():
		return m.theme.login.Render(" LOGIN: " + strings.ToUpper(string(mode)) + " ")
	}
	return ""
}

func (m *model) phaseText() string {
	text := string(m.state.phase())
	switch {
	case m.state.phase() == phaseBuilding && m.state.builds.progress() != "":
		text += " " + m.state.builds.progress()
	case m.state.doing != "":
		text = m.state.doing
	}
	return text
}

func (m *model) phaseMark() string {
	t, text := m.theme, m.phaseText()
	if m.state.doing != "" {
		return t.warn.Render("◌ " + text)
	}
	switch m.state.phase() {
	case phaseRunning:
		return t.good.Render("● " + text)
	case phaseBuilding, phaseStarting:
		return t.warn.Render("◌ " + text)
	case phaseRaised, phaseFailed, phaseEnded, phaseLost:
		return t.bad.Bold(true).Render("✗ " + text)
	case phaseIdle, phaseLooking:
	}
	return t.dim.Render("○ " + text)
}

// tabs is the second line: the names of the panes, or their first letters where there is no room.
func (m *model) tabs() string {
	var b strings.Builder
	whole := 1
	for _, p := range m.panes {
		whole += len(p.name()) + 5 // its number, spaces and a line
	}
	b.WriteString(m.theme.rule.Render("─"))
	for i, p := range m.panes {
		name := string(p.name())
		if m.layout.width < whole && i != m.visible {
			name = name[:1]
		}
		label := fmt.Sprintf(" %d %s ", i+1, name)
		if i == m.visible {
			b.WriteString(m.theme.tabOn.Render(label))
		} else {
			b.WriteString(m.theme.tab.Render(label))
		}
		b.WriteString(m.theme.rule.Render("─"))
	}
	n := m.layout.width - ansi.StringWidth(b.String())
	return cut(b.String()+m.theme.rule.Render(strings.Repeat("─", max(0, n))), m.layout.width)
}

// footer is the last line: a prompt, the result of an action, or the relevant keys.
func (m *model) footer() string {
	w, in := m.layout.width, m.current().name()
	if p, ok := m.overlay.(*prompt); ok {
		return fit(p.line(m.theme, w), w)
	}
	if m.notice.text != "" {
		return fit(" "+m.theme.inTone(m.notice.tone).Render(m.notice.text), w)
	}
	text, used := "", 0
	add := func(b binding) {
		if b.command == cmdStart && m.state.runs() {
			b.short = "supervise"
		}
		piece := m.theme.key.Render(keyName(b.keys[0])) + " " + m.theme.dim.Render(b.short)
		n := ansi.StringWidth(piece) + 2
		if used+n >= w {
			return
		}
		text, used = text+"  "+piece, used+n
	}
	var last []binding
	for _, b := range table() {
		switch {
		case b.short == "" || len(b.keys) == 0 || b.scope != in && b.scope != everywhere:
		case b.command == cmdLeave || b.command == cmdHelp || b.command == cmdPalette:
			last = append(last, b)
		}
	}
	for _, b := range last { // these fit before all others, and stand behind them
		used += ansi.StringWidth(keyName(b.keys[0])+" "+b.short) + 2
	}
	for _, b := range table() {
		if b.short != "" && len(b.keys) > 0 && m.state.useful(b.command) && (b.scope == in || b.scope == everywhere) && b.command != cmdLeave && b.command != cmdHelp && b.command != cmdPalette {
			add(b)
		}
	}
	used = ansi.StringWidth(text)
	for _, b := range last {
		add(b)
	}
	return fit(strings.TrimPrefix(text, " "), w)
}

// overlaid draws the overlay over the middle of the screen.
func (m *model) overlaid(rows []string) []string {
	box := m.overlay.box(m.theme, m.layout)
	if len(box) == 0 {
		return rows
	}
	width := 0
	for i, l := range box {
		box[i] = " " + l + " " // a margin around the box
		width = max(width, ansi.StringWidth(box[i]))
	}
	x := max(0, (m.layout.width-width)/2)
	y := max(0, (m.layout.height-len(box))/3)
	for i, l := range box {
		if y+i >= len(rows) {
			break
		}
		under := rows[y+i]
		left := fit(ansi.Truncate(under, x, ""), x)
		right := ansi.TruncateLeft(under, x+width, "")
		rows[y+i] = left + fit(l, width) + right
	}
	return rows
}
