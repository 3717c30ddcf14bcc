package gateway

import (
	"fmt"
	"slices"
	"time"

	"sdev/dev"
)

// save is a saved file, or a batch of them, that the tracker follows until open tabs show it.
type save struct {
	how         dev.ReloadMethod
	trigger     string
	at          time.Time // when the file was written
	noticed     time.Time // when the gateway learned of it
	script      bool      // Streamlit should rerun because of it
	awaitedTabs int       // number of tabs that should run; 0 if unknown
	runs        []*run    // the runs that it caused, oldest first
	superseded  bool      // its runs count for a later save
	concluded   bool      // its outcome was reported, or there is none
}

// replaces reports whether the save requires a restart or rebuild of the app.
func (s *save) replaces() bool { return s.how.Replaces() }

// From a save to its report:
//
//	file written ──▶ saved: the watcher reports it ──▶ due ──▶ conclude: live, failed, or seen by no tab
//	                    ▲                               ▲
//	    run starts ──▶ matchSave ──▶ the run is the save's ──▶ run ends
//
// A run may become known before its save or after it. saveFor decides whether the run is the save's; five things
// have to hold:
//
//	the save kept the app running, and so did the run; or neither did
//	the save is not newer than the run
//	the save is newer than the one that the run was given before
//	the run began soon after the save: freshFor, or followFor if Streamlit may have waited for another run
//	the tab has not run for this save yet
//
// A save with runs is due, whichever holds first (due):
//
//	all tabs that are open have finished          at the end of the last
//	some have finished, and none is running       quietFor after the last
//	some have finished, and others are running    stragglerFor after the first
//	none has finished; one replaced a run that    replacedFor after the page got its first element
//	had not ended
//	none has finished                             endlessFor after that, or silentFor after it began
//
// and one without runs:
//
//	the app is being replaced                     returnFor after the save
//	a run failed, a later save replaced it, or
//	no script reads the file                      freshFor after the save
//	a script is running                           followFor after the save, or unseenAfter its end
//	else                                          unseenAfter the save, or after the last run
//
// Waiting times.
const (
	// quietFor is how long the tracker waits for another tab to start after one has finished.
	quietFor = 150 * time.Millisecond
	// quietForAfterRestart is the same after the app was down: tabs reconnect one by one.
	quietForAfterRestart = 600 * time.Millisecond
	// stragglerFor is how long a finished tab waits for an unfinished one.
	stragglerFor = 2 * time.Second
	// endlessFor is how long a run may take before the page counts as live although it has not ended. Its end, or
	// its exception, is better news; but scripts may run for minutes, or for ever.
	endlessFor = 2 * time.Second
	// replacedFor is the same if the run before it had not ended either: then this one will hardly end soon.
	replacedFor = 300 * time.Millisecond
	// silentFor is the same for a run that has put nothing on the page.
	silentFor = 10 * time.Second
	// unseenAfter is when a save that caused no run is reported; Streamlit takes 0.1 s, with the poll
	// watcher up to a second.
	unseenAfter = 2 * time.Second
	// matchWithin is how much later than its run a save may become known: the gateway's watcher waits
	// until a path is quiet, at most a quarter of a second, and Streamlit does not.
	matchWithin = 500 * time.Millisecond
	// matchWithinSynced is the same when saves are copied and reported by a command in the gateway's
	// container, which takes longer on a busy machine.
	matchWithinSynced = 2 * time.Second
	// freshFor is how long after a save a run may start because of it, if no other run delayed it.
	freshFor = 1500 * time.Millisecond
	// followFor is the same if another run was active: Streamlit may wait for its end.
	followFor = 30 * time.Second
	// returnFor is how long the tracker waits for tabs after the app came back.
	returnFor = 10 * time.Minute
	// tablessFor is how long no tab must have been open before that is worth a warning: a page reload or a
	// restart of the app leaves a gap.
	tablessFor = 5 * time.Second
)

