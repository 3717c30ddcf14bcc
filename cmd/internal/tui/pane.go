package tui

import (
	"slices"

	tea "charm.land/bubbletea/v2"
)

// pane is one page of the dashboard. A pane knows neither the root nor the other panes: it shows the state in common
// and acts through common.
type pane interface {
	// name is the pane's name, and the scope of its keys.
	name() scope
	resize(l layout)
	// do carries out a command of the pane's keys.
	do(c command) tea.Cmd
	// update handles a message; changed says that the pane must be redrawn.
	update(msg tea.Msg) (changed bool, cmd tea.Cmd)
	view(t theme) string
}

// shownMsg tells a pane that it has become visible.
type shownMsg struct{}

// newPanes returns the panes in the order of their numbers.
func newPanes(c *common) []pane {
	return []pane{&overview{common: c}, newLogs(c), &build{common: c}, &auth{common: c}, &deploy{common: c}}
}

// current is the visible pane.
func (m *model) current() pane { return m.panes[m.visible] }

// shows reports whether a pane is the visible one.
func (m *model) shows(name scope) bool { return m.current().name() == name }

// turnTo makes a pane the visible one.
func (m *model) turnTo(name scope) {
	m.visible = slices.IndexFunc(m.panes, func(p pane) bool { return p.name() == name })
	m.dirty = true
}

// show turns to a pane for the user, and fetches what only this pane shows.
func (m *model) show(name scope) tea.Cmd {
	m.turnTo(name)
	return tea.Batch(m.measure(), m.toCurrent(shownMsg{}))
}

// toCurrent hands a message to the visible pane.
func (m *model) toCurrent(msg tea.Msg) tea.Cmd {
	changed, cmd := m.current().update(msg)
	m.dirty = m.dirty || changed
	return cmd
}

// toAll hands a message to all panes. Only a change of the visible one needs a new frame.
func (m *model) toAll(msg tea.Msg) tea.Cmd {
	var cmds []tea.Cmd
	for i, p := range m.panes {
		changed, cmd := p.update(msg)
		m.dirty = m.dirty || changed && i == m.visible
		cmds = append(cmds, cmd)
	}
	return tea.Batch(cmds...)
}
