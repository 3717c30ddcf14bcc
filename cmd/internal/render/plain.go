package render

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"sdev/dev"
)

// Options are the settings of the plain view.
type Options struct {
	Color   bool
	Width   int  // columns; 0 means that lines are never cut
	Wrap    bool // break what does not fit between words
	Quiet   bool // only warnings, errors and results
	Verbose bool // also plans and states
	Cut     bool // earlier events are missing, so how many tabs are open is unknown until an event says it
	Several bool // several services print lines, so each line has its service's name
}

// NewPlain prints lines for people.
func NewPlain(w io.Writer, o Options) Printer {
	return &plain{w: w, Options: o, style: newStyles(o.Color), several: o.Several}
}

type plain struct {
	w io.Writer
	Options
	style styles
	now   dev.Snapshot

	counted bool   // an event has said how many tabs are open
	only    string // the service of the first line
	several bool   // other services had lines too
}

type styles struct{ good, bad, warn, dim, name, strong lipgloss.Style }

func newStyles(color bool) styles {
	s := styles{}
	if color {
		s.good = lipgloss.NewStyle().Foreground(lipgloss.Green)
		s.bad = lipgloss.NewStyle().Foreground(lipgloss.Red)
		s.warn = lipgloss.NewStyle().Foreground(lipgloss.Yellow)
		s.dim = lipgloss.NewStyle().Faint(true)
		s.name = lipgloss.NewStyle().Foreground(lipgloss.Cyan)
		s.strong = lipgloss.NewStyle().Bold(true)
	}
	return s
}

// Print prints an event as one or a few lines, or not at all if it is not for people. It cleans foreign text in the
// event once, for everything below.
func (p *plain) Print(s dev.Stamped) error {
	s.Event = dev.SanitizeFields(s.Event)
	p.now = dev.Apply(p.now, s)
	text := p.text(s.Event)
	if text == "" {
		return nil
	}
	_, err := io.WriteString(p.w, text+"\n")
	return err
}

// labelWidth is the width of the column of labels on the left.
const labelWidth = 8

func (p *plain) line(label lipgloss.Style, name, text string) string {
	return label.Render(fmt.Sprintf("%-*s", labelWidth, name)) + " " + text
}

func (p *plain) text(e dev.Event) string {
	if p.Quiet {
		switch e.(type) {
		case dev.Ready, dev.AppException, dev.Warning, dev.Failed:
		default:
			return ""
		}
	}
	switch e := e.(type) {
	case dev.PlanMade:
		return p.plan(e)
	case dev.BuildStep:
		return p.buildStep(e)
	case dev.BuildDone:
		return p.line(p.style.good, "built", e.Image+p.style.dim.Render("  "+Duration(e.MS)))
	case dev.ServiceState:
		return p.state(e)
	case dev.Ready:
		return p.ready(e)
	case dev.FileChanged:
		return p.line(p.style.name, "saved", pathsText(e.Paths)+p.style.dim.Render(p.outcome(e)))
	case dev.AppReloaded:
		return p.line(p.style.good, "live", fmt.Sprintf("%s in %s, %s%s", e.Trigger, Duration(e.MS), Count(e.Sessions, "tab"), p.style.dim.Render(howText(e.How))))
	case dev.AppException:
		return p.exception(e)
	case dev.SessionOpened:
		return p.sessions("opened", e.Sessions, e.User)
	case dev.SessionClosed:
		return p.sessions("closed", e.Sessions, e.User)
	case dev.AuthLogin:
		return p.line(p.style.good, "login", p.auth(e.User, e.Client, e.Reason))
	case dev.AuthDenied:
		first, then := Denied(e)
		return p.line(p.style.warn, "denied", p.auth(first, e.Client, then))
	case dev.AuthLogout:
		return p.line(p.style.name, "logout", p.auth(e.User, e.Client, e.Reason))
	case dev.AuthFault:
		return p.line(p.style.warn, "fault", p.auth(e.Fault+" at "+e.Where, e.Client, leftText(e.Left)))
	case dev.LogLine:
		return p.logLine(e)
	case dev.LogDropped:
		return p.line(p.style.warn, "dropped", Dropped(e))
	case dev.Warning:
		if e.Code == dev.CodeAssumed {
			return p.problem(p.style.name, "assumed", e.Message, e.Hint)
		}
		return p.problem(p.style.warn, "warning", e.Message, e.Hint)
	case dev.Failed:
		return p.problem(p.style.bad, "error", e.Message, e.Hint)
	case dev.Stopped:
		return p.line(p.style.strong, "stopped", Stopped(e))
	}
	return ""
}

func (p *plain) plan(e dev.PlanMade) string {
	if len(e.Operations) == 0 {
		if p.Verbose {
			return p.line(p.style.dim, "plan", "nothing to do")
		}
		return ""
	}
	var lines []string
	for _, op := range e.Operations {
		if !p.Verbose && !slices.Contains(shownVerbs(), op.Verb) {
			continue
		}
		lines = append(lines, p.line(p.style.dim, op.Verb, op.Object+p.style.dim.Render("  "+op.Reason)))
	}
	return strings.Join(lines, "\n")
}

