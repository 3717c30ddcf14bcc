package tui

import (
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/sahilm/fuzzy"
)

// overlay gets all keys while it is open.
type overlay interface {
	// press handles a key; closed says that the overlay is done, and chosen is what the user chose, if anything.
	press(key tea.KeyPressMsg) (closed bool, chosen answer)
	paste(text string)
	// box is what it draws over the panes; nothing if it is in the footer.
	box(t theme, l layout) []string
}

// answer is what the user chose in an overlay: a [command], a [request] or a [typed] text. The router carries it out.
type answer interface{ isAnswer() }

// request is an action of the host, and what the screen says while it is under way.
type request struct {
	doing  string
	action Action
}

// typed is the text that the user entered for a command.
type typed struct {
	command command
	text    string
}

func (command) isAnswer() {}
func (request) isAnswer() {}
func (typed) isAnswer()   {}

// framed puts lines into a box.
func framed(t theme, title string, lines []string, width int) []string {
	head := "╭─ " + title + " "
	out := []string{t.box.Render("╭─ ") + t.strong.Render(title) + " " + t.box.Render(strings.Repeat("─", max(0, width-ansi.StringWidth(head)-1))+"╮")}
	for _, l := range lines {
		out = append(out, t.box.Render("│")+" "+fit(l, max(0, width-4))+" "+t.box.Render("│"))
	}
	return append(out, t.box.Render("╰"+strings.Repeat("─", max(0, width-2))+"╯"))
}

// help shows the keys.
type help struct {
	in  scope
	top int
}

func newHelp(in scope) *help { return &help{in: in} }

func (h *help) paste(string) {}

func (h *help) press(key tea.KeyPressMsg) (bool, answer) {
	switch key.String() {
	case "down", "j", "pgdown", "space":
		h.top += 4
	case "up", "k", "pgup":
		h.top = max(0, h.top-4)
	default:
		return true, nil
	}
	return false, nil
}

func (h *help) box(t theme, l layout) []string {
	width := min(l.width-2, 76)
	var lines []string
	for _, where := range []scope{h.in, everywhere} {
		lines = append(lines, t.heading.Render(strings.ToUpper(string(where))))
		for _, b := range table() {
			if b.scope != where || len(b.keys) == 0 {
				continue
			}
			var keys []string
			for _, k := range b.keys {
				keys = append(keys, keyName(k))
			}
			lines = append(lines, t.key.Render(fit(strings.Join(keys, " "), 12))+" "+b.about)
		}
		lines = append(lines, "")
	}
	room := max(1, l.height-4)
	h.top = max(0, min(h.top, len(lines)-1-room))
	below := len(lines)-1 > h.top+room
	lines = lines[h.top:min(len(lines)-1, h.top+room)]
	if below {
		lines[len(lines)-1] = t.dim.Render("↓ more, with " + keyName("down") + " or space")
	}
	return framed(t, "Keys", lines, width)
}

// question asks for confirmation of a destructive action.
type question struct {
	title, about, yes string
	confirmed         request
}

func (q *question) paste(string) {}

func (q *question) press(key tea.KeyPressMsg) (bool, answer) {
	switch key.String() {
	case "y", "Y":
		return true, q.confirmed
	case "n", "N", "esc", "q", "enter":
		return true, nil
	}
	return false, nil
}

func (q *question) box(t theme, l layout) []string {
	keys := t.bad.Bold(true).Render("y") + " " + q.yes + "    " + t.key.Render("n") + " " + t.dim.Render("cancel")
	return framed(t, "Sure?", []string{t.strong.Render(q.title), t.dim.Render(q.about), "", keys}, min(l.width-2, 64))
}

// choice is one entry of a menu.
type choice struct {
	name, about string
	chosen      answer
}

// menu is a list to choose from, by arrows or by typing part of a name.
type menu struct {
	title  string
	all    []choice
	found  []choice
	cursor int
	input  textinput.Model
}

