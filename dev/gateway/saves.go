package gateway

import (
	"fmt"
	"slices"
	"time"

	"sdev/dev"
)

// save is a change whose way into the tabs is followed.
type save struct {
	how     string
	trigger string
	at      time.Time // when the file was written
	noticed time.Time // when it was known here
	script  bool      // a run is to be expected of it
	awaited int       // tabs that are to run; 0 where that cannot be known

	running int       // runs under way because of it
	done    int       // … that ended well
	first   time.Time // when the first of them ended
	last    time.Time // … and the latest
	failed  bool      // one of them raised
	seen    bool      // a run came of it
}

// How long things are waited for.
const (
	// lull is how long after a tab is done another one may take to begin.
	lull = 150 * time.Millisecond
	// lullAway is the same after the app was away: tabs come back one by one.
	lullAway = 600 * time.Millisecond
	// straggler is how long a tab that is done waits for one that is not.
	straggler = 2 * time.Second
	// unseenAfter is when a save that led to no run is told; Streamlit takes 0.1 s, with the poll
	// watcher up to a second.
	unseenAfter = 2 * time.Second
	// explainWithin is how much earlier than its save a run may be seen: the files' own watcher waits
	// for a path to be quiet, Streamlit does not.
	explainWithin = time.Second
	// followFor is how long a save may explain runs: a script under way is not interrupted everywhere.
	followFor = 30 * time.Second
	// returnFor is how long tabs are waited for after the app came back.
	returnFor = 10 * time.Minute
	// tablessFor is how long no tab must have been open before that is worth telling; loading a page
	// anew, or coming back to a restarted app, leaves a gap.
	tablessFor = 5 * time.Second
)

// saved takes a batch of changes; first is when the first of them was noticed.
func (t *tracker) saved(changes []dev.Change, first, now time.Time) {
	for _, group := range t.group(changes) {
		t.emit(now, group.event)
		switch group.event.Action {
		case dev.Live:
			t.savedLive(group, first, now)
		case dev.Restart, dev.Rebuild:
			for _, c := range group.changes {
				t.slow[c.Path] = writtenAt(c, first)
			}
		case dev.Ignored:
		}
	}
	t.settle(now)
}

// group is the part of a batch that one rule covers.
type group struct {
	event   dev.FileChanged
	changes []dev.Change
}

func (t *tracker) savedLive(g group, first, now time.Time) {
	trigger := g.changes[0]
	if i := slices.IndexFunc(g.changes, func(c dev.Change) bool { return isScript(c.Path) }); i >= 0 {
		trigger = g.changes[i]
	}
	t.told = dev.AppException{}
	s := &save{
		how: howMount, trigger: trigger.Path, at: writtenAt(trigger, first), noticed: now,
		script: isScript(trigger.Path) && !t.away(),
	}
	if s.script && len(t.tabs) == 0 {
		t.warnTabless(now)
		return
	}
	t.saves = append(t.saves, s)
	orphans := t.orphans
	t.orphans = nil
	for _, r := range orphans {
		t.explain(r)
	}
}

func (t *tracker) warnTabless(now time.Time) {
	if t.tabless || now.Sub(t.lastTab) < tablessFor {
		return
	}
	t.tabless = true
	t.emit(now, dev.Warning{
		Code:    dev.CodeReloadNoTab,
		Message: "no browser tab is open, so the save is not shown anywhere: Streamlit looks at files only for open tabs",
		Hint:    "open the app in a browser; it then starts from the saved files",
	})
}

// writtenAt is when a change was made. A file's own time counts if it can be believed: archives and
// version control set old ones, and the clock of another machine may be ahead.
func writtenAt(c dev.Change, noticed time.Time) time.Time {
	if c.Saved.After(noticed) || c.Saved.Before(noticed.Add(-2*time.Second)) {
		return noticed
	}
	return c.Saved
}

// saveFor is the save that a run since the given time makes live: the latest before the run that
// can have caused it.
func (t *tracker) saveFor(r *run, since time.Time) *save {
	for _, s := range slices.Backward(t.saves) {
		switch away := s.how != howMount; {
		case away != (r.cause == byReturn):
		case away:
			return s
		case !s.at.After(r.began) && s.at.After(since) && r.began.Sub(s.at) < followFor:
			return s
		}
	}
	return nil
}

