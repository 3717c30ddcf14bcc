package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"sdev/cmd/internal/render"
	"sdev/dev"
	"sdev/dev/pattern"
)

// overview is the pane with the general state: the page, the last save, what the app raised, what
// runs.
type overview struct {
	scroll
	*common
}

func (*overview) name() scope { return inOverview }

func (o *overview) do(c command) tea.Cmd {
	o.move(c)
	return nil
}

func (*overview) update(tea.Msg) (bool, tea.Cmd) { return false, nil }

func (o *overview) view(t theme) string {
	s, l := &o.state, o.layout
	if s.phase() == phaseLooking {
		return o.show(t, []string{"", "  " + t.dim.Render("reading the state of the project …")})
	}
	if s.phase() == phaseIdle && len(s.services()) == 0 {
		return o.show(t, o.idle(t, s))
	}
	sh := sheet{theme: t, state: s}
	if !l.wide {
		sh.width = l.width
		return o.show(t, slices.Concat(sh.problem(), sh.page(), sh.exception(), sh.lastSave(), sh.services(), sh.tabs(), sh.environment()))
	}
	sh.width = l.left
	left := slices.Concat(sh.problem(), sh.page(), sh.exception(), sh.lastSave(), sh.services())
	sh.width = l.right
	right := slices.Concat([]string{""}, sh.tabs(), sh.environment(), sh.recentEvents(l.body))
	return o.show(t, l.beside(left, right))
}

// idle is the screen of a project that is not running.
func (o *overview) idle(t theme, s *state) []string {
	rows := []string{"", "  " + t.strong.Render(cmp.Or(safe(s.facts.Project), "this project")) + " is not running", "  " + t.dim.Render(safe(s.facts.Dir)), ""}
	rows = append(rows, "  "+t.key.Render(keyOf(everywhere, cmdStart))+"  start it with the bypass on", "  "+t.key.Render(keyOf(everywhere, cmdPalette))+"  everything else")
	return rows
}

// page is the app's address, which users look for first.
func (s sheet) page() []string {
	st := s.state
	if !st.runs() {
		text := s.dim.Render("the app is not ready yet")
		switch st.phase() {
		case phaseLost:
			text = s.dim.Render("the state below is from the engine's last answer")
		case phaseIdle:
			text = s.dim.Render("nothing runs: ") + s.key.Render(keyOf(everywhere, cmdStart)) + s.dim.Render(" starts it")
		case phaseFailed:
			text = s.key.Render(keyOf(everywhere, cmdStart)) + s.dim.Render(" tries again")
		default: // it is starting
		}
		return []string{"", s.row(text), ""}
	}
	url := s.strong.Underline(true).Render(st.snap.URL)
	tabs := render.Count(st.snap.Sessions, "tab") + " open"
	if st.snap.Sessions == 0 {
		tabs = "no tab open"
	}
	rows := []string{"", s.row(url + "  " + s.dim.Render(tabs))}
	if st.snap.Issuer != "" {
		rows = append(rows, s.row(s.dim.Render("people sign in at ")+st.snap.Issuer))
	}
	if st.phase() == phaseEnded {
		how := "; "
		if st.facts.Supervised {
			how = "; a save or "
		}
		rows = append(rows, s.row(s.bad.Render(s.ended())+s.dim.Render(how)+s.key.Render(keyOf(everywhere, cmdRestart))+s.dim.Render(" starts it again")))
	}
	if st.facts.Running && !st.facts.Supervised {
		rows = append(rows, s.row(s.warn.Render("no sdev supervises the app, so rebuilds wait: ")+s.key.Render(keyOf(everywhere, cmdStart))+s.dim.Render(" supervises it")))
	}
	return append(rows, "")
}

// ended says how the app ended.
func (s sheet) ended() string {
	app := safe(s.state.facts.App)
	for _, v := range s.state.snap.Services {
		if v.Name == s.state.facts.App {
			return fmt.Sprintf("%s ended with exit code %d", app, v.ExitCode)
		}
	}
	return app + " has ended"
}

// problem is an error of the project itself.
func (s sheet) problem() []string {
	st := s.state
	message, hint := "", ""
	switch {
	case st.lost != "":
		message, hint = st.lost, "press "+keyOf(everywhere, cmdStart)+" to try again"
	case st.engineError.Code != "":
		message, hint = st.engineError.Message, st.engineError.Hint+"; the dashboard continues once it answers"
	case st.snap.Error.Code != "":
		f := st.snap.Error
		message, hint = (&dev.Error{Message: f.Message, File: f.File, Line: f.Line}).Error(), f.Hint
	case st.problem.Code != "":
		message, hint = st.problem.Message, st.problem.Hint
	default:
		return nil
	}
	const most = 9
	rows := []string{""}
	for i, l := range safeLines(message) {
		rows = append(rows, s.problemLine(l, i == 0)...)
	}
	if len(rows) > most {
		rows = append(rows[:most], s.row(s.dim.Render("  … the log has the rest")))
	}
	if hint != "" {
		for _, l := range wrap("hint: "+safe(hint), max(10, s.width-5)) {
			rows = append(rows, s.row(s.warn.Render("  "+l)))
		}
	}
	return rows
}

