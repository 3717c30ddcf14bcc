package tui

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

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
		closed, then := m.overlay.press(key)
		if closed {
			m.overlay = nil
		}
		if then != nil {
			return then(m)
		}
		return nil
	}
	c, ok := find(m.pane, key.String())
	if !ok {
		return nil
	}
	return m.do(c)
}

// do carries out a command.
func (m *model) do(c command) tea.Cmd {
	m.dirty = true
	switch c {
	case cmdLeave, cmdStop:
		return m.leave(c)
	case cmdHelp:
		m.overlay = newHelp(m.pane)
	case cmdPalette:
		m.overlay = newPalette(m)
	case cmdOverview, cmdLogs, cmdBuild, cmdAuth, cmdDeploy:
		return m.show(map[command]scope{cmdOverview: inOverview, cmdLogs: inLogs, cmdBuild: inBuild, cmdAuth: inAuth, cmdDeploy: inDeploy}[c])
	case cmdNextPane, cmdPreviousPane:
		step := map[command]int{cmdNextPane: 1, cmdPreviousPane: len(panes()) - 1}[c]
		return m.show(panes()[(slices.Index(panes(), m.pane)+step)%len(panes())])
	case cmdSuspend:
		return m.suspend()
	case cmdMouse:
		m.mouse = !m.mouse
	case cmdStart, cmdOpen, cmdRestart, cmdRebuild, cmdShell, cmdSwitch, cmdDown, cmdDownVolumes:
		return m.act(c)
	default:
		return m.inPane(c)
	}
	return nil
}

func (m *model) show(p scope) tea.Cmd {
	m.pane = p
	if p == inDeploy && !m.deploy.asked {
		return tea.Batch(m.measure(), m.refreshTargets())
	}
	return m.measure()
}

// leave ends the dashboard. The key and the options decide whether the project keeps running.
func (m *model) leave(c command) tea.Cmd {
	m.exit.Stop = m.opts.Owned && (c == cmdStop || m.opts.StopOnQuit || !m.state.runs())
	return tea.Quit
}

// inPane passes a command to the visible pane.
func (m *model) inPane(c command) tea.Cmd {
	switch m.pane {
	case inLogs:
		return m.inLogs(c)
	case inBuild:
		m.build.do(c)
	case inAuth:
		return m.inAuth(c)
	case inDeploy:
		return m.inDeploy(c)
	case inOverview, everywhere:
		m.overview.do(c)
	}
	return nil
}

func (m *model) complain(err error) {
	if err != nil {
		m.notify(bad, err.Error())
	}
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
		return m.run("starting", Action{Do: Start})
	case cmdOpen:
		return m.run("opening the browser", Action{Do: Open})
	case cmdRestart:
		return m.run("restarting", Action{Do: Restart})
	case cmdRebuild:
		return m.run("rebuilding", Action{Do: Rebuild})
	case cmdShell:
		return m.shell()
	case cmdSwitch:
		return m.switchMode()
	case cmdDown:
		m.overlay = newQuestion("Stop and remove the containers of "+safe(m.state.facts.Project)+"?", "Its volumes stay.", "stop", func(m *model) tea.Cmd {
			return m.run("stopping", Action{Do: Down})
		})
	case cmdDownVolumes:
		m.overlay = newQuestion("Stop "+safe(m.state.facts.Project)+" and remove its volumes?", "All data in them is lost.", "remove all", func(m *model) tea.Cmd {
			return m.run("stopping", Action{Do: DownVolumes})
		})
	default: // not an action on the project
	}
	return nil
}

// run makes the host carry out an action, and shows it meanwhile.
func (m *model) run(doing string, a Action) tea.Cmd {
	m.state.doing = doing
	return m.callHost(func() tea.Msg {
		result, err := m.host.Do(m.ctx, a)
		return doneMsg{doing, result, err}
	})
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
		list = append(list, choice{string(mode), about, func(m *model) tea.Cmd {
			return m.run("switching to "+string(mode), Action{Do: Switch, Mode: mode})
		}})
	}
	if len(list) == 1 {
		return list[0].then(m)
	}
	m.overlay = newMenu("Which login mode?", list)
	return nil
}

// copy hands text to the terminal's clipboard, by OSC 52.
func (m *model) copy(text string) tea.Cmd {
	if m.terminal == nil {
		return nil
	}
	return m.callHost(func() tea.Msg {
		_ = m.terminal.write(ansi.SetSystemClipboard(text)) // hungUp reports a closed terminal
		return nil
	})
}

// shell runs a shell in the app's container, in the terminal.
func (m *model) shell() tea.Cmd {
	p := m.host.Shell(m.ctx)
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
		m.inPane(c)
	}
}

// click chooses a pane.
func (m *model) click(msg tea.MouseClickMsg) tea.Cmd {
	m.dirty = true
	if msg.Y != 1 || m.layout.tiny || m.overlay != nil {
		return nil
	}
	x := 1
	for i, p := range panes() {
		n := len(fmt.Sprintf(" %d %s ", i+1, p))
		if msg.X >= x && msg.X < x+n {
			return m.show(p)
		}
		x += n + 1
	}
	return nil
}

// clockStep is how far a key moves the provider's clock.
const clockStep = time.Hour
