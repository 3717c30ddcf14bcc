package tui

import (
	"cmp"
	"context"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"sdev/dev"
)

// model is the root, and the only tea.Model: it applies messages to the state, routes keys and draws the frame
// around the panes.
type model struct {
	*common
	panes   []pane // in the order of their numbers
	visible int    // place in panes

	display
	pending pending
	exit    Exit
}

// display is how the screen looks, and whether somebody looks at it.
type display struct {
	layout layout
	look   look
	theme  theme
	mouse  bool
	away   bool // the terminal has lost the focus
	drawn  tea.View
}

// look is what a theme follows from.
type look struct {
	profile colorprofile.Profile
	dark    bool
}

// Messages that commands answer with.
type (
	factsMsg struct {
		facts Facts
		err   error
	}
	usageMsg   []Usage
	measureMsg struct{} // it is time to measure
	retryMsg   struct{} // it is time to ask the engine again
	excerptMsg struct {
		of    dev.AppException
		lines []SourceLine
	}
	doneMsg struct {
		what   string
		result string
		err    error
	}
	shellMsg struct{ err error }
)

func newModel(ctx context.Context, o Options) *model {
	c := &common{opts: o, dirty: true}
	c.work.ctx, c.work.later = ctx, c.work.timer
	c.state.snap, c.state.facts, c.state.use = dev.SanitizeFields(o.Before), dev.SanitizeFields(o.Facts), map[string]Usage{}
	m := &model{common: c, panes: newPanes(c)}
	m.restyle(look{colorprofile.ASCII, true})
	m.resize(80, 24)
	return m
}

// Init asks the host for facts.
func (m *model) Init() tea.Cmd { return tea.Batch(m.refreshFacts(), m.measure()) }

// Update handles one message. A panic in it ends the dashboard, but not the project.
func (m *model) Update(msg tea.Msg) (_ tea.Model, cmd tea.Cmd) {
	defer func() {
		if m.work.caught(recover()) {
			cmd = tea.Quit
		}
	}()
	return m.update(msg)
}

// sanitized removes control characters from foreign text before any pane gets it.
func sanitized(msg tea.Msg) tea.Msg {
	switch msg := msg.(type) {
	case eventsMsg:
		return dev.SanitizeFields(msg)
	case factsMsg:
		msg.facts = dev.SanitizeFields(msg.facts)
		return msg
	case usageMsg:
		return dev.SanitizeFields(msg)
	case excerptMsg:
		msg.lines = dev.SanitizeFields(msg.lines)
		return msg
	case doneMsg:
		msg.result = dev.Inline(msg.result)
		return msg
	case targetsMsg:
		msg.targets = dev.SanitizeFields(msg.targets)
		return msg
	case checksMsg:
		msg.checks = dev.SanitizeFields(msg.checks)
		return msg
	}
	return msg
}

func (m *model) update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := sanitized(msg).(type) {
	case eventsMsg:
		return m, m.applyEvents(msg)
	case streamEndedMsg:
		m.state.lost = cmp.Or(m.state.lost, "the event stream has ended")
	case factsMsg:
		return m, tea.Batch(m.applyFacts(msg), m.toAll(msg))
	case usageMsg:
		m.applyUsage(msg)
		return m, m.work.later(measureEvery, measureMsg{})
	case measureMsg:
		m.pending.usage = false
		return m, m.measure()
	case retryMsg:
		m.pending.retry = false
		return m, m.refreshFacts()
	case excerptMsg:
		if msg.of == m.state.snap.Exception {
			m.state.excerpt = msg.lines
		}
	case doneMsg:
		m.done(msg)
		return m, tea.Batch(m.refreshFacts(), m.toCurrent(msg))
	case targetsMsg, checksMsg:
		return m, m.toAll(msg)
	case shellMsg:
		m.notice = notice{}
		if msg.err != nil {
			m.notify(bad, "shell: "+safe(msg.err.Error()))
		}
	case tea.KeyPressMsg:
		return m, m.press(msg)
	case tea.PasteMsg:
		if m.overlay != nil {
			m.overlay.paste(safe(msg.Content))
		}
	case tea.MouseWheelMsg:
		m.wheel(msg)
	case tea.MouseClickMsg:
		return m, m.click(msg)
	default:
		return m, m.updateTerminal(msg)
	}
	m.dirty = true
	return m, nil
}

// updateTerminal handles messages about the terminal.
func (m *model) updateTerminal(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.resize(msg.Width, msg.Height)
	case tea.ColorProfileMsg:
		m.restyle(look{msg.Profile, m.look.dark})
	case tea.BackgroundColorMsg:
		m.restyle(look{m.look.profile, msg.IsDark()})
	case tea.BlurMsg:
		m.away = true
		return nil
	case tea.FocusMsg:
		m.away = false
		return m.measure()
	case tea.ResumeMsg:
		m.dirty = true
		return m.refreshFacts()
	default:
		return nil
	}
	m.dirty = true
	return nil
}

func (d *display) restyle(l look) {
	if d.look = l; l.profile < colorprofile.ASCII {
		d.look.profile = colorprofile.ASCII
	}
	d.theme = newTheme(d.look.profile, d.look.dark)
}

func (m *model) resize(width, height int) {
	m.layout = newLayout(width, height)
	for _, p := range m.panes {
		p.resize(m.layout)
	}
}

// applyEvents applies a batch of events.
func (m *model) applyEvents(batch eventsMsg) tea.Cmd {
	before := m.state.snap
	for i := range batch {
		batch[i].Time = batch[i].Time.In(m.opts.Now().Location()) // as a clock on the wall has it
	}
	cmds := []tea.Cmd{m.toAll(batch)} // the panes get the batch before the state changes: the log needs what was before
	stale := false                    // the facts may have changed
	for _, e := range batch {
		if _, ok := e.Event.(dev.LogLine); ok {
			m.state.snap = dev.Apply(m.state.snap, e)
			continue
		}
		m.dirty = true
		m.state.apply(e)
		if before.URL == "" {
			m.followFirstBuild(e.Event)
		}
		switch e.Event.(type) {
		case dev.ServiceState, dev.Ready, dev.Stopped, dev.Failed, dev.SessionOpened, dev.SessionClosed, dev.AuthLogin, dev.AuthLogout, dev.AuthFault, dev.AppReloaded:
			stale = true
		}
	}
	if e := m.state.snap.Exception; e != before.Exception {
		m.state.excerpt = nil
		cmds = append(cmds, m.excerpt(e))
	}
	if stale {
		cmds = append(cmds, m.refreshFacts(), m.measure())
	}
	return tea.Batch(cmds...)
}

// View draws, where something changed since the last time.
func (m *model) View() (v tea.View) {
	defer func() {
		if m.work.caught(recover()) {
			v = m.drawn
		}
	}()
	if m.dirty {
		m.drawn, m.dirty = m.draw(), false
	}
	if m.terminal != nil {
		m.terminal.show(frame{content: m.drawn.Content, title: m.drawn.WindowTitle, mouse: m.drawn.MouseMode != tea.MouseModeNone, look: m.look})
	}
	return m.drawn
}