// exception is the exception that a page shows.
func (s sheet) exception() []string {
	e := s.state.snap.Exception
	if e.Exception == "" {
		return nil
	}
	where := place(safe(e.File), e.Line)
	if e.Page != "" {
		where += "  page " + safe(e.Page)
	}
	title := "  " + s.bad.Bold(true).Render("EXCEPTION") + " "
	rows := []string{title + s.bad.Render(strings.Repeat("─", max(0, s.width-ansi.StringWidth(title)-1)))}
	message := safeLines(e.Message)[0]
	rows = append(rows, s.row(s.bad.Bold(true).Render(safe(e.Exception))+" "+message), s.row(s.dim.Render(where)))
	for _, l := range s.state.excerpt {
		number := fmt.Sprintf("%5d ", l.Number)
		if l.Number == e.Line {
			rows = append(rows, s.row(s.bad.Render("›"+number[1:]+"│ ")+s.strong.Render(safeCode(l.Text))))
			continue
		}
		rows = append(rows, s.row(s.faint.Render(number+"│ ")+s.dim.Render(safeCode(l.Text))))
	}
	return append(rows, "")
}

// safeCode keeps the indentation.
func safeCode(text string) string { return dev.Sanitize(strings.TrimRight(text, " \t\r\n")) }

// lastSave shows the last save that became live, and the times of earlier ones.
func (s sheet) lastSave() []string {
	st := s.state
	note := ""
	if n := len(st.reloads); n > 1 {
		note = fmt.Sprintf("median %s of %d", render.Duration(median(st.reloads)), n)
	}
	rows := []string{s.heading("LAST SAVE", note)}
	if len(st.reloads) == 0 {
		return append(rows, s.row(s.dim.Render(cmp.Or(s.firstSave(), "nothing saved yet"))), "")
	}
	last := st.reloads[len(st.reloads)-1]
	head, file := "live in "+render.Duration(last.MS), safe(last.Trigger)
	after := render.Count(last.Sessions, "tab") + "  " + last.at.Format(time.TimeOnly)
	if last.How.Replaces() {
		after = "after a " + string(last.How) + ", " + after
	}
	if ansi.StringWidth(head+file+after) > s.width-8 {
		file = short(file)
	}
	rows = append(rows, "  "+spread(s.good.Bold(true).Render(head)+"  "+file+" ", s.dim.Render(after), max(0, s.width-3)))
	if spark := s.sparkline(max(0, s.width-5)); spark != "" {
		rows = append(rows, s.row(spark))
	}
	return append(rows, "")
}

// firstSave describes a save that no tab has shown.
func (s sheet) firstSave() string {
	f := s.state.snap.LastFile
	if len(f.Paths) == 0 {
		return ""
	}
	return pathsText(f.Paths) + " saved" + savedText(f, s.state.snap.Sessions)
}

// sparkline shows the times of recent saves, newest to the right. Its scale is fixed: a full bar is one second.
func (s sheet) sparkline(width int) string {
	const bars = "▁▂▃▄▅▆▇█"
	list := s.state.reloads
	if len(list) < 2 {
		return ""
	}
	list = list[max(0, len(list)-min(width, 60)):]
	var b strings.Builder
	for _, r := range list {
		// Steps that double, from 16 ms: what is usual is low, what is slow stands out.
		n := 0
		for limit := int64(16); n < 7 && r.MS > limit; limit *= 2 {
			n++
		}
		style := s.good
		if r.MS > 1000 {
			style = s.warn
		}
		b.WriteString(style.Render(string([]rune(bars)[n])))
	}
	return b.String()
}

func median(list []reload) int64 {
	ms := make([]int64, len(list))
	for i, r := range list {
		ms[i] = r.MS
	}
	slices.Sort(ms)
	return ms[len(ms)/2]
}

// services lists the services.
func (s sheet) services() []string {
	list := s.state.services()
	rows := []string{s.heading("SERVICES", "")}
	if len(list) == 0 {
		return append(rows, s.row(s.dim.Render("none yet")), "")
	}
	name := 0
	for _, v := range list {
		name = max(name, ansi.StringWidth(v.Name))
	}
	name = min(name, max(10, s.width/2-6))
	for _, v := range list {
		rows = append(rows, s.service(v, name))
	}
	return append(rows, "")
}

