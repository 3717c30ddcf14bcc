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
	runs    []*run    // the runs that came of it, in the order in which they began
	joined  bool      // a later save took its runs along
}

// replaces reports whether the save needs the app to be replaced or started again.
func (s *save) replaces() bool { return s.how != howMount && s.how != howSync }

// progress is how far a save has come.
type progress struct {
	running, done, failed int
	first, last           time.Time // when the first and the latest good run ended
}

func (s *save) progress() (p progress) {
	for _, r := range s.runs {
		switch {
		case r.underWay():
			p.running++
		case r.exception != nil, r.compiling:
			p.failed++
		case r.well():
			p.done++
			if p.first.IsZero() || r.ended.Before(p.first) {
				p.first = r.ended
			}
			if r.ended.After(p.last) {
				p.last = r.ended
			}
		}
	}
	return p
}

// made reports whether a tab has already run because of the save.
func (s *save) made(tb *tab) bool {
	return slices.ContainsFunc(s.runs, func(r *run) bool { return r.tab == tb && !r.replaced })
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
	// explainWithin is how much later than its run a save may be known: the files' own watcher waits
	// for a path to be quiet, at most a quarter of a second, and Streamlit does not.
	explainWithin = 500 * time.Millisecond
	// explainTold is the same where saves are copied, and told from outside: that is a command in the
	// gateway's container, which on a busy machine takes its time.
	explainTold = 2 * time.Second
	// freshFor is how long a save may be what a run is about that was not held up by another one.
	freshFor = 1500 * time.Millisecond
	// followFor is the same where a run was under way: Streamlit may wait for its end.
	followFor = 30 * time.Second
	// returnFor is how long tabs are waited for after the app came back.
	returnFor = 10 * time.Minute
	// tablessFor is how long no tab must have been open before that is worth telling; loading a page
	// again, or coming back to a restarted app, leaves a gap.
	tablessFor = 5 * time.Second
)

