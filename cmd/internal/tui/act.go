package tui

import (
	tea "charm.land/bubbletea/v2"

	"sdev/cmd/internal/render"
	"sdev/dev"
)

// act is an action on the project.
func (m *model) act(c command) tea.Cmd {
	if m.busy() {
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
		about := "the bypass is on"
		switch {
		case mode.HasDoor():
			about = render.Door(mode) + " in front of the app"
		case mode.SignsIn():
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
