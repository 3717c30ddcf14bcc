package tui

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
)

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

// timer answers with a message after a while, or not at all once the dashboard ends.
func (m *model) timer(after time.Duration, msg tea.Msg) tea.Cmd {
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