// saved takes a batch of changes; first is when the first of them was noticed.
func (t *tracker) saved(changes []dev.Change, first, now time.Time) {
	for _, group := range t.group(changes) {
		t.emit(now, group.event)
		switch group.event.Action {
		case dev.Live:
			t.savedLive(group, howMount, first, now)
		case dev.Sync, dev.SyncExec:
			t.savedLive(group, howSync, first, now)
		case dev.Restart, dev.SyncRestart, dev.Rebuild:
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

func (t *tracker) savedLive(g group, how string, first, now time.Time) {
	trigger := g.changes[0]
	if i := slices.IndexFunc(g.changes, func(c dev.Change) bool { return isScript(c.Path) }); i >= 0 {
		trigger = g.changes[i]
	}
	t.told = dev.AppException{}
	if !t.up {
		return // it is live as soon as the app is back
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
	for _, r := range t.recent {
		if t.saveFor(r, time.Time{}) == s {
			t.tie(r, s)
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

// saveFor is the save that a run makes live: of those made since the given time the latest that can
// have caused it.
func (t *tracker) saveFor(r *run, since time.Time) *save {
	for _, s := range slices.Backward(t.saves) {
		if s.replaces() != (r.cause == byReturn) {
			continue
		}
		if r.cause == byReturn {
			return s
		}
		limit := freshFor
		if len(s.runs) == 0 && since.IsZero() && t.heldUp(r, s) {
			limit = followFor
		}
		if !s.at.After(r.began) && s.at.After(since) && r.began.Sub(s.at) < limit && (s == r.save || !s.made(r.tab)) {
			return s
		}
	}
	return nil
}

// heldUp reports whether another run was under way between a save and the run, so that Streamlit
// may have waited.
func (t *tracker) heldUp(r *run, s *save) bool {
	if t.lastEnd.After(s.at) {
		return true
	}
	for tb := range t.tabs {
		if tb.run != r && tb.run.underWay() {
			return true
		}
	}
	return false
}

// explain ties a run that nobody asked for to its save. The save may still be unknown, or a later
// one may turn out to fit better, so the run is kept at hand for a while.
func (t *tracker) explain(r *run) {
	s := r.save
	if s == nil {
		s = t.saveFor(r, time.Time{})
	}
	if s == nil && r.cause == byReturn {
		// The app was replaced and nobody announced it.
		s = &save{how: HowRestart, at: r.began, noticed: r.began}
		t.saves = append(t.saves, s)
	}
	if s != nil {
		t.tie(r, s)
	}
	if r.cause == bySave {
		t.recent = append(t.recent, r)
	}
}

// tie makes s the save of r.
func (t *tracker) tie(r *run, s *save) {
	if r.save != nil {
		r.save.runs = slices.DeleteFunc(r.save.runs, func(o *run) bool { return o == r })
	}
	r.save = s
	s.runs = append(s.runs, r)
	for _, o := range t.saves {
		// One run may make several saves live; it is counted for the latest.
		o.joined = o.joined || o != s && o.how == s.how && o.at.Before(s.at)
	}
}

// settle tells of everything that can be told of by now, and forgets what is over.
func (t *tracker) settle(now time.Time) {
	for tb := range t.tabs {
		if r := tb.run; r != nil && !r.underWay() && r.exception != nil && !r.told && t.explained(r, now) {
			t.tell(r, now)
		}
	}
	t.recent = slices.DeleteFunc(t.recent, func(r *run) bool { return now.Sub(r.began) >= t.explainFor })
	t.saves = slices.DeleteFunc(t.saves, func(s *save) bool {
		due, ok := t.due(s)
		if !ok || now.Before(due) {
			return false
		}
		t.conclude(s, now)
		return true
	})
}

// explained reports whether the save behind a run is known, or will not be known any more. Until
// then what came of the run is not told, because the save is told first.
func (t *tracker) explained(r *run, now time.Time) bool {
	return r.cause != bySave || r.save != nil || now.Sub(r.began) >= t.explainFor
}

// due is when a save can be concluded if nothing else happens; ok is false while that depends on
// something that has no time.
func (t *tracker) due(s *save) (at time.Time, ok bool) {
	quiet, everyone := lull, len(t.tabs)
	if s.replaces() {
		quiet, everyone = lullAway, s.awaited
	}
	p := s.progress()
	switch {
	case p.done > 0 && p.running == 0 && p.done >= everyone && everyone > 0:
		return p.last, true
	case p.done > 0 && p.running == 0:
		return p.last.Add(quiet), true
	case p.done > 0:
		return p.first.Add(straggler), true
	case p.running > 0:
		return time.Time{}, false
	case s.replaces():
		return s.noticed.Add(returnFor), true
	case p.failed > 0 || s.joined || !s.script:
		return s.noticed.Add(freshFor), true
	}
	// While a script is busy Streamlit may wait for its end before it turns to the save.
	for tb := range t.tabs {
		if tb.run.underWay() {
			return time.Time{}, false
		}
	}
	idle := s.noticed
	if t.lastEnd.After(idle) {
		idle = t.lastEnd
	}
	return idle.Add(unseenAfter), true
}

// conclude tells what became of a save. Exceptions are told by themselves.
func (t *tracker) conclude(s *save, now time.Time) {
	p := s.progress()
	switch {
	case p.failed > 0 || s.joined && p.done == 0:
	case p.done > 0:
		t.reload = dev.AppReloaded{
			Trigger: s.trigger, MS: max(0, p.last.Sub(s.at).Milliseconds()), Sessions: p.done, How: s.how,
		}
		t.reloads++
		t.emit(now, t.reload)
	case s.script && len(t.tabs) > 0 && !t.away():
		t.emit(now, dev.Warning{
			Code:    dev.CodeReloadUnseen,
			Message: fmt.Sprintf("no open tab ran again after %s was saved", s.trigger),
			Hint:    "no open page uses the file, or its content is what it was",
		})
	}
}

// deadline is when wake is to be called next, if nothing else happens before.
func (t *tracker) deadline() (next time.Time, ok bool) {
	sooner := func(at time.Time) {
		if !ok || at.Before(next) {
			next, ok = at, true
		}
	}
	for _, s := range t.saves {
		if at, timed := t.due(s); timed {
			sooner(at)
		}
	}
	for _, r := range t.recent {
		sooner(r.began.Add(t.explainFor))
	}
	return next, ok
}

// wake is called when a deadline has come.
func (t *tracker) wake(now time.Time) { t.settle(now) }
