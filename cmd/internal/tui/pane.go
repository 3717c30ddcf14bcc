package tui

import tea "charm.land/bubbletea/v2"

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
	return []pane{&overview{common: c}, newLogs(c), &build{common: c}, &auth{common: c}, &deploy{common: c}, &pages{common: c}}
}
