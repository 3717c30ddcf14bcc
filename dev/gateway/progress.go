package gateway

import (
	"slices"
	"time"
)

// progress counts the runs of a save.
type progress struct {
	running, done, failed int
	first, last           time.Time // when the first and the latest successful run ended

	shown     int       // number of tabs with a run that has not ended
	shownAt   time.Time // when the last of these tabs got its first element, or began to run without one
	unendedAt time.Time // when to take the runs that do not end for live; zero if there are none
}

func (s *save) progress() (p progress) {
	tabs := map[*tab]bool{}
	for _, r := range s.runs {
		switch {
		case r.running():
			p.running++
			p.unended(r, tabs)
		case r.exception != nil, r.compiling:
			p.failed++
		case r.succeeded():
			p.done++
			if p.first.IsZero() || r.ended.Before(p.first) {
				p.first = r.ended
			}
			if r.ended.After(p.last) {
				p.last = r.ended
			}
		case r.replaced && !r.tab.closed:
			p.unended(r, tabs) // a script that requests its next run again and again never ends either
		}
	}
	p.shown = len(tabs)
	return p
}

// unended counts a run that has not ended, or was replaced. The first one of each tab counts.
func (p *progress) unended(r *run, tabs map[*tab]bool) {
	since, at := r.began, r.began.Add(silentFor)
	if !r.shown.IsZero() {
		since, at = r.shown, r.shown.Add(endlessFor)
		if r.follows {
			at = r.shown.Add(replacedFor)
		}
	}
	if !tabs[r.tab] && since.After(p.shownAt) {
		p.shownAt = since
	}
	tabs[r.tab] = true
	if p.unendedAt.IsZero() || at.Before(p.unendedAt) {
		p.unendedAt = at
	}
}

// hasRunIn reports whether a tab has run because of the save.
func (s *save) hasRunIn(tb *tab) bool {
	return slices.ContainsFunc(s.runs, func(r *run) bool { return r.tab == tb && !r.replaced })
}

// due returns the time at which a save is concluded if nothing else happens.
func (t *tracker) due(s *save) time.Time {
	quiet, everyone := quietFor, len(t.tabs)
	if s.replaces() {
		quiet, everyone = quietForAfterRestart, s.awaitedTabs
	}
	p := s.progress()
	switch {
	case p.done > 0 && p.running == 0 && p.done >= everyone && everyone > 0:
		return p.last
	case p.done > 0 && p.running == 0:
		return p.last.Add(quiet)
	case p.done > 0:
		return p.first.Add(stragglerFor)
	case p.running > 0, p.shown > 0 && p.failed == 0 && !s.superseded:
		return p.unendedAt
	case s.replaces():
		return s.noticed.Add(returnFor)
	case p.failed > 0 || s.superseded || !s.script:
		return s.noticed.Add(freshFor)
	}
	// While a script runs, Streamlit may wait for its end before it acts on the save.
	for tb := range t.tabs {
		if tb.run.running() {
			return s.noticed.Add(followFor)
		}
	}
	idle := s.noticed
	if t.lastEnd.After(idle) {
		idle = t.lastEnd
	}
	return idle.Add(unseenAfter)
}
