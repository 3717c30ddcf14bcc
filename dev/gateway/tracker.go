package gateway

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/streamlit"
)

// tab is one connected browser tab. Only the tracker touches it.
type tab struct {
	session    string // Streamlit's session id, once known
	user       string // e-mail of the signed-in user; "" if nobody is signed in, or unknown
	generation uint64 // generation of the app that it is connected to
	replay     []byte // request that shows its page again
	requested  bool   // it requested a run that has not started
	auto       bool   // a timer in the page made that request
	fragment   bool   // only a fragment shall run
	returning  bool   // it reconnected to a new app and has not run since
	run        *run   // the active run, or the last one
	page       string // of the last run that has ended

	closed   bool
	opened   time.Time
	firstEnd time.Time    // when its first run ended
	expected *save        // the latest save in its first moments that it has not run for
	asked    *save        // the save for which the gateway asked for the next run
	request  func([]byte) // sends the app a request in the tab's name; does not block
}

// cause says why a script ran.
type cause int

const (
	byPerson cause = iota // the tab requested it: the user opened a page or clicked
	byTimer               // the tab requested it by itself
	bySave                // Streamlit reran it, because of a save
	byReturn              // the app was replaced, and the tab reconnected
)

// run is one run of the script in one tab.
type run struct {
	tab       *tab
	cause     cause
	trigger   dev.RerunTrigger
	began     time.Time
	shown     time.Time // when the page got its first element; zero before
	ended     time.Time // zero while it is active
	save      *save     // the save that it makes live, if known
	page      string
	exception *dev.AppException
	compiling bool // the script did not compile; the message with the reason follows
	replaced  bool // it was interrupted, and the next run takes its place
	reported  bool // its exception was reported
	follows   bool // it replaced a run that had not ended
}

func (r *run) running() bool { return r != nil && r.ended.IsZero() }

// succeeded reports whether the run ended without an error.
func (r *run) succeeded() bool {
	return !r.running() && !r.replaced && !r.compiling && r.exception == nil
}

// sessionState is the state of a session that outlives the tab's connection.
type sessionState struct {
	generation uint64
	replay     []byte
	used       time.Time
}

// Limits of the stored sessions: their number, and the bytes of each one's request.
const (
	maxSessions = 512
	maxReplay   = 64 << 10
)

// tracker concludes from saves, messages and connections what happened to the app, and reports that as events. It reads
// no clock, starts no goroutine and blocks only in emit. Only the event loop calls its methods.
type tracker struct {
	match  func(path string) (dev.Rule, bool)
	mounts []dev.Mount
	emit   func(time.Time, dev.Event)
	// matchFor is how much later than its run a save may become known.
	matchFor time.Duration

	tabs             map[*tab]struct{}
	lastTab          time.Time // when the last tab closed
	lastEnd          time.Time // when the latest run ended
	sessions         map[string]sessionState
	cachedExceptions map[string]dev.AppException // exceptions by message hash: later messages may refer to them

	saves     []*save              // not concluded yet, oldest first
	recent    []*run               // runs without a request that a later save may explain
	replacing map[string]time.Time // saves that need a restart or rebuild, by path

	up           bool             // the app answered last time
	announced    dev.Announcement // the last announcement that has not come true yet
	tabless      bool             // it has warned that no tab is open
	reload       dev.AppReloaded
	reloads      int
	current      dev.AppException // the exception that a page shows now
	lastReported dev.AppException // the last exception reported since the last save
}

func newTracker(match func(string) (dev.Rule, bool), mounts []dev.Mount, emit func(time.Time, dev.Event)) *tracker {
	return &tracker{
		match: match, mounts: mounts, emit: emit, matchFor: matchWithin,
		tabs: map[*tab]struct{}{}, sessions: map[string]sessionState{}, cachedExceptions: map[string]dev.AppException{},
		replacing: map[string]time.Time{}, announced: dev.Announcement{How: dev.AnnounceStart},
	}
}

// away reports whether the app is down, or about to go down.
func (t *tracker) away() bool { return !t.up || t.announced != dev.Announcement{} }