// explain ties a run that nobody asked for to its save, or puts it aside until the save is known.
func (t *tracker) explain(r *run) {
	if r.save == nil {
		r.save = t.saveFor(r, time.Time{})
	}
	if r.save == nil && r.cause == byReturn {
		// The app was replaced and nobody announced it.
		r.save = &save{how: HowRestart, at: r.began, noticed: r.began}
		t.saves = append(t.saves, r.save)
	}
	if r.save == nil {
		t.orphans = append(t.orphans, r)
		return
	}
	for _, s := range t.saves {
		// One run may make several saves live; it is counted for the latest.
		s.seen = s.seen || s.how == r.save.how && !s.noticed.After(r.save.noticed)
	}
	switch {
	case r.underWay():
		r.save.running++
	case r.exception != nil:
		r.save.failed = true
	case !r.replaced && !r.compiling:
		r.save.finish(r.ended)
	}
}

func (s *save) finish(at time.Time) {
	s.done++
	s.last = at
	if s.first.IsZero() {
		s.first = at
	}
}

// leaveSave takes a run that is no longer under way off its save.
func (t *tracker) leaveSave(r *run) {
	if r.save != nil && r.save.running > 0 {
		r.save.running--
	}
}

// succeeded takes a run that ended well.
func (t *tracker) succeeded(r *run, now time.Time) {
	t.leaveSave(r)
	if r.save != nil {
		r.save.finish(now)
	}
	t.settle(now)
}

// settle tells of every save that can be told of by now, and forgets what is over.
func (t *tracker) settle(now time.Time) {
	t.orphans = slices.DeleteFunc(t.orphans, func(r *run) bool { return now.Sub(r.began) >= explainWithin })
	t.saves = slices.DeleteFunc(t.saves, func(s *save) bool {
		due, ok := t.due(s)
		if !ok || now.Before(due) {
			return false
		}
		t.conclude(s, now)
		return true
	})
}

// due is when a save can be concluded if nothing else happens; ok is false while that depends on
// something that has no time.
func (t *tracker) due(s *save) (at time.Time, ok bool) {
	quiet := lull
	everyone := len(t.tabs)
	if s.how != howMount {
		quiet, everyone = lullAway, s.awaited
	}
	switch {
	case s.done > 0 && s.running == 0 && s.done >= everyone && everyone > 0:
		return s.last, true
	case s.done > 0 && s.running == 0:
		return s.last.Add(quiet), true
	case s.done > 0:
		return s.first.Add(straggler), true
	case s.running > 0:
		return time.Time{}, false
	case s.how != howMount:
		return s.noticed.Add(returnFor), true
	case s.seen || !s.script:
		return s.noticed.Add(followFor), true
	case t.anyUnderWay():
		return time.Time{}, false
	}
	return s.noticed.Add(unseenAfter), true
}

func (t *tracker) anyUnderWay() bool {
	for tb := range t.tabs {
		if tb.run.underWay() {
			return true
		}
	}
	return false
}

// conclude tells what became of a save. An exception has been told already.
func (t *tracker) conclude(s *save, now time.Time) {
	switch {
	case s.failed:
	case s.done > 0:
		t.reload = dev.AppReloaded{
			Trigger: s.trigger, MS: max(0, s.last.Sub(s.at).Milliseconds()), Sessions: s.done, How: s.how,
		}
		t.reloads++
		t.emit(now, t.reload)
	case s.script && !s.seen && len(t.tabs) > 0 && !t.away():
		t.emit(now, dev.Warning{
			Code:    dev.CodeReloadUnseen,
			Message: fmt.Sprintf("no open tab ran anew after %s was saved", s.trigger),
			Hint:    "no open page uses the file, or its content is what it was",
		})
	}
}

// deadline is when wake is to be called next, if nothing else happens before.
func (t *tracker) deadline() (next time.Time, ok bool) {
	for _, s := range t.saves {
		if at, timed := t.due(s); timed && (!ok || at.Before(next)) {
			next, ok = at, true
		}
	}
	return next, ok
}

// wake is called when a deadline has come.
func (t *tracker) wake(now time.Time) { t.settle(now) }
