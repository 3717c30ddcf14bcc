package tui

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"sdev/cmd/internal/render"
)

// logs is the pane of the services' output and sdev's own events.
type logs struct {
	*common
	store logStore
	width int
	rows  int

	follow  bool
	cursor  int // place among the shown lines
	top     int // first line on the screen, while it does not follow
	wrap    bool
	times   bool
	search  matcher
	message string // the result of the last key; "" for the usual status
}

func newLogs(c *common) *logs { return &logs{common: c, follow: true, times: true} }

func (*logs) name() scope { return inLogs }

func (l *logs) resize(to layout) { l.width, l.rows = to.width, to.body }

// update adds the lines of events, and carries out a command with the text that the user typed for it.
func (l *logs) update(msg tea.Msg) (bool, tea.Cmd) {
	switch msg := msg.(type) {
	case eventsMsg:
		return l.add(entries(l.state.snap, msg)), nil
	case typed:
		return true, l.entered(msg)
	}
	return false, nil
}

// add adds lines, and reports whether the screen changes.
func (l *logs) add(list []entry, dropped int) bool {
	number, top := l.number(), l.topNumber()
	l.store.dropped += dropped
	visible := l.store.add(list)
	if l.follow {
		l.cursor = max(0, len(l.store.shown)-1)
		return visible
	}
	// Dropped lines shift the positions.
	l.cursor, l.top = l.store.place(number), l.store.place(top)
	return true // the numbers in the status line
}

// number is the line under the cursor.
func (l *logs) number() int {
	if l.cursor < len(l.store.shown) {
		return l.store.shown[l.cursor]
	}
	return l.store.first
}

func (l *logs) topNumber() int {
	if l.top < len(l.store.shown) {
		return l.store.shown[l.top]
	}
	return l.store.first
}

// browse carries out a command that needs only the lines.
func (l *logs) browse(c command) {
	last := len(l.store.shown) - 1
	l.message = ""
	switch c {
	case cmdFollow:
		l.hold(l.follow)
	case cmdBottom:
		l.hold(false)
	case cmdTop:
		l.step(-len(l.store.shown))
	case cmdUp:
		l.step(-1)
	case cmdDownward:
		l.step(1)
	case cmdPageUp:
		l.step(-max(1, l.rows-2))
	case cmdPageDown:
		l.step(max(1, l.rows-2))
	case cmdWrap:
		l.wrap = !l.wrap
	case cmdTimes:
		l.times = !l.times
	case cmdService:
		l.nextService()
	case cmdMark:
		if last >= 0 {
			l.hold(true)
			e := l.store.at(l.cursor)
			e.marked = !e.marked
		}
	case cmdNextMark:
		l.jump(1, "mark", func(e *entry) bool { return e.marked })
	case cmdNextError:
		l.jump(1, "error", func(e *entry) bool { return e.level == levelError })
	case cmdPriorError:
		l.jump(-1, "error", func(e *entry) bool { return e.level == levelError })
	case cmdNext:
		l.nextMatch(1)
	case cmdPrevious:
		l.nextMatch(-1)
	case cmdClear:
		l.store.clear()
		l.cursor, l.top = 0, 0
		l.hold(false)
	case cmdBack:
		l.search = matcher{}
		l.choose(matcher{}, "")
	default: // not one of this pane's
	}
}

func (l *logs) do(c command) tea.Cmd {
	switch c {
	case cmdSearch:
		l.overlay = newPrompt(c, "/", "text, or /regular expression/", l.search.text)
	case cmdFilter:
		l.overlay = newPrompt(c, "filter ", "text  /regexp/  level:error  service:NAME  -text", l.store.filter.text)
	case cmdSave:
		name := fmt.Sprintf("sdev-%s.log", l.opts.Now().Format("20060102-150405"))
		l.overlay = newPrompt(c, "save to ", "a file", name)
	case cmdCopy, cmdCopyToMark:
		text, n := l.copied(c == cmdCopyToMark)
		if n == 0 {
			return nil
		}
		l.notify(good, "copied "+render.Count(n, "line")+" to the clipboard, if the terminal permits it")
		return l.copy(text)
	default:
		l.browse(c)
	}
	return nil
}

// entered carries out a command with the text that the user typed for it.
func (l *logs) entered(e typed) tea.Cmd {
	switch e.command {
	case cmdSearch:
		l.complain(l.setSearch(e.text))
	case cmdFilter:
		l.complain(l.setFilter(e.text))
	case cmdSave:
		if e.text != "" {
			return l.run(request{"saving " + safe(e.text), Action{Do: SaveLog, File: e.text, Text: l.saved()}})
		}
	default: // no other command asks for text
	}
	return nil
}