func (s sheet) service(v Service, name int) string {
	dot, word := s.good.Render("●"), string(v.State)
	switch {
	case v.State == dev.Exited:
		dot, word = s.bad.Render("✗"), "exited"
	case v.Health == "unhealthy":
		dot, word = s.warn.Render("◐"), "unhealthy"
	case v.Health == "starting", v.State == dev.Creating, v.State == dev.Starting:
		dot, word = s.warn.Render("◌"), cmp.Or(map[bool]string{true: "checking"}[v.Health == "starting"], word)
	case v.Health == "healthy":
		word = "healthy"
	case v.State == "":
		dot, word = s.dim.Render("○"), "unknown"
	}
	label := fit(safe(v.Name), name)
	switch v.Name {
	case s.state.facts.App:
		label = s.strong.Render(label)
	case s.state.facts.Gateway:
		label = s.dim.Render(label)
	}
	text := dot + " " + label + "  " + fit(word, 9)
	use := ""
	if u, ok := s.state.use[v.Name]; ok && v.State != dev.Exited {
		use = fmt.Sprintf("%5s %8s", percent(u.CPU), size(u.Memory))
	}
	return "  " + spread(text, s.dim.Render(use), max(0, s.width-3))
}

// percent has no decimals, so that the number does not change all the time.
func percent(v float64) string {
	if v < 2 {
		return "idle"
	}
	return strconv.Itoa(int(v+0.5)) + " %"
}

// tabs lists the open browser tabs.
func (s sheet) tabs() []string {
	list := s.state.facts.Tabs
	if len(list) == 0 || !s.state.runs() {
		return nil
	}
	rows := []string{s.heading("TABS", "")}
	const most = 6
	for _, tab := range list[:min(len(list), most)] {
		who := safe(tab.User)
		if who == "" && s.state.snap.Mode == dev.Native {
			who = "nobody signed in" // in other modes only the app knows
		}
		page := pageName(tab.Page)
		rows = append(rows, "  "+spread(page, s.dim.Render(who), max(0, s.width-3)))
	}
	if n := len(list) - most; n > 0 {
		rows = append(rows, s.row(s.dim.Render(fmt.Sprintf("and %d more", n))))
	}
	return append(rows, "")
}

// environment shows the app's environment: saves, AWS, engine.
func (s sheet) environment() []string {
	f := s.state.facts
	line := func(name, text string) string {
		return "  " + s.dim.Render(fit(name, 9)) + cut(text, max(0, s.width-12))
	}
	rows := []string{s.heading("ENVIRONMENT", "")}
	switch f.How {
	case "":
	case dev.ReloadMount:
		rows = append(rows, line("saves", "mounted, "+render.Count(f.Watches, "directory")+" watched"))
	default:
		rows = append(rows, line("saves", "copied, "+render.Count(f.Watches, "directory")+" watched"))
	}
	if f.AWS.Source != "" {
		rows = append(rows, line("AWS", s.aws(f.AWS)))
	}
	if f.Engine != "" {
		about := f.Engine
		if f.API != "" { // processes of this machine have none
			about += s.dim.Render("  API " + f.API)
		}
		rows = append(rows, line("engine", about))
	}
	return append(rows, line("path", safe(f.Dir)), "")
}

func (s sheet) aws(a AWS) string {
	if a.Source == "none" {
		return "none"
	}
	text := "profile " + safe(a.Profile)
	if a.Region != "" {
		text += ", " + safe(a.Region)
	}
	if !a.Expires.IsZero() {
		text += ", until " + a.Expires.Format("15:04")
	}
	if a.Source == "mount" {
		text += s.dim.Render("  ~/.aws, read-only")
	}
	return text
}

// recentEvents lists the latest events, if there is room.
func (s sheet) recentEvents(rows int) []string {
	out := []string{s.heading("LATELY", "")}
	list := s.state.feed
	list = list[max(0, len(list)-max(3, rows-12)):]
	for _, h := range slices.Backward(list) {
		text := h.text
		if ansi.StringWidth(text) > s.width-21 {
			text = dirs.ReplaceAllString(text, "") // a file's name says more than the end of the line
		}
		out = append(out, s.row(s.faint.Render(h.at.Format(time.TimeOnly))+" "+s.theme.inTone(h.tone).Render(fit(h.what, 8))+" "+text))
	}
	if len(list) == 0 {
		out = append(out, s.row(s.dim.Render("nothing yet")))
	}
	return out
}

// dirs are those in front of a file at the beginning of a line, as short leaves them.
var dirs = pattern.New(`^…/[^/ ]+/`)
