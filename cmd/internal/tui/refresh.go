package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"sdev/dev"
)

// What the dashboard fetches besides events: facts after events that change them, and repeatedly while the engine
// does not answer; usage while it is visible; the lines around an exception.

const (
	// measureEvery is the pause between two measurements, while they are visible.
	measureEvery = 5 * time.Second
	// factsPause is the minimal time between two requests for facts.
	factsPause = time.Second
	// retryEvery is the pause between two tries to reach an engine that does not answer.
	retryEvery = 2 * time.Second
)

// pending is what was asked for and has no answer yet.
type pending struct {
	facts      bool
	factsAgain bool // facts must be fetched once more
	usage      bool // usage is being measured, or will be soon
	retry      bool // the engine does not answer, and will be asked again
}

// refreshFacts fetches facts, one request at a time, and once more if requested meanwhile.
func (m *model) refreshFacts() tea.Cmd {
	if m.pending.facts {
		m.pending.factsAgain = true
		return nil
	}
	m.pending.facts = true
	return m.work.call(func(ctx context.Context) tea.Msg {
		f, err := m.opts.Host.Facts(ctx)
		return factsMsg{f, err}
	})
}

// applyFacts stores the answer to a request for facts, and requests them again if they may have changed meanwhile.
func (m *model) applyFacts(msg factsMsg) tea.Cmd {
	m.pending.facts, m.dirty = false, true
	if msg.err != nil {
		if e := dev.AsError(msg.err); unreachable(e.Code) && m.state.engineError.Code == "" {
			m.state.engineError = e.Event()
		}
	} else {
		if !m.pending.factsAgain { // otherwise the answer may predate the engine's failure
			m.state.engineError = dev.Failed{}
		}

		here := m.opts.Now().Location() // as a clock on the wall has it
		if e := &msg.facts.AWS.Expires; !e.IsZero() {
			*e = e.In(here)
		}
		for i := range msg.facts.Provider.Sessions {
			msg.facts.Provider.Sessions[i].At = msg.facts.Provider.Sessions[i].At.In(here)
		}
		m.state.facts, m.state.factsKnown = msg.facts, true
	}
	if !m.pending.factsAgain {
		return tea.Batch(m.measure(), m.retry())
	}
	m.pending.factsAgain = false
	m.pending.facts = true
	return tea.Sequence(m.work.later(factsPause, nil), m.work.call(func(ctx context.Context) tea.Msg {
		f, err := m.opts.Host.Facts(ctx)
		return factsMsg{f, err}
	}))
}

// retry asks an engine that does not answer again, after a delay.
func (m *model) retry() tea.Cmd {
	if m.pending.retry || m.state.engineError.Code == "" {
		return nil
	}
	m.pending.retry = true
	return m.work.later(retryEvery, retryMsg{})
}

// measure measures usage while the overview is visible and the project runs.
func (m *model) measure() tea.Cmd {
	if m.pending.usage || m.away || !m.shows(inOverview) || !m.state.facts.Running {
		return nil
	}
	m.pending.usage = true
	return m.work.call(func(ctx context.Context) tea.Msg {
		u, err := m.opts.Host.Usage(ctx)
		if err != nil {
			return usageMsg(nil)
		}
		return usageMsg(u)
	})
}

// applyUsage stores a measurement. It ignores small changes, so that the screen does not change all the time.
func (m *model) applyUsage(list []Usage) {
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
	return m.work.call(func(ctx context.Context) tea.Msg {
		lines, err := m.opts.Host.Excerpt(ctx, e.File, e.Line)
		if err != nil {
			return nil // the excerpt is optional
		}
		return excerptMsg{e, lines}
	})
}