// saved records a batch of changes; first is when the first of them was noticed.
func (t *tracker) saved(changes []dev.Change, first, now time.Time) {
	for _, group := range t.groupByRule(changes) {
		t.emit(now, group.event)
		switch group.event.Action {
		case dev.Live:
			t.savedLive(group, dev.ReloadMount, first, now)
		case dev.Sync, dev.SyncExec:
			t.savedLive(group, dev.ReloadSync, first, now)
		case dev.Restart, dev.SyncRestart, dev.Rebuild:
			for _, c := range group.changes {
				t.replacing[c.Path] = writtenAt(c, first)
			}
		case dev.Ignored:
		}
	}
	t.flush(now)
}

// ruleGroup is the part of a batch that one rule covers.
type ruleGroup struct {
	event   dev.FileChanged
	changes []dev.Change
}

// groupByRule splits a batch by the rule that covers each path, in the order of the changes.
func (t *tracker) groupByRule(changes []dev.Change) []ruleGroup {
	var groups []ruleGroup
	at := map[string]int{}
	for _, c := range changes {
		rule, ok := t.match(c.Path)
		if !ok || rule.Action == dev.Ignored {
			continue
		}
		key := rule.Origin + "\x00" + string(rule.Action)
		i, seen := at[key]
		if !seen {
			i = len(groups)
			at[key] = i
			groups = append(groups, ruleGroup{event: dev.FileChanged{Rule: rule.Origin, Action: rule.Action}})
		}
		groups[i].event.Paths = append(groups[i].event.Paths, c.Path)
		groups[i].changes = append(groups[i].changes, c)
	}
	return groups
}

func (t *tracker) savedLive(g ruleGroup, how dev.ReloadMethod, first, now time.Time) {
	trigger := g.changes[0]
	if i := slices.IndexFunc(g.changes, func(c dev.Change) bool { return isScript(c.Path) }); i >= 0 {
		trigger = g.changes[i]
	}
	t.lastReported = dev.AppException{}
	if !t.up {
		return // the app reads the file when it comes back
	}
	s := &save{
		how: how, trigger: trigger.Path, at: writtenAt(trigger, first), noticed: now,
		script: isScript(trigger.Path) && !t.away(),
	}
	if s.script && len(t.tabs) == 0 {
		t.warnTabless(now)
		return
	}
	t.saves = append(t.saves, s)
	if s.script {
		t.expectRun(s)
	}
	for _, r := range t.recent {
		if t.saveFor(r, time.Time{}) == s {
			r.cause = bySave
			t.attach(r, s)
		}
	}
}

func (t *tracker) warnTabless(now time.Time) {
	if t.tabless || now.Sub(t.lastTab) < tablessFor {
		return
	}
	t.tabless = true
	t.emit(now, dev.Warning{
		Code:    dev.CodeReloadNoTab,
		Message: "no browser tab is open to show the save: Streamlit watches files only for open tabs",
		Hint:    "open the app in a browser: it runs the saved files",
	})
}

// writtenAt is when a change was made. It trusts the file's modification time only if that is plausible:
// archives and version control set old ones, and the clock of another machine may be ahead.
func writtenAt(c dev.Change, noticed time.Time) time.Time {
	if c.Saved.After(noticed) || c.Saved.Before(noticed.Add(-2*time.Second)) {
		return noticed
	}
	return c.Saved
}

// saveFor returns the save that a run makes live: the latest one since a time that can have caused the run; nil if
// there is none.
func (t *tracker) saveFor(r *run, since time.Time) *save {
	for _, s := range slices.Backward(t.saves) {
		if s.replaces() != (r.cause == byReturn) {
			continue
		}
		if r.cause == byReturn {
			return s
		}
		limit := freshFor
		if len(s.runs) == 0 && since.IsZero() && t.maybeDelayed(r, s) {
			limit = followFor
		}
		if !s.at.After(r.began) && s.at.After(since) && r.began.Sub(s.at) < limit && (s == r.save || !s.hasRunIn(r.tab)) {
			return s
		}
	}
	return nil
}

