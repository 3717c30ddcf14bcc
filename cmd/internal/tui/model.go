package tui

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"sdev/dev"
)

// model is the root, and the only tea.Model: it owns the state, routes keys and draws the frame
// around the panes.
type model struct {
	ctx  context.Context //nolint:containedctx // a tea.Model gets none; commands need the dashboard's
	host Host
	opts Options
	work work // commands that call the host

	stage *stage // where it is shown; nil in tests, which look at View

	state  state
	layout layout
	theme  theme
	look   look
	pane   scope

	overview overview
	logs     logs
	build    build
	auth     auth

	overlay overlay // nil where the panes have the keys
	notice  notice
	exit    Exit
	mouse   bool
	away    bool // the terminal has lost the focus

	asking    bool // facts are being looked for
	askAgain  bool
	measuring bool
	retrying  bool // the engine is silent, and will be asked again

	dirty bool // the screen is not as the state is
	drawn tea.View
}

// look is what a theme follows from.
type look struct {
	profile colorprofile.Profile
	dark    bool
}

// notice is what the last action came to. It goes with the next key.
type notice struct {
	tone tone
	text string
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
		what string
		said string
		err  error
	}
	shellMsg struct{ err error }
)

const (
	// measureEvery is the pause between two measurements, while somebody sees them.
	measureEvery = 5 * time.Second
	// lookAgain is the least time between two looks for facts.
	lookAgain = time.Second
	// retryEvery is the pause between two tries to reach an engine that does not answer.
	retryEvery = 2 * time.Second
)

func newModel(ctx context.Context, o Options) *model {
	m := &model{ctx: ctx, host: o.Host, opts: o, pane: inOverview, logs: newLogs(), look: look{colorprofile.ASCII, true}, dirty: true}
	m.state.snap, m.state.facts, m.state.use = o.Before, o.Facts, map[string]Usage{}
	m.theme = newTheme(m.look.profile, m.look.dark)
	m.resize(80, 24)
	return m
}

// Init asks the host for facts.
func (m *model) Init() tea.Cmd { return tea.Batch(m.lookForFacts(), m.measure()) }

// Update takes in one message. A fault in it ends the dashboard, and what runs goes on.
func (m *model) Update(msg tea.Msg) (_ tea.Model, cmd tea.Cmd) {
	defer func() {
		if m.work.caught(recover()) {
			cmd = tea.Quit
		}
	}()
	return m.update(msg)
}

func (m *model) update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case eventsMsg:
		return m, m.happened(msg)
	case streamEndedMsg:
		m.state.lost = cmp.Or(m.state.lost, "nothing more will be heard of what runs")
	case factsMsg:
		return m, m.found(msg)
	case usageMsg:
		m.used(msg)
		return m, m.later(measureEvery, measureMsg{})
	case measureMsg:
		m.measuring = false
		return m, m.measure()
	case retryMsg:
		m.retrying = false
		return m, m.lookForFacts()
	case excerptMsg:
		if msg.of == m.state.snap.Exception {
			m.state.excerpt = msg.lines
		}
	case doneMsg:
		m.done(msg)
		return m, m.lookForFacts()
	case shellMsg:
		m.notice = notice{}
		if msg.err != nil {
			m.say(bad, "shell: "+msg.err.Error())
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
		return m, m.terminal(msg)
	}
	m.dirty = true
	return m, nil
}

// terminal takes in what the terminal says of itself.
func (m *model) terminal(msg tea.Msg) tea.Cmd {
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
		return m.lookForFacts()
	default:
		return nil
	}
	m.dirty = true
	return nil
}

func (m *model) restyle(l look) {
	if m.look = l; l.profile < colorprofile.ASCII {
		m.look.profile = colorprofile.ASCII
	}
	m.theme = newTheme(m.look.profile, m.look.dark)
}

func (m *model) resize(width, height int) {
	m.layout = newLayout(width, height)
	m.overview.resize(width, m.layout.body)
	m.logs.resize(width, m.layout.body)
	m.build.resize(width, m.layout.body)
	m.auth.resize(width, m.layout.body)
}

// happened takes in a batch of events.
func (m *model) happened(batch []dev.Stamped) tea.Cmd {
	before := m.state.snap
	for i := range batch {
		batch[i].Time = batch[i].Time.In(m.opts.Now().Location()) // as a clock on the wall has it
	}
	lines, dropped := entries(before, batch)
	visible := m.logs.add(lines, dropped) && m.pane == inLogs
	var cmds []tea.Cmd
	look := false
	for _, e := range batch {
		if _, ok := e.Event.(dev.LogLine); ok {
			m.state.snap = dev.Apply(m.state.snap, e)
			continue
		}
		visible = true
		m.state.apply(e)
		m.build.apply(e)
		switch ev := e.Event.(type) {
		case dev.ServiceState, dev.Ready, dev.Stopped, dev.Failed, dev.SessionOpened, dev.SessionClosed, dev.AuthLogin, dev.AuthLogout, dev.AuthFault, dev.AppReloaded:
			look = true
		case dev.BuildStep:
			if m.pane == inOverview && before.URL == "" && ev.MS == 0 && !ev.Cached {
				m.pane = inBuild // the first build takes long, and this is where it can be seen
			}
		}
		if _, ok := e.Event.(dev.Ready); ok && m.pane == inBuild && before.URL == "" {
			m.pane = inOverview
		}
	}
	if e := m.state.snap.Exception; e != before.Exception {
		m.state.excerpt = nil
		cmds = append(cmds, m.excerpt(e))
	}
	if look {
		cmds = append(cmds, m.lookForFacts(), m.measure())
	}
	m.dirty = m.dirty || visible
	return tea.Batch(cmds...)
}

