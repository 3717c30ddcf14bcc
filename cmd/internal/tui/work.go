package tui

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
)

// work makes commands that call the host, and counts those that run: Bubble Tea runs commands in its own goroutines
// and does not wait for them, so Run must.
type work struct {
	ctx context.Context //nolint:containedctx // a tea.Model gets none; commands need the dashboard's
	// later sends a message after a delay.
	later func(after time.Duration, msg tea.Msg) tea.Cmd

	mu         sync.Mutex // guards ended and firstPanic
	ended      bool
	firstPanic string // with its stack
	running    sync.WaitGroup
}

// call returns a command that calls the host.
func (w *work) call(host func(ctx context.Context) tea.Msg) tea.Cmd {
	return func() tea.Msg {
		if !w.begin() {
			return nil
		}
		defer w.running.Done()
		return w.guarded(host)
	}
}

func (w *work) guarded(host func(ctx context.Context) tea.Msg) (msg tea.Msg) {
	defer func() {
		if w.caught(recover()) {
			msg = tea.QuitMsg{}
		}
	}()
	return host(w.ctx)
}

// panicked is the first panic and its stack; "" if there was none.
func (w *work) panicked() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.firstPanic
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
func (w *work) timer(after time.Duration, msg tea.Msg) tea.Cmd {
	return func() tea.Msg {
		t := time.NewTimer(after)
		defer t.Stop()
		select {
		case <-t.C:
			return msg
		case <-w.ctx.Done():
			return nil
		}
	}
}
