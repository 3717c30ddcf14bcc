package tui

import (
	"slices"
	"time"

	"sdev/dev"
	"sdev/dev/reruns"
)

// state is what all panes show. The root applies events and facts to it; common notes the action under way.
type state struct {
	snap  dev.Snapshot
	facts Facts
	use   map[string]Usage

	reloads     []reload // newest last
	feed        []eventLine
	builds      builds
	reruns      reruns.Log
	excerpt     []SourceLine // around the place of the exception
	starting    bool         // operations are under way
	building    bool
	lost        string     // why the event stream has ended; "" while it goes on
	engineError dev.Failed // the error of an engine that does not answer; else zero
	doing       string     // the current action, as text
	problem     dev.Warning
	factsKnown  bool // facts have been found
}

// reload is a save that became live.
type reload struct {
	at time.Time
	dev.AppReloaded
}

// eventLine is one event in the list of events.
type eventLine struct {
	at   time.Time
	tone tone
	what string // "saved", "live", …
	text string
}

// How many events are kept.
const (
	keptReloads = 200
	keptFeed    = 200
)

// phase is the project's state in one word.
type phase string

// The phases.
const (
	phaseLooking  phase = "looking"
	phaseIdle     phase = "not running"
	phaseBuilding phase = "building"
	phaseStarting phase = "starting"
	phaseRunning  phase = "running"
	phaseRaised   phase = "exception"
	phaseEnded    phase = "app ended"
	phaseFailed   phase = "failed"
	phaseLost     phase = "engine lost"
)

func (s *state) phase() phase {
	app := s.service(s.facts.App)
	switch {
	case s.lost != "", s.engineError.Code != "":
		return phaseLost
	case s.building:
		return phaseBuilding
	case s.snap.Error.Code != "":
		return phaseFailed
	case s.starting:
		return phaseStarting
	case s.snap.URL == "" && !s.factsKnown && len(s.snap.Services) == 0:
		return phaseLooking
	case s.snap.URL == "" || s.snap.Stopped:
		return phaseIdle
	case app.State == dev.Exited:
		return phaseEnded
	case s.snap.Exception.Exception != "":
		return phaseRaised
	}
	return phaseRunning
}

// runs reports whether the app runs.
func (s *state) runs() bool {
	return s.snap.URL != "" && !s.snap.Stopped && s.lost == "" && s.engineError.Code == ""
}

// useful reports whether a command has an effect now; footer and palette leave out the others.
func (s *state) useful(c command) bool {
	switch c {
	case cmdOpen, cmdRestart, cmdRebuild, cmdShell, cmdSwitch, cmdDown:
		return s.runs()
	case cmdStart:
		return !s.starting && !s.building && (!s.runs() || !s.facts.Supervised)
	case cmdSignIn, cmdOpenAs, cmdAsk, cmdFault, cmdClearFaults, cmdClockOn, cmdClockBack, cmdRotate:
		return s.runs() && s.snap.Mode.SignsIn()
	default:
		return true
	}
}

// service combines a service's state from events with its facts.
func (s *state) service(name string) Service {
	var out Service
	if i := slices.IndexFunc(s.facts.Services, func(v Service) bool { return v.Name == name }); i >= 0 {
		out = s.facts.Services[i]
	}
	out.Name = name
	for _, v := range s.snap.Services {
		if v.Name != name {
			continue
		}
		switch v.State {
		case dev.Healthy, dev.Unhealthy:
			out.State, out.Health = dev.Running, string(v.State)
		default:
			out.State = v.State
		}
	}
	return out
}

// services are all of them: the app first, the gateway last, others by name.
func (s *state) services() []Service {
	var names []string
	for _, v := range s.snap.Services {
		names = append(names, v.Name)
	}
	for _, v := range s.facts.Services {
		if !slices.Contains(names, v.Name) && !s.snap.Stopped {
			names = append(names, v.Name)
		}
	}
	order := func(name string) int {
		switch name {
		case s.facts.App:
			return 0
		case s.facts.Gateway:
			return 2
		}
		return 1
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := order(a) - order(b); d != 0 {
			return d
		}
		if a < b {
			return -1
		}
		return 1
	})
	out := make([]Service, len(names))
	for i, n := range names {
		out[i] = s.service(n)
	}
	return out
}

// apply applies an event.
func (s *state) apply(e dev.Stamped) {
	before := s.snap
	s.snap = dev.Apply(s.snap, e)
	s.builds.apply(e)
	s.reruns.Add(e.Time, e.Event)
	switch ev := e.Event.(type) {
	case dev.PlanMade:
		s.starting = s.starting || len(ev.Operations) > 0
	case dev.BuildStep:
		s.building = true
	case dev.BuildDone:
		s.building = false
	case dev.Ready:
		s.building, s.starting, s.problem = false, false, dev.Warning{}
	case dev.Failed:
		s.building, s.starting = false, false
		if unreachable(ev.Code) {
			s.engineError, s.snap.Error = ev, dev.Failed{}
		}
	case dev.Stopped:
		s.building, s.starting = false, false
	case dev.Warning:
		if !quiet(ev.Code) {
			s.problem = ev
			s.building, s.starting = false, false
		}
	case dev.AppReloaded:
		s.reloads = keep(append(s.reloads, reload{e.Time, ev}), keptReloads)
	}
	line, ok := describeEvent(before, s.snap, e)
	if !ok {
		return
	}
	if n := len(s.feed) - 1; n >= 0 && line.what == "live" && s.feed[n].what == "saved" {
		s.feed[n] = line // two lines for each save would be one too many
		return
	}
	s.feed = keep(append(s.feed, line), keptFeed)
}

// unreachable reports whether a code means that the engine does not answer. It may come back.
func unreachable(c dev.Code) bool {
	return c == dev.CodeEngineUnreachable || c == dev.CodeEnginePermission
}

// quiet reports whether a warning is not about the current state.
func quiet(c dev.Code) bool {
	switch c {
	case dev.CodeBuildFailed, dev.CodeImageMissing, dev.CodeComposeSyntax, dev.CodeComposeInvalid, dev.CodeXSdev, dev.CodeAppExited, dev.CodeAppNotReady, dev.CodeEngine:
		return false
	default:
		return true
	}
}

func keep[T any](list []T, n int) []T {
	if len(list) > n {
		return slices.Clone(list[len(list)-n:])
	}
	return list
}