func newMenu(title string, all []choice) *menu {
	m := &menu{title: title, all: all, found: all, input: textinput.New()}
	m.input.Prompt = "› "
	m.input.SetVirtualCursor(true)
	m.input.Focus()
	return m
}

// newPalette lists all actions that are possible now.
func newPalette(in scope, s *state) *menu {
	var all []choice
	for _, b := range table() {
		if !b.offer || b.scope != everywhere && b.scope != in || !s.useful(b.command) {
			continue
		}
		key := ""
		if len(b.keys) > 0 {
			key = keyName(b.keys[0])
		}
		about := b.about
		if key != "" {
			about += "  " + key
		}
		all = append(all, choice{string(b.command), about, b.command})
	}
	return newMenu("Actions", all)
}

func (m *menu) paste(text string) {
	m.input.SetValue(m.input.Value() + text)
	m.narrow()
}

func (m *menu) press(key tea.KeyPressMsg) (bool, answer) {
	switch key.String() {
	case "esc":
		return true, nil
	case "enter":
		if len(m.found) == 0 {
			return false, nil
		}
		return true, m.found[m.cursor].chosen
	case "up", "ctrl+p", "shift+tab":
		m.cursor = max(0, m.cursor-1)
	case "down", "ctrl+n", "tab":
		m.cursor = min(max(0, len(m.found)-1), m.cursor+1)
	default:
		m.input, _ = m.input.Update(key)
		m.narrow()
	}
	return false, nil
}

// narrow keeps entries that match the typed text, the best first.
func (m *menu) narrow() {
	m.cursor = 0
	if m.found = m.all; m.input.Value() == "" {
		return
	}
	names := make([]string, len(m.all))
	for i, c := range m.all {
		names[i] = c.name + " " + c.about
	}
	m.found = nil
	for _, hit := range fuzzy.Find(m.input.Value(), names) {
		m.found = append(m.found, m.all[hit.Index])
	}
}

func (m *menu) box(t theme, l layout) []string {
	width := min(l.width-2, max(64, l.width*2/3), 96)
	room := max(1, min(14, l.height-6))
	first := max(0, m.cursor-room+1)
	name := 0
	for _, c := range m.all {
		name = max(name, ansi.StringWidth(c.name))
	}
	name = min(name, width/2)
	m.input.SetWidth(max(1, width-8))
	lines := []string{m.input.View(), ""}
	for i := first; i < len(m.found) && i < first+room; i++ {
		c := m.found[i]
		row := fit(c.name, name) + "  " + c.about
		if i == m.cursor {
			lines = append(lines, t.cursor.Render(fit("› "+row, max(0, width-4))))
			continue
		}
		lines = append(lines, "  "+fit(c.name, name)+"  "+t.dim.Render(c.about))
	}
	if len(m.found) == 0 {
		lines = append(lines, t.dim.Render("  no action matches"))
	}
	return framed(t, m.title, lines, width)
}

// prompt is an input line in place of the footer: the text for a command.
type prompt struct {
	command command
	label   string
	input   textinput.Model
}

func newPrompt(c command, label, about, text string) *prompt {
	p := &prompt{command: c, label: label, input: textinput.New()}
	p.input.Prompt, p.input.Placeholder = "", about
	p.input.SetValue(text)
	p.input.CursorEnd()
	p.input.Focus()
	return p
}

func (p *prompt) paste(text string) { p.input.SetValue(p.input.Value() + text) }

func (p *prompt) press(key tea.KeyPressMsg) (bool, answer) {
	switch key.String() {
	case "esc":
		return true, nil
	case "enter":
		return true, typed{p.command, p.input.Value()}
	}
	p.input, _ = p.input.Update(key)
	return false, nil
}

func (p *prompt) box(theme, layout) []string { return nil }

func (p *prompt) line(t theme, width int) string {
	p.input.SetWidth(max(1, width-ansi.StringWidth(p.label)-4))
	return " " + t.accent.Bold(true).Render(p.label) + p.input.View()
}