// opened records a new connection. For a tab that shows a page of an earlier generation of the app it
// returns the request that runs the page again.
func (t *tracker) opened(tb *tab, session string, generation uint64, now time.Time) []byte {
	t.tabs[tb] = struct{}{}
	t.tabless = false
	tb.generation, tb.opened = generation, now
	t.emit(now, dev.SessionOpened{Sessions: len(t.tabs), User: tb.user})
	if session == "" {
		return nil
	}
	known, ok := t.sessions[session]
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
	tb.closed = true
	if len(t.tabs) == 0 {
		t.lastTab = now
	}
	t.interrupt(tb.run, now)
	t.emit(now, dev.SessionClosed{Sessions: len(t.tabs), User: tb.user})
	t.flush(now)
}

// rerunRequested records a tab's request to run its script.
func (t *tracker) rerunRequested(tb *tab, r streamlit.Rerun, now time.Time) {
	tb.requested, tb.auto, tb.fragment = true, r.Auto, r.Fragment
	tb.replay = r.Replay
	if len(tb.replay) > maxReplay {
		tb.replay = streamlit.RerunMain()
	}
	t.storeSession(tb, now)
}

// storeSession stores which page a tab shows. Above the limit it drops the session that was unused for the longest time.
func (t *tracker) storeSession(tb *tab, now time.Time) {
	if tb.session == "" || tb.returning {
		return
	}
	t.sessions[tb.session] = sessionState{generation: tb.generation, replay: tb.replay, used: now}
	if len(t.sessions) <= maxSessions {
		return
	}
	oldest, at := "", now
	for id, s := range t.sessions {
		if s.used.Before(at) {
			oldest, at = id, s.used
		}
	}
	delete(t.sessions, oldest)
}

// appMessage records a message from the app to a tab.
func (t *tracker) appMessage(tb *tab, f streamlit.Forward, now time.Time) {
	switch f.Kind {
	case streamlit.NewSession:
		t.runStarted(tb, f, now)
	case streamlit.Navigation:
		if tb.run.running() {
			tb.run.page = f.PageName()
		}
	case streamlit.ShownException:
		t.exceptionShown(tb, f)
	case streamlit.Reference:
		if e, ok := t.cachedExceptions[f.Ref]; ok && tb.run.running() {
			tb.run.exception = &e
		}
	case streamlit.CompileException:
		if r := tb.run; r != nil && r.compiling {
			r.compiling = false
			e := t.describe(f.Exception, r)
			r.exception = &e
			t.emitRerun(r, now)
			t.flush(now)
		}
	case streamlit.Element:
		if r := tb.run; r.running() && r.shown.IsZero() {
			r.shown = now
		}
	case streamlit.Finished:
		if tb.run.running() {
			t.runFinished(tb.run, f.Outcome, now)
		}
	case streamlit.Other:
	}
}

func (t *tracker) runStarted(tb *tab, f streamlit.Forward, now time.Time) {
	r := &run{tab: tb, began: now, page: f.PageName()}
	previous := tb.run
	r.follows = previous.running()
	t.interrupt(previous, now)
	if s := tb.expected; s != nil && !now.Before(s.at) {
		tb.expected = nil
	}
	asked := tb.asked
	tb.asked = nil
	switch {
	case asked != nil && !tb.requested:
		r.cause, r.save = bySave, asked
	case tb.returning:
		r.cause = byReturn
	case tb.requested && tb.auto:
		r.cause = byTimer
	case tb.requested:
		r.cause = byPerson
	case previous != nil && previous.replaced && t.saveFor(r, previous.began) == nil:
		// The script requested another run, or the user clicked while it ran.
		r.cause, r.save = previous.cause, previous.save
		t.recent = append(t.recent, r) // or a save caused it that is not known yet
	default:
		r.cause = bySave
	}
	r.trigger = triggerOf(r, previous)
	tb.session, tb.requested, tb.returning, tb.run = f.SessionID, false, false, r
	t.storeSession(tb, now)
	if r.cause == bySave || r.cause == byReturn {
		t.matchSave(r)
	}
}

// triggerOf says why a run has begun, given the tab's last one; nil if there was none.
func triggerOf(r, previous *run) dev.RerunTrigger {
	switch {
	case previous == nil || r.cause == byReturn:
		return dev.RerunLoad
	case r.cause == bySave:
		return dev.RerunSave
	case r.tab.fragment || r.cause == byTimer:
		return dev.RerunFragment
	}
	return dev.RerunWidget
}

