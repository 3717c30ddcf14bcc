package gateway

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/streamlit"
)

// tab is one connected browser tab. It belongs to the tracker.
type tab struct {
	session    string // Streamlit's id of it, once known
	user       string // e-mail of who is signed in; "" where nobody is, or it cannot be known
	generation uint64 // life of the app it is connected to
	replay     []byte // request for the page it shows
	asked      bool   // it asked for a run that has not begun
	auto       bool   // … by a timer
	returning  bool   // it came back to a new life of the app and has not run since
	run        *run   // under way, or the last one
}

// cause is why a script ran.
type cause int

const (
	byPerson cause = iota // the tab asked: a page was opened, something was clicked
	byTimer               // the tab asked by itself
	bySave                // the server did, because of a save
	byReturn              // the app was replaced, and the tab came back
)

// run is one run of the script in one tab.
type run struct {
	tab       *tab
	cause     cause
	began     time.Time
	ended     time.Time // zero while under way
	save      *save     // the save it makes live, if known
	page      string
	exception *dev.AppException
	compiling bool // it did not compile; the reason is still to come
	replaced  bool // it was cut short; the next run takes its place
	told      bool // its exception was told
}

func (r *run) underWay() bool { return r != nil && r.ended.IsZero() }

// well reports whether the run came to a good end.
func (r *run) well() bool {
	return !r.underWay() && !r.replaced && !r.compiling && r.exception == nil
}

// memory is what is kept of a session for the time after its tab is disconnected.
type memory struct {
	generation uint64
	replay     []byte
	used       time.Time
}

// Limits of the memory: of sessions, and of the request kept for each.
const (
	memoryTabs   = 512
	memoryReplay = 64 << 10
)

// tracker works out from facts what happened to the app. It reads no clock, starts nothing and
// never blocks, but in emit; every method is called by one goroutine.
type tracker struct {
	match  func(path string) (dev.Rule, bool)
	mounts []dev.Mount
	emit   func(time.Time, dev.Event)
	// explainFor is how much later than its run a save may be known.
	explainFor time.Duration

	tabs     map[*tab]struct{}
	lastTab  time.Time // when the last of them went
	lastEnd  time.Time // when the latest run ended
	memories map[string]memory
	exchange map[string]dev.AppException // exceptions of messages that may be referred to, by hash

	saves  []*save              // not yet concluded, oldest first
	recent []*run               // runs that nobody asked for and that a save still to come may explain
	slow   map[string]time.Time // saves that need a restart or rebuild, by path

	up       bool   // the app answered when last asked
	expected Expect // what was announced and has not come to pass
	tabless  bool   // it was told that no tab is open
	reload   dev.AppReloaded
	reloads  int
	current  dev.AppException // what a page shows now
	told     dev.AppException // what was told since the last save
}

func newTracker(match func(string) (dev.Rule, bool), mounts []dev.Mount, emit func(time.Time, dev.Event)) *tracker {
	return &tracker{
		match: match, mounts: mounts, emit: emit, explainFor: explainWithin,
		tabs: map[*tab]struct{}{}, memories: map[string]memory{}, exchange: map[string]dev.AppException{},
		slow: map[string]time.Time{}, expected: Expect{How: HowStart},
	}
}

// away reports whether the app does not answer, or is about to stop doing so.
func (t *tracker) away() bool { return !t.up || t.expected != Expect{} }

// opened takes a new connection. For a tab that shows a page of an earlier life of the app it
// returns the request by which it gets that page again.
func (t *tracker) opened(tb *tab, session string, generation uint64, now time.Time) []byte {
	t.tabs[tb] = struct{}{}
	t.tabless = false
	tb.generation = generation
	t.emit(now, dev.SessionOpened{Sessions: len(t.tabs), User: tb.user})
	if session == "" {
		return nil
	}
	known, ok := t.memories[session]
	tb.session, tb.replay = session, known.replay
	if ok && known.generation == generation {
		return nil
	}
	tb.returning = true
	if tb.replay == nil {
		return streamlit.RerunMain()
	}
	return tb.replay
}

func (t *tracker) closed(tb *tab, now time.Time) {
	if _, ok := t.tabs[tb]; !ok {
		return
	}
	delete(t.tabs, tb)
	if len(t.tabs) == 0 {
		t.lastTab = now
	}
	cutShort(tb.run, now)
	t.emit(now, dev.SessionClosed{Sessions: len(t.tabs), User: tb.user})
	t.settle(now)
}

// asked takes a tab's request to run its script.
func (t *tracker) asked(tb *tab, r streamlit.Rerun, now time.Time) {
	tb.asked, tb.auto = true, r.Auto
	tb.replay = r.Replay
	if len(tb.replay) > memoryReplay {
		tb.replay = streamlit.RerunMain()
	}
	t.remember(tb, now)
}

// remember keeps what a tab shows, in place of the one that was not used for the longest time.
func (t *tracker) remember(tb *tab, now time.Time) {
	if tb.session == "" || tb.returning {
		return
	}
	t.memories[tb.session] = memory{generation: tb.generation, replay: tb.replay, used: now}
	if len(t.memories) <= memoryTabs {
		return
	}
	oldest, at := "", now
	for id, m := range t.memories {
		if m.used.Before(at) {
			oldest, at = id, m.used
		}
	}
	delete(t.memories, oldest)
}

