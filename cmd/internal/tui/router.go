package tui

import (
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"

	"sdev/dev"
)

// The router: which overlay or pane gets a key, a message, the wheel or a click, and which pane is visible.

// press routes a key: to the overlay if there is one, or else by the table of keys.
func (m *model) press(key tea.KeyPressMsg) tea.Cmd {
	m.dirty = true
	if key.String() == "ctrl+c" {
		return m.do(cmdStop)
	}
	m.notice = notice{}
	if m.overlay != nil {
		closed, chosen := m.overlay.press(key)
		if closed {
			m.overlay = nil
		}
		return m.answered(chosen)
	}
	c, ok := find(m.current().name(), key.String())
	if !ok {
		return nil
	}
	return m.do(c)
}

// answered carries out what the user chose in an overlay.
func (m *model) answered(a answer) tea.Cmd {
	switch a := a.(type) {
	case command:
		return m.do(a)
	case request:
		return m.run(a)
	case typed:
		return m.toCurrent(a)
	}
	return nil
}

// do carries out a command.
func (m *model) do(c command) tea.Cmd {
	m.dirty = true
	switch c {
	case cmdLeave, cmdStop:
		return m.leave(c)
	case cmdHelp:
		m.overlay = newHelp(m.current().name())
	case cmdPalette:
		m.overlay = newPalette(m.current().name(), &m.state)
	case cmdNextPane:
		return m.show((m.visible + 1) % len(m.panes))
	case cmdPreviousPane:
		return m.show((m.visible + len(m.panes) - 1) % len(m.panes))
	case cmdSuspend:
		return m.suspend()
	case cmdMouse:
		m.mouse = !m.mouse
	case cmdStart, cmdOpen, cmdRestart, cmdRebuild, cmdShell, cmdSwitch, cmdDown, cmdDownVolumes:
		return m.act(c)
	default:
		if i := slices.Index(paneCommands(), c); i >= 0 {
			return m.show(i)
		}
		return m.current().do(c)
	}
	return nil
}

// wheel scrolls three lines, which is what terminals do.
func (m *model) wheel(msg tea.MouseWheelMsg) {
	c := cmdDownward
	if msg.Button == tea.MouseWheelUp {
		c = cmdUp
	}
	for range 3 {
		m.current().do(c)
	}
}

// click chooses a pane.
func (m *model) click(msg tea.MouseClickMsg) tea.Cmd {
	m.dirty = true
	if msg.Y != 1 || m.layout.tiny || m.overlay != nil {
		return nil
	}
	x := 1
	for i, p := range m.panes {
		n := len(fmt.Sprintf(" %d %s ", i+1, p.name()))
		if msg.X >= x && msg.X < x+n {
			return m.show(i)
		}
		x += n + 1
	}
	return nil
}

// current is the visible pane.
func (m *model) current() pane { return m.panes[m.visible] }

// shows reports whether a pane is the visible one.
func (m *model) shows(name scope) bool { return m.current().name() == name }

// turnTo makes a pane the visible one.
func (m *model) turnTo(name scope) {
	m.visible = slices.IndexFunc(m.panes, func(p pane) bool { return p.name() == name })
}

// show makes pane i the visible one, and fetches what only this pane shows.
func (m *model) show(i int) tea.Cmd {
	m.visible = i
	return tea.Batch(m.measure(), m.toCurrent(shownMsg{}))
}

// followFirstBuild shows the build pane while the first build runs, which takes long, and the overview once the app
// is ready. A user who went to another pane stays there.
func (m *model) followFirstBuild(e dev.Event) {
	switch e := e.(type) {
	case dev.BuildStep:
		if m.shows(inOverview) && e.MS == 0 && !e.Cached {
			m.turnTo(inBuild)
		}
	case dev.Ready:
		if m.shows(inBuild) {
			m.turnTo(inOverview)
		}
	}
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

// leave ends the dashboard. The key and the options decide whether the project keeps running.
func (m *model) leave(c command) tea.Cmd {
	m.exit.Stop = m.opts.Owned && (c == cmdStop || m.opts.StopOnQuit || !m.state.runs())
	return tea.Quit
}
