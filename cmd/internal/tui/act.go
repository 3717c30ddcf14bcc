package tui

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	tea "charm.land/bubbletea/v2"

	"sdev/dev"
)

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
	case cmdOverview, cmdLogs, cmdBuild, cmdAuth, cmdDeploy:
		return m.show(map[command]scope{cmdOverview: inOverview, cmdLogs: inLogs, cmdBuild: inBuild, cmdAuth: inAuth, cmdDeploy: inDeploy}[c])
	case cmdNextPane, cmdPreviousPane:
		step := map[command]int{cmdNextPane: 1, cmdPreviousPane: len(m.panes) - 1}[c]
		return m.show(m.panes[(m.visible+step)%len(m.panes)].name())
	case cmdSuspend:
		return m.suspend()
	case cmdMouse:
		m.mouse = !m.mouse
	case cmdStart, cmdOpen, cmdRestart, cmdRebuild, cmdShell, cmdSwitch, cmdDown, cmdDownVolumes:
		return m.act(c)
	default:
		return m.current().do(c)
	}
	return nil
}

// leave ends the dashboard. The key and the options decide whether the project keeps running.
func (m *model) leave(c command) tea.Cmd {
	m.exit.Stop = m.opts.Owned && (c == cmdStop || m.opts.StopOnQuit || !m.state.runs())
	return tea.Quit
}

// act is an action on the project.
func (m *model) act(c command) tea.Cmd {
	if m.state.doing != "" {
		m.notify(warning, "busy: "+m.state.doing)
		return nil
	}
	if m.state.engineError.Code != "" && c != cmdStart {
		m.notify(warning, "not now: the container engine does not answer")
		return nil
	}
	if c != cmdStart && c != cmdDown && c != cmdDownVolumes && !m.state.runs() {
		m.notify(warning, "the project is not running; "+keyOf(everywhere, cmdStart)+" starts it")
		return nil
	}
	switch c {
	case cmdStart:
		if m.state.runs() && m.state.facts.Supervised {
			m.notify(neutral, "the project is already running and supervised")
			return nil
		}
		m.state.lost, m.state.snap.Error, m.state.problem = "", dev.Failed{}, dev.Warning{}
		return m.run(request{"starting", Action{Do: Start}})
	case cmdOpen:
		return m.run(request{"opening the browser", Action{Do: Open}})
	case cmdRestart:
		return m.run(request{"restarting", Action{Do: Restart}})
	case cmdRebuild:
		return m.run(request{"rebuilding", Action{Do: Rebuild}})
	case cmdShell:
		return m.shell()
	case cmdSwitch:
		return m.switchMode()
	case cmdDown:
		m.overlay = &question{"Stop and remove the containers of " + safe(m.state.facts.Project) + "?", "Its volumes stay.", "stop", request{"stopping", Action{Do: Down}}}
	case cmdDownVolumes:
		m.overlay = &question{"Stop " + safe(m.state.facts.Project) + " and remove its volumes?", "All data in them is lost.", "remove all", request{"stopping", Action{Do: DownVolumes}}}
	default: // not an action on the project
	}
	return nil
}

// switchMode switches to the other login mode, or asks which one.
func (m *model) switchMode() tea.Cmd {
	var others []dev.Mode
	for _, mode := range m.state.facts.Modes {
		if mode != m.state.snap.Mode {
			others = append(others, mode)
		}
	}
	if len(others) == 0 {
		m.notify(neutral, "this app has no login")
		return nil
	}
	list := make([]choice, 0, len(others))
	for _, mode := range others {
		about := "the login is bypassed"
		if mode.SignsIn() {
			about = "people sign in at the local provider"
		}
		list = append(list, choice{string(mode), about, request{"switching to " + string(mode), Action{Do: Switch, Mode: mode}}})
	}
	if len(list) == 1 {
		return m.answered(list[0].chosen)
	}
	m.overlay = newMenu("Which login mode?", list)
	return nil
}

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
	return m.lend(func() error {
		back := make(chan os.Signal, 1)
		signal.Notify(back, syscall.SIGCONT)
		defer signal.Stop(back)
		if err := syscall.Kill(0, syscall.SIGTSTP); err != nil {
			return err
		}
		<-back
		return nil
	})
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
			return m.show(p.name())
		}
		x += n + 1
	}
	return nil
}
