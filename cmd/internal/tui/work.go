package tui

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
)

// callHost calls the host in a command. Run waits for it.
func (m *model) callHost(work func() tea.Msg) tea.Cmd {
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

// panicked is the first panic and its stack; "" if there was none.
func (m *model) panicked() string {
	m.work.mu.Lock()
	defer m.work.mu.Unlock()
	return m.work.firstPanic
}

// work counts the running calls of the host. Bubble Tea runs commands in its own goroutines and does not wait for
// them.
type work struct {
	mu         sync.Mutex // guards ended and firstPanic
	ended      bool
	firstPanic string // with its stack
	running    sync.WaitGroup
}

// begin counts one more call. It returns false if the dashboard has ended: then the call must not start.
func (w *work) begin() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		w.running.Add(1)
	}
	return !w.ended
}

// caught records what recover returned, if it is not nil.
func (w *work) caught(r any) bool {
	if r == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.firstPanic = cmp.Or(w.firstPanic, fmt.Sprintf("%v\n%s", r, debug.Stack()))
	return true
}

// end waits for all running calls.
func (w *work) end() {
	w.mu.Lock()
	w.ended = true
	w.mu.Unlock()
	w.running.Wait()
}

// timer sends a message after a delay, unless the dashboard has ended.
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