// heard takes a message of the app to a tab.
func (t *tracker) heard(tb *tab, f streamlit.Forward, now time.Time) {
	switch f.Kind {
	case streamlit.NewSession:
		t.began(tb, f, now)
	case streamlit.Navigation:
		if tb.run.underWay() {
			tb.run.page = f.PageName()
		}
	case streamlit.ShownException:
		t.raised(tb, f)
	case streamlit.Reference:
		if e, ok := t.exchange[f.Ref]; ok && tb.run.underWay() {
			tb.run.exception = &e
		}
	case streamlit.CompileException:
		if r := tb.run; r != nil && r.compiling {
			r.compiling = false
			e := t.describe(f.Exception, r)
			r.exception = &e
			t.settle(now)
		}
	case streamlit.Finished:
		if tb.run.underWay() {
			t.finished(tb.run, f.Outcome, now)
		}
	case streamlit.Other:
	}
}

func (t *tracker) began(tb *tab, f streamlit.Forward, now time.Time) {
	r := &run{tab: tb, began: now, page: f.PageName()}
	previous := tb.run
	cutShort(previous, now)
	switch {
	case tb.returning:
		r.cause = byReturn
	case tb.asked && tb.auto:
		r.cause = byTimer
	case tb.asked:
		r.cause = byPerson
	case previous != nil && previous.replaced && t.saveFor(r, previous.began) == nil:
		// The script asked for another run, or a click came while it was running.
		r.cause, r.save = previous.cause, previous.save
	default:
		r.cause = bySave
	}
	tb.session, tb.asked, tb.returning, tb.run = f.SessionID, false, false, r
	t.remember(tb, now)
	if r.cause == bySave || r.cause == byReturn {
		t.explain(r)
	}
}

// cutShort ends a run of which no end was seen.
func cutShort(r *run, now time.Time) {
	if r.underWay() {
		r.ended, r.replaced = now, true
	}
}

// raised notes an exception on the page. One without a stack was never raised, only shown.
func (t *tracker) raised(tb *tab, f streamlit.Forward) {
	if f.Exception.Warning || len(f.Exception.Stack) == 0 || !tb.run.underWay() {
		return
	}
	e := t.describe(f.Exception, tb.run)
	tb.run.exception = &e
	if f.Hash != "" {
		if len(t.exchange) >= memoryTabs {
			clear(t.exchange)
		}
		t.exchange[f.Hash] = e
	}
}

func (t *tracker) describe(e streamlit.Exception, r *run) dev.AppException {
	file, line := streamlit.Location(e, t.mounts)
	return dev.AppException{Exception: e.Type, Message: e.Summary(), File: file, Line: line, Page: r.page}
}

func (t *tracker) finished(r *run, outcome streamlit.Outcome, now time.Time) {
	r.ended, t.lastEnd = now, now
	r.replaced = outcome == streamlit.EarlyForRerun
	r.compiling = outcome == streamlit.NotCompiled
	if r.well() && t.current.Page == r.page {
		t.current, t.told = dev.AppException{}, dev.AppException{}
	}
	t.settle(now)
}

// tell tells of the exception that a run ended with, once however many tabs show it.
func (t *tracker) tell(r *run, now time.Time) {
	r.told = true
	t.current = *r.exception
	if t.current != t.told || r.cause == byPerson {
		t.told = t.current
		t.emit(now, t.current)
	}
}

// reachable takes whether the app answers. It is called for every new life of the app, also when
// nobody noticed that the one before had ended.
func (t *tracker) reachable(up bool, now time.Time) {
	t.up = up
	if up {
		t.expected, t.told = Expect{}, dev.AppException{}
		t.saves = slices.DeleteFunc(t.saves, func(s *save) bool { return s.replaces() && s.awaited == 0 && len(s.runs) == 0 })
	}
	t.settle(now)
}

// expect takes what the engine is about to do with the app.
func (t *tracker) expect(e Expect, now time.Time) {
	t.saves = slices.DeleteFunc(t.saves, func(s *save) bool { return s.replaces() && len(s.runs) == 0 })
	switch e.How {
	case HowNothing:
		t.expected = Expect{}
		return
	case HowRestart, HowRebuild:
		at, ok := t.slow[e.Trigger]
		if !ok {
			at = now
		}
		clear(t.slow)
		t.saves = append(t.saves, &save{how: e.How, trigger: e.Trigger, at: at, noticed: now, awaited: len(t.tabs)})
	}
	t.expected = e
}

// status is what is known here; the caller adds what others know.
func (t *tracker) status() Status {
	return Status{
		V: dev.WireVersion, Sessions: len(t.tabs), Reloads: t.reloads,
		Reload: t.reload, Exception: t.current, Expect: t.expected, Tabs: t.open(),
	}
}

// open lists the tabs that are connected.
func (t *tracker) open() []Tab {
	var list []Tab
	for tb := range t.tabs {
		tab := Tab{User: tb.user}
		if tb.run != nil {
			tab.Page = tb.run.page
		}
		list = append(list, tab)
	}
	slices.SortFunc(list, func(a, b Tab) int {
		return cmp.Or(strings.Compare(a.Page, b.Page), strings.Compare(a.User, b.User))
	})
	return list
}

// isScript reports whether a file is one that Streamlit runs or imports; others are live as soon as
// they are read, and no run says so.
func isScript(path string) bool { return strings.HasSuffix(path, ".py") }