// shownVerbs are operations that take time or remove something; states show what is created and started.
func shownVerbs() []string { return []string{"build", "pull", "remove", "restart", "wait"} }

// auth formats who did something at the provider, for which client, and why.
func (p *plain) auth(who, client, reason string) string {
	return who + p.style.dim.Render("  "+strings.Join(slices.DeleteFunc([]string{client, reason}, func(s string) bool { return s == "" }), ", "))
}

func leftText(left int) string {
	switch left {
	case dev.UntilCleared:
		return "until it is cleared"
	case 0:
		return "for the last time"
	}
	return Count(left, "time") + " left"
}

// logLine omits the service's name while only one service can print: the app beside the gateway, or the requested
// one.
func (p *plain) logLine(e dev.LogLine) string {
	if p.only == "" {
		p.only = e.Service
	}
	if p.only != e.Service || len(p.now.Services) > 2 { // the gateway and the app are two
		p.several = true
	}
	name := ""
	if p.several {
		name = e.Service
	}
	return p.style.dim.Render(fmt.Sprintf("%-*s │", labelWidth-1, name)) + " " + e.Text
}

// slowStep is the duration from which the end of a step gets a line too.
const slowStep = 1000

func (p *plain) buildStep(e dev.BuildStep) string {
	began := e.MS == 0 && !e.Cached
	if !p.Verbose && (e.Cached || !began && e.MS < slowStep || strings.Contains(e.Text, "FROM ")) {
		return ""
	}
	place := ""
	if e.Step > 0 {
		place = fmt.Sprintf("%d/%d ", e.Step, e.Total)
	}
	end := ""
	switch {
	case e.Cached:
		end = "cached"
	case e.MS > 0:
		end = Duration(e.MS)
	}
	text := place + oneLine(e.Text)
	if p.Width > 0 {
		text = ansi.Truncate(text, max(10, p.Width-labelWidth-len(end)-4), "…")
	}
	if end != "" {
		text += p.style.dim.Render("  " + end)
	}
	return p.line(p.style.dim, "build", text)
}

func (p *plain) state(e dev.ServiceState) string {
	label, text := State(e)
	switch {
	case Failed(e):
		return p.line(p.style.bad, label, text)
	case label != "":
		return p.line(p.style.warn, label, text)
	case p.Verbose:
		return p.line(p.style.dim, string(e.State), e.Service)
	}
	return ""
}

func (p *plain) ready(e dev.Ready) string {
	mode := Mode(e.Mode)
	how := p.style.warn.Render(mode)
	if e.Issuer != "" {
		how = "login " + mode + " at " + e.Issuer
	}
	return p.line(p.style.good, "ready", p.style.strong.Render(e.URL)+"  "+how+p.style.dim.Render("  "+Duration(e.MS)))
}

// outcome is what a save leads to, as the end of a line.
func (p *plain) outcome(e dev.FileChanged) string {
	sessions := p.now.Sessions
	if p.Cut && !p.counted {
		sessions = unknownSessions
	}
	if text := Outcome(e, sessions); text != "" {
		return "  " + text
	}
	return ""
}

func (p *plain) exception(e dev.AppException) string {
	where := ""
	if e.File != "" {
		where = "  " + e.File
		if e.Line > 0 {
			where += ":" + strconv.Itoa(e.Line)
		}
	}
	if e.Page != "" {
		where += "  page " + e.Page
	}
	message := oneLine(e.Message)
	if message != "" {
		message = ": " + message
	}
	return p.line(p.style.bad, "raised", p.style.strong.Render(e.Exception)+message+p.style.dim.Render(where))
}

func (p *plain) sessions(verb string, now int, user string) string {
	p.counted = true
	if user != "" {
		user = "  " + user
	}
	return p.line(p.style.dim, "tab", p.style.dim.Render(fmt.Sprintf("%s, %d open%s", verb, now, user)))
}

func (p *plain) problem(label lipgloss.Style, name, message, hint string) string {
	if p.Wrap {
		message, hint = Wrap(message, p.Width, labelWidth+1), Wrap(hint, p.Width, labelWidth+1)
	}
	text := p.line(label, name, message)
	if hint != "" {
		text += "\n" + p.line(p.style.dim, "hint", hint)
	}
	return text
}

// Wrap breaks text that begins in a column of a terminal between words, and indents further lines to the same
// column. Lines that begin with a space are output of other programs and stay.
func Wrap(text string, width, column int) string {
	const least = 20 // minimal number of columns for text
	if width-column < least {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, " ") {
			lines[i] = strings.ReplaceAll(ansi.Wordwrap(line, width-column, ""), "\n", "\n"+strings.Repeat(" ", column))
		}
	}
	return strings.Join(lines, "\n")
}

func pathsText(paths []string) string {
	switch len(paths) {
	case 0:
		return ""
	case 1:
		return paths[0]
	}
	return fmt.Sprintf("%s and %d more", paths[0], len(paths)-1)
}

func howText(how dev.ReloadMethod) string {
	if !how.Replaces() {
		return ""
	}
	return "  after a " + string(how)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