// emitRerun reports a run that has ended.
func (t *tracker) emitRerun(r *run, now time.Time) {
	e := dev.AppRerun{Page: r.page, Trigger: r.trigger, MS: r.ended.Sub(r.began).Milliseconds(), Interrupted: r.replaced}
	if r.exception != nil {
		e.Exception = r.exception.Exception
	}
	if e.Trigger == dev.RerunWidget && r.page != r.tab.page {
		e.Trigger = dev.RerunNavigation
	}
	r.tab.page = r.page
	t.emit(now, e)
}

// interrupt ends a run for which the app sent no end.
func (t *tracker) interrupt(r *run, now time.Time) {
	if r.running() {
		r.ended, r.replaced = now, true
		t.emitRerun(r, now)
	}
}

// exceptionShown records an exception on the page. It ignores one without a stack, which the script only displayed.
func (t *tracker) exceptionShown(tb *tab, f streamlit.Forward) {
	if f.Exception.Warning || len(f.Exception.Stack) == 0 || !tb.run.running() {
		return
	}
	e := t.describe(f.Exception, tb.run)
	tb.run.exception = &e
	if f.Hash != "" {
		if len(t.cachedExceptions) >= maxSessions {
			clear(t.cachedExceptions)
		}
		t.cachedExceptions[f.Hash] = e
	}
}

func (t *tracker) describe(e streamlit.Exception, r *run) dev.AppException {
	file, line := streamlit.Location(e, t.mounts)
	return dev.AppException{Exception: e.Type, Message: e.Summary(), File: file, Line: line, Page: r.page}
}

func (t *tracker) runFinished(r *run, outcome streamlit.Outcome, now time.Time) {
	r.ended, t.lastEnd = now, now
	r.replaced = outcome == streamlit.EarlyForRerun
	r.compiling = outcome == streamlit.NotCompiled
	if r.tab.firstEnd.IsZero() {
		r.tab.firstEnd = now
	}
	if !r.compiling {
		t.emitRerun(r, now)
	}
	if r.succeeded() && t.current.Page == r.page {
		t.current, t.lastReported = dev.AppException{}, dev.AppException{}
	}
	t.flush(now)
}

// reportException reports the exception with which a run ended: once, even if several tabs show it.
func (t *tracker) reportException(r *run, now time.Time) {
	r.reported = true
	t.current = *r.exception
	if t.current != t.lastReported || r.cause == byPerson {
		t.lastReported = t.current
		t.emit(now, t.current)
	}
}

// reachable records whether the app answers. The upstream calls it for every new generation of the app, even if it did
// not notice the end of the last one.
func (t *tracker) reachable(up bool, now time.Time) {
	t.up = up
	if up {
		t.announced, t.lastReported = dev.Announcement{}, dev.AppException{}
		t.saves = slices.DeleteFunc(t.saves, func(s *save) bool { return s.replaces() && s.awaitedTabs == 0 && len(s.runs) == 0 })
	}
	t.flush(now)
}

// announce records what the engine is about to do with the app.
func (t *tracker) announce(a dev.Announcement, now time.Time) {
	t.saves = slices.DeleteFunc(t.saves, func(s *save) bool { return s.replaces() && len(s.runs) == 0 })
	if a.How == dev.AnnounceNothing {
		t.announced = dev.Announcement{}
		return
	}
	if how, ok := a.How.Method(); ok {
		at, ok := t.replacing[a.Trigger]
		if !ok {
			at = now
		}
		clear(t.replacing)
		t.saves = append(t.saves, &save{how: how, trigger: a.Trigger, at: at, noticed: now, awaitedTabs: len(t.tabs)})
	}
	t.announced = a
}

// status is the tracker's part of the status; the caller adds the rest.
func (t *tracker) status() Status {
	return Status{
		V: dev.WireVersion, Sessions: len(t.tabs), Reloads: t.reloads,
		Reload: t.reload, Exception: t.current, Announced: t.announced, Tabs: t.openTabs(),
	}
}

// openTabs lists the connected tabs.
func (t *tracker) openTabs() []Tab {
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

// isScript reports whether a file is one that Streamlit runs or imports. Any other file is live once the app reads it,
// which no message of Streamlit shows.
func isScript(path string) bool { return strings.HasSuffix(path, ".py") }
