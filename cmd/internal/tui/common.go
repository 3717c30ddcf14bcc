package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"sdev/dev"
)

// common is what the root shares with its panes: what they show, and how they act. It belongs to the goroutine of
// Bubble Tea's loop, except for work.
type common struct {
	opts     Options
	work     work    // commands that call the host
	terminal *screen // the terminal; nil in tests, which read View

	state   state
	overlay overlay // nil if the panes get the keys
	notice  notice
	dirty   bool // the screen must be redrawn
}

// notice is the result of the last action, shown until the next key.
type notice struct {
	tone tone
	text string
}

func (c *common) notify(n tone, text string) {
	c.notice = notice{n, text}
	c.dirty = true
}

func (c *common) complain(err error) {
	if err != nil {
		c.notify(bad, err.Error())
	}
}

// busy reports whether an action is under way, and says so: there is one at a time.
func (c *common) busy() bool {
	if c.state.doing == "" {
		return false
	}
	c.notify(warning, "busy: "+c.state.doing)
	return true
}

// start calls the host for an action, and shows what is under way until done.
func (c *common) start(doing string, call func(ctx context.Context) tea.Msg) tea.Cmd {
	c.state.doing = doing
	return c.work.call(call)
}

// run makes the host carry out an action.
func (c *common) run(r request) tea.Cmd {
	return c.start(r.doing, func(ctx context.Context) tea.Msg {
		result, err := c.opts.Host.Do(ctx, r.action)
		return doneMsg{r.doing, result, err}
	})
}

// done shows the result of an action.
func (c *common) done(msg doneMsg) {
	c.state.doing = ""
	if msg.err != nil {
		e := dev.AsError(msg.err)
		text := safeLines(e.Error())[0]
		if e.Hint != "" {
			text += " (" + safe(e.Hint) + ")"
		}
		c.notify(bad, text)
		return
	}
	c.notify(good, safe(msg.result))
}

// copy hands text to the terminal's clipboard, by OSC 52.
func (c *common) copy(text string) tea.Cmd {
	if c.terminal == nil {
		return nil
	}
	return c.work.call(func(context.Context) tea.Msg {
		_ = c.terminal.write(ansi.SetSystemClipboard(text)) // terminal.HungUp reports a closed terminal
		return nil
	})
}