// ask runs work of the host as a command whose end Run waits for.
func (m *model) ask(work func() tea.Msg) tea.Cmd {
	return func() tea.Msg {
		if !m.work.begin() {
			return nil
		}
		defer m.work.running.Done()
		return m.guarded(work)
	}
}

func (m *model) guarded(work func() tea.Msg) (msg tea.Msg) {
	defer func() {
		if m.work.caught(recover()) {
			msg = tea.QuitMsg{}
		}
	}()
	return work()
}

// fault is what broke, and where; "" where nothing did.
func (m *model) fault() string {
	m.work.mu.Lock()
	defer m.work.mu.Unlock()
	return m.work.fault
}

// work counts the calls of the host that are under way. Bubble Tea starts commands in goroutines of
// its own and does not wait for them.
type work struct {
	mu      sync.Mutex // guards ended and fault
	ended   bool
	fault   string // the first panic, with its stack
	running sync.WaitGroup
}

// begin is false once the dashboard has ended.
func (w *work) begin() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		w.running.Add(1)
	}
	return !w.ended
}

// caught keeps what recover gave, if that was something.
func (w *work) caught(r any) bool {
	if r == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = cmp.Or(w.fault, fmt.Sprintf("%v\n%s", r, debug.Stack()))
	return true
}

// end waits for what has begun.
func (w *work) end() {
	w.mu.Lock()
	w.ended = true
	w.mu.Unlock()
	w.running.Wait()
}

// later answers with a message after a while, or not at all once the dashboard ends.
func (m *model) later(after time.Duration, msg tea.Msg) tea.Cmd {
	return func() tea.Msg {
		t := time.NewTimer(after)
		defer t.Stop()
		select {
		case <-t.C:
			return msg
		case <-m.ctx.Done():
			return nil
		}
	}
}

// lookForFacts has the host look, once at a time, and once more if asked meanwhile.
func (m *model) lookForFacts() tea.Cmd {
	if m.asking {
		m.askAgain = true
		return nil
	}
	m.asking = true
	return m.ask(func() tea.Msg {
		f, err := m.host.Facts(m.ctx)
		return factsMsg{f, err}
	})
}

func (m *model) found(msg factsMsg) tea.Cmd {
	m.asking, m.dirty = false, true
	if msg.err != nil {
		if e := dev.AsError(msg.err); unreachable(e.Code) && m.state.silent.Code == "" {
			m.state.silent = e.Event()
		}
	} else {
		if !m.askAgain { // else it may be from before the engine went silent
			m.state.silent = dev.Failed{}
		}

		here := m.opts.Now().Location() // as a clock on the wall has it
		if e := &msg.facts.AWS.Expires; !e.IsZero() {
			*e = e.In(here)
		}
		for i := range msg.facts.Login.Holds {
			msg.facts.Login.Holds[i].At = msg.facts.Login.Holds[i].At.In(here)
		}
		m.state.facts, m.state.known = msg.facts, true
		m.auth.clamp(&m.state)
	}
	if !m.askAgain {
		return tea.Batch(m.measure(), m.retry())
	}
	m.askAgain = false
	m.asking = true
	return tea.Sequence(m.later(lookAgain, nil), m.ask(func() tea.Msg {
		f, err := m.host.Facts(m.ctx)
		return factsMsg{f, err}
	}))
}

// retry asks a silent engine again, after a while.
func (m *model) retry() tea.Cmd {
	if m.retrying || m.state.silent.Code == "" {
		return nil
	}
	m.retrying = true
	return m.later(retryEvery, retryMsg{})
}

// measure has the host measure, while the overview is seen and something runs.
func (m *model) measure() tea.Cmd {
	if m.measuring || m.away || m.pane != inOverview || !m.state.facts.Running {
		return nil
	}
	m.measuring = true
	return m.ask(func() tea.Msg {
		u, err := m.host.Usage(m.ctx)
		if err != nil {
			return usageMsg(nil)
		}
		return usageMsg(u)
	})
}

// used keeps what was measured. What moved little stays as it is shown, so that the screen is calm.
func (m *model) used(list []Usage) {
	for _, u := range list {
		old, ok := m.state.use[u.Service]
		if ok && abs(u.CPU-old.CPU) < max(2, old.CPU/10) {
			u.CPU = old.CPU
		}
		if ok && abs(float64(u.Memory-old.Memory)) < max(2<<20, float64(old.Memory)/50) {
			u.Memory = old.Memory
		}
		if u != old {
			m.state.use[u.Service] = u
			m.dirty = true
		}
	}
}

func abs(v float64) float64 { return max(v, -v) }

func (m *model) excerpt(e dev.AppException) tea.Cmd {
	if e.File == "" || e.Line == 0 {
		return nil
	}
	return m.ask(func() tea.Msg {
		lines, err := m.host.Excerpt(m.ctx, e.File, e.Line)
		if err != nil {
			return nil // it is an ornament
		}
		return excerptMsg{e, lines}
	})
}

func (m *model) say(n tone, text string) {
	m.notice = notice{n, text}
	m.dirty = true
}

func (m *model) done(msg doneMsg) {
	m.state.doing = ""
	if msg.err != nil {
		e := dev.AsError(msg.err)
		text := safeLines(e.Error())[0]
		if e.Hint != "" {
			text += " (" + safe(e.Hint) + ")"
		}
		m.say(bad, text)
		return
	}
	m.say(good, safe(msg.said))
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
	if m.stage != nil {
		m.stage.show(frame{content: m.drawn.Content, title: m.drawn.WindowTitle, mouse: m.drawn.MouseMode != tea.MouseModeNone, look: m.look})
	}
	return m.drawn
}