// maybeDelayed reports whether another run was active between a save and the run, so that Streamlit may have waited
// for its end or, if it never ends, may not have looked at the file before.
func (t *tracker) maybeDelayed(r *run, s *save) bool {
	if r.follows || t.lastEnd.After(s.at) {
		return true
	}
	for tb := range t.tabs {
		if tb.run != r && tb.run.running() {
			return true
		}
	}
	return false
}

// matchSave finds the save that caused a run that no tab requested. The save may not be known yet, or a later one may
// fit better, so the tracker keeps the run in recent for a while.
func (t *tracker) matchSave(r *run) {
	s := r.save
	if s == nil {
		s = t.saveFor(r, time.Time{})
	}
	if s == nil && r.cause == byReturn {
		// The app was restarted without an announcement.
		s = &save{how: dev.ReloadRestart, at: r.began, noticed: r.began}
		t.saves = append(t.saves, s)
	}
	if s != nil {
		t.attach(r, s)
	}
	if r.cause == bySave {
		t.recent = append(t.recent, r)
	}
}

// attach makes s the save of r.
func (t *tracker) attach(r *run, s *save) {
	if r.save != nil {
		r.save.runs = slices.DeleteFunc(r.save.runs, func(o *run) bool { return o == r })
	}
	r.save = s
	if s.concluded {
		return
	}
	s.runs = append(s.runs, r)
	for _, o := range t.saves {
		// One run may make several saves live; it counts for the latest.
		o.superseded = o.superseded || o != s && o.how == s.how && o.at.Before(s.at)
	}
}

// flush reports the exceptions and saves whose outcome is known by now, and forgets them.
func (t *tracker) flush(now time.Time) {
	for tb := range t.tabs {
		if r := tb.run; r != nil && !r.running() && r.exception != nil && !r.reported && t.matched(r, now) {
			t.reportException(r, now)
		}
	}
	t.recent = slices.DeleteFunc(t.recent, func(r *run) bool { return now.Sub(r.began) >= t.matchFor })
	t.saves = slices.DeleteFunc(t.saves, func(s *save) bool {
		if now.Before(t.due(s)) {
			return false
		}
		t.conclude(s, now)
		s.concluded, s.runs = true, nil
		return true
	})
	t.ask(now)
}

// matched reports whether the save behind a run is known, or will never be. Until then the result of the
// run is held back, because the save has to be reported first.
func (t *tracker) matched(r *run, now time.Time) bool {
	return r.cause != bySave || r.save != nil || now.Sub(r.began) >= t.matchFor
}

// conclude reports the outcome of a save. Exceptions are reported separately.
func (t *tracker) conclude(s *save, now time.Time) {
	p := s.progress()
	switch {
	case p.failed > 0 || s.superseded && p.done == 0:
	case p.done > 0:
		t.live(s, p.last, p.done, now)
	case p.shown > 0:
		t.live(s, p.shownAt, p.shown, now)
	case s.script && len(t.tabs) > 0 && !t.away():
		t.emit(now, dev.Warning{
			Code:    dev.CodeReloadUnseen,
			Message: fmt.Sprintf("no open tab reran after %s was saved", s.trigger),
			Hint:    "no open page uses the file, or its content is unchanged",
		})
	}
}

// live reports that a number of tabs show a save since a time.
func (t *tracker) live(s *save, since time.Time, sessions int, now time.Time) {
	t.reload = dev.AppReloaded{Trigger: s.trigger, MS: max(0, since.Sub(s.at).Milliseconds()), Sessions: sessions, How: s.how}
	t.reloads++
	t.emit(now, t.reload)
}

// deadline returns the time at which wake must be called next, unless something else happens before; ok is false if
// there is none.
func (t *tracker) deadline() (next time.Time, ok bool) {
	sooner := func(at time.Time) {
		if !ok || at.Before(next) {
			next, ok = at, true
		}
	}
	for _, s := range t.saves {
		sooner(t.due(s))
	}
	for _, r := range t.recent {
		sooner(r.began.Add(t.matchFor))
	}
	for tb := range t.tabs {
		if at, timed := tb.askAt(); timed {
			sooner(at)
		}
	}
	return next, ok
}

// wake is called when a deadline has passed.
func (t *tracker) wake(now time.Time) { t.flush(now) }
