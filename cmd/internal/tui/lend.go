package tui

import (
	"io"

	tea "charm.land/bubbletea/v2"

	"sdev/cmd/internal/terminal"
)

// shell runs a shell in the app's container, in the terminal.
func (m *model) shell() tea.Cmd {
	p := m.opts.Host.Shell(m.work.ctx)
	name := safe(m.state.facts.App)
	return m.lend(func() error {
		if err := m.terminal.write("shell in " + name + "; exit, or ctrl-d, returns to the dashboard\r\n"); err != nil {
			return err
		}
		return p(m.opts.In, m.opts.Out, m.opts.Out)
	})
}

// suspend puts the program into the background, until the shell brings it back.
func (m *model) suspend() tea.Cmd {
	return m.lend(terminal.Suspend)
}

// lend lends the terminal to a program while it runs.
func (m *model) lend(run func() error) tea.Cmd {
	return tea.Exec(&lentTerminal{terminal: m.terminal, run: run}, func(err error) tea.Msg { return shellMsg{err} })
}

// lentTerminal is what Bubble Tea runs while it does not read keys.
type lentTerminal struct {
	terminal *screen
	run      func() error
}

func (*lentTerminal) SetStdin(io.Reader)  {}
func (*lentTerminal) SetStdout(io.Writer) {}
func (*lentTerminal) SetStderr(io.Writer) {}

func (l *lentTerminal) Run() error {
	if err := l.terminal.leave(); err != nil {
		return err
	}
	err := l.run()
	if eerr := l.terminal.enter(); err == nil {
		err = eerr
	}
	token(l.terminal.changed)
	return err
}
