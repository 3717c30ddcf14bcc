// Package reruns keeps the latest runs of an app's pages, and says how long each page takes.
//
// It promises to keep little: [MaxPages] pages with twice [MaxRuns] runs each, and the last [MaxRuns] runs of all. It counts neither
// runs of a fragment, which is only a part of its page, nor interrupted ones. It starts no goroutine; a [Log] is not safe for
// concurrent use.
package reruns

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"sdev/dev"
)

// Limits of what a [Log] keeps.
const (
	MaxPages = 200
	MaxRuns  = 500
)

// A page counts as slower after a save if its median has grown by this factor, and by this time: short runs vary.
const (
	slowerFactor = 1.5
	slowerBy     = 20 * time.Millisecond
	enoughBefore = 3 // runs before the save
)

// Run is a run of a page.
type Run struct {
	At time.Time // when it ended
	dev.AppRerun
}

// Took is how long the run took.
func (r Run) Took() time.Duration { return time.Duration(r.MS) * time.Millisecond }

// Page is how long the runs of a page take.
type Page struct {
	Name   string // empty for the main page
	Runs   int
	P50    time.Duration // median
	P95    time.Duration // nearest rank
	Last   Run
	Slower Slower
}

// Slower is a save that made a page slower; the zero value is none.
type Slower struct {
	File   string  // the save
	Factor float64 // median since the save, relative to the median before it
}

// Log is the latest runs. Its zero value is empty.
type Log struct {
	last  []Run
	pages map[string]*page
}

// page is what a Log knows of one page.
type page struct {
	before []time.Duration // durations until the last save
	since  []time.Duration // durations since then
	save   string
	last   Run
}

// Add records an event: runs, and saves, which may make the runs after them slower. It ignores all others.
func (l *Log) Add(at time.Time, e dev.Event) {
	switch e := e.(type) {
	case dev.FileChanged:
		if e.Action != dev.Ignored && len(e.Paths) > 0 {
			l.saved(e.Paths[0])
		}
	case dev.AppRerun:
		l.add(Run{at, e})
	}
}

func (l *Log) saved(file string) {
	for _, p := range l.pages {
		if len(p.since) > 0 {
			p.before = keep(append(p.before, p.since...))
			p.since = nil
		}
		p.save = file
	}
}

func (l *Log) add(r Run) {
	if l.last = append(l.last, r); len(l.last) > MaxRuns {
		l.last = slices.Delete(l.last, 0, len(l.last)-MaxRuns)
	}
	if r.Interrupted || r.Trigger == dev.RerunFragment {
		return
	}
	p := l.pages[r.Page]
	if p == nil {
		if len(l.pages) >= MaxPages {
			return
		}
		if l.pages == nil {
			l.pages = map[string]*page{}
		}
		p = &page{}
		l.pages[r.Page] = p
	}
	p.since = keep(append(p.since, r.Took()))
	p.last = r
}

func keep(d []time.Duration) []time.Duration {
	if len(d) > MaxRuns {
		return slices.Delete(d, 0, len(d)-MaxRuns)
	}
	return d
}

// Last returns the last n runs, the newest first.
func (l *Log) Last(n int) []Run {
	out := slices.Clone(l.last[max(0, len(l.last)-n):])
	slices.Reverse(out)
	return out
}

// Pages returns the pages, the slowest first.
func (l *Log) Pages() []Page {
	var out []Page
	for name, p := range l.pages {
		all := slices.Sorted(slices.Values(slices.Concat(p.before, p.since)))
		out = append(out, Page{Name: name, Runs: len(all), P50: rank(all, 50), P95: rank(all, 95), Last: p.last, Slower: p.slower()})
	}
	slices.SortFunc(out, func(a, b Page) int { return cmp.Or(cmp.Compare(b.P50, a.P50), strings.Compare(a.Name, b.Name)) })
	return out
}

func (p *page) slower() Slower {
	if len(p.before) < enoughBefore || len(p.since) == 0 {
		return Slower{}
	}
	before, since := rank(slices.Sorted(slices.Values(p.before)), 50), rank(slices.Sorted(slices.Values(p.since)), 50)
	factor := float64(since) / float64(max(before, time.Millisecond))
	if factor < slowerFactor || since-before < slowerBy {
		return Slower{}
	}
	return Slower{File: p.save, Factor: factor}
}

// rank is the percentile of sorted durations by nearest rank; 0 without any.
func rank(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)*percent+99)/100-1]
}