// hold pauses at the cursor, or follows again.
func (l *logs) hold(still bool) {
	if still == !l.follow {
		return
	}
	last := max(0, len(l.store.shown)-1)
	if l.follow = !still; l.follow {
		l.cursor = last
		return
	}
	l.cursor, l.top = last, l.firstVisible(last)
}

// step moves the cursor. Past the newest line it follows again.
func (l *logs) step(by int) {
	last := max(0, len(l.store.shown)-1)
	if l.follow {
		if by > 0 {
			return
		}
		l.hold(true)
	}
	if by > 0 && l.cursor == last {
		l.hold(false)
		return
	}
	l.cursor = min(max(0, l.cursor+by), last)
	l.reveal()
}

// reveal scrolls just enough to show the cursor.
func (l *logs) reveal() {
	if l.cursor < l.top {
		l.top = l.cursor
		return
	}
	if first := l.firstVisible(l.cursor); first > l.top {
		l.top = first
	}
}

// firstVisible is the first place on a screen whose last line is at a place.
func (l *logs) firstVisible(bottom int) int {
	room := l.bodyRows()
	for i := bottom; i >= 0 && len(l.store.shown) > 0; i-- {
		room -= l.height(i)
		if room < 0 {
			return min(i+1, bottom)
		}
		if room == 0 {
			return i
		}
	}
	return 0
}

func (l *logs) jump(step int, what string, wanted func(*entry) bool) {
	from := l.cursor
	if l.follow {
		l.hold(true)
		if step > 0 {
			from = -1 // from the oldest on
		} else {
			from++
		}
	}
	i := l.store.seek(from+step, step, wanted)
	if i < 0 { // once round
		i = l.store.seek(map[bool]int{true: 0, false: len(l.store.shown) - 1}[step > 0], step, wanted)
	}
	if i < 0 {
		l.message = "no " + what
		l.hold(false)
		return
	}
	l.cursor = i
	l.reveal()
}

func (l *logs) nextService() {
	names := l.store.names
	next := ""
	if l.store.only == "" && len(names) > 0 {
		next = names[0]
	}
	for i, n := range names {
		if n == l.store.only && i+1 < len(names) {
			next = names[i+1]
		}
	}
	l.choose(l.store.filter, next)
}

// choose changes which lines are shown, and keeps the line under the cursor if possible.
func (l *logs) choose(f matcher, only string) {
	number := l.number()
	l.store.choose(f, only)
	l.cursor = l.store.place(number)
	if l.follow {
		l.cursor = max(0, len(l.store.shown)-1)
		return
	}
	l.top = l.firstVisible(l.cursor)
}

// setSearch searches for text, from the newest line.
func (l *logs) setSearch(text string) error {
	m, err := parseSearch(text)
	if err != nil {
		return err
	}
	l.search = m
	if !m.empty() {
		l.jump(-1, fmt.Sprintf("line with %q", m.text), m.matches)
		l.countMatches()
	}
	return nil
}

func (l *logs) nextMatch(step int) {
	if l.search.empty() {
		l.message = "no search yet"
		return
	}
	l.jump(step, fmt.Sprintf("line with %q", l.search.text), l.search.matches)
	l.countMatches()
}

// countMatches shows the number of the match at the cursor, and of all matches.
func (l *logs) countMatches() {
	at, all := 0, 0
	for i := range l.store.shown {
		if l.search.matches(l.store.at(i)) {
			if all++; i <= l.cursor {
				at = all
			}
		}
	}
	if all > 0 {
		l.message = fmt.Sprintf("match %s of %s", grouped(at), grouped(all))
	}
}

func (l *logs) setFilter(text string) error {
	m, err := parseFilter(text)
	if err != nil {
		return err
	}
	l.choose(m, l.store.only)
	return nil
}

// copied is the text to copy: the line, or all lines from the nearest mark above.
func (l *logs) copied(toMark bool) (text string, lines int) {
	if len(l.store.shown) == 0 {
		return "", 0
	}
	from, to := l.cursor, l.cursor
	if toMark {
		if i := l.store.seek(l.cursor, -1, func(e *entry) bool { return e.marked }); i >= 0 {
			from = i
		} else if i := l.store.seek(l.cursor, 1, func(e *entry) bool { return e.marked }); i >= 0 {
			to = i
		}
	}
	var b strings.Builder
	for i := from; i <= to; i++ {
		b.WriteString(l.store.at(i).text + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n"), to - from + 1
}

// saved is all shown lines, for a file.
func (l *logs) saved() string {
	var b strings.Builder
	for i := range l.store.shown {
		e := l.store.at(i)
		fmt.Fprintf(&b, "%s %s | %s\n", e.at.UTC().Format(time.RFC3339Nano), e.service, strings.TrimSpace(e.what+" "+e.text))
	}
	return b.String()
}
