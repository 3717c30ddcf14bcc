package tui

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"

	"sdev/cmd/internal/render"
	"sdev/dev"
)

// tone is how good or bad an event is.
type tone int

// The tones.
const (
	neutral tone = iota
	good
	notable
	warning
	bad
)

func (t theme) inTone(n tone) lipgloss.Style {
	switch n {
	case good:
		return t.good
	case notable:
		return t.accent
	case warning:
		return t.warn
	case bad:
		return t.bad
	case neutral:
	}
	return t.dim
}

// describeEvent describes an event in one line, in the words of the plain view; it returns false for events that
// the dashboard does not list.
func describeEvent(before, now dev.Snapshot, e dev.Stamped) (eventLine, bool) {
	line := func(n tone, what, format string, args ...any) (eventLine, bool) {
		return eventLine{at: e.Time, tone: n, what: what, text: safe(fmt.Sprintf(format, args...))}, true
	}
	switch ev := e.Event.(type) {
	case dev.BuildDone:
		return line(good, "built", "%s in %s", ev.Service, render.Duration(ev.MS))
	case dev.ServiceState:
		return stateLine(line, ev)
	case dev.Ready:
		if ev.MS == 0 {
			return line(good, "ready", "%s", ev.URL)
		}
		return line(good, "ready", "%s after %s", ev.URL, render.Duration(ev.MS))
	case dev.FileChanged:
		if ev.Action == dev.Ignored || len(ev.Paths) == 0 {
			return eventLine{}, false
		}
		return line(neutral, "saved", "%s%s", pathsText(ev.Paths), savedText(ev, now.Sessions))
	case dev.AppReloaded:
		return line(good, "live", "%s in %s, %s", short(ev.Trigger), render.Duration(ev.MS), render.Count(ev.Sessions, "tab"))
	case dev.AppException:
		return line(bad, "raised", "%s: %s  %s", ev.Exception, ev.Message, place(ev.File, ev.Line))
	case dev.SessionOpened:
		return line(neutral, "tab", "opened, %d open", ev.Sessions)
	case dev.SessionClosed:
		return line(neutral, "tab", "closed, %d open", ev.Sessions)
	case dev.AuthLogin:
		return line(good, "login", "%s, %s", ev.User, ev.Reason)
	case dev.AuthDenied:
		first, then := render.Denied(ev)
		if then != "" {
			first += ", " + then
		}
		return line(warning, "denied", "%s", first)
	case dev.AuthLogout:
		return line(notable, "logout", "%s", ev.User)
	case dev.AuthFault:
		return line(warning, "fault", "%s at %s", ev.Fault, ev.Where)
	case dev.Warning:
		if ev.Code == dev.CodeAssumed {
			return line(neutral, "assumed", "%s", ev.Message)
		}
		return line(warning, "warning", "%s", ev.Message)
	case dev.Failed:
		return line(bad, "error", "%s", ev.Message)
	case dev.Stopped:
		return line(notable, "stopped", "%s", render.Stopped(ev))
	case dev.LogDropped:
		return line(warning, "dropped", "%s", render.Dropped(ev))
	case dev.PlanMade, dev.BuildStep, dev.LogLine:
	}
	return eventLine{}, false
}

// stateLine describes states that the user did not cause.
func stateLine(line func(tone, string, string, ...any) (eventLine, bool), ev dev.ServiceState) (eventLine, bool) {
	label, text := render.State(ev)
	switch {
	case render.Failed(ev):
		return line(bad, label, "%s", text)
	case label != "":
		return line(warning, label, "%s", text)
	case ev.State == dev.Running, ev.State == dev.Healthy:
		return line(neutral, string(ev.State), "%s", ev.Service)
	}
	return eventLine{}, false
}

// savedText is what a save leads to, as the end of a sentence.
func savedText(e dev.FileChanged, sessions int) string {
	if text := render.Outcome(e, sessions); text != "" {
		return ", " + text
	}
	return ""
}

func pathsText(paths []string) string {
	if len(paths) == 1 {
		return short(paths[0])
	}
	return fmt.Sprintf("%s and %d more", short(paths[0]), len(paths)-1)
}

// place is a file and line in the form that editors understand.
func place(file string, line int) string {
	if file == "" || line == 0 {
		return file
	}
	return file + ":" + strconv.Itoa(line)
}

// size formats bytes, coarsely, so that the text does not change all the time.
func size(bytes int64) string {
	const mega = 1 << 20
	switch {
	case bytes < 100*mega:
		return fmt.Sprintf("%d MB", (bytes+mega/2)/mega)
	case bytes < 1024*mega:
		return fmt.Sprintf("%d MB", (bytes+5*mega)/(10*mega)*10)
	}
	return fmt.Sprintf("%.1f GB", float64(bytes)/(1024*mega))
}

// grouped formats a number with thousands separators.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// short is the end of a path, which distinguishes files.
func short(file string) string {
	if dir, name := path.Split(file); strings.Count(file, "/") > 1 {
		return "…/" + path.Base(dir) + "/" + name
	}
	return file
}
