package watch

import (
	"slices"
	"strings"
	"time"
)

// window is the time in which events of one path count as one change.
type window struct {
	path  string
	first time.Time // of the first event
	due   time.Time
	last  time.Time // of the latest event
}

// coalescer keeps a window for each path. It has no clock: callers pass the time.
type coalescer struct {
	quiet, limit time.Duration
	open         map[string]*window
}

func newCoalescer(quiet, limit time.Duration) *coalescer {
	return &coalescer{quiet: quiet, limit: limit, open: make(map[string]*window)}
}

// touch records events of path between first and last.
func (c *coalescer) touch(path string, first, last time.Time) {
	w := c.open[path]
	if w == nil {
		w = &window{path: path, first: first}
		c.open[path] = w
	}
	w.last = last
	c.setDue(w, c.quiet)
}

// setDue makes w due after quiet without further events.
func (c *coalescer) setDue(w *window, quiet time.Duration) {
	w.due = w.last.Add(quiet)
	if latest := w.first.Add(c.limit); w.due.After(latest) {
		w.due = latest
	}
}

// extend reopens w with a longer quiet time. It returns false, and does nothing, if that time has already passed.
func (c *coalescer) extend(w window, quiet time.Duration, now time.Time) bool {
	c.setDue(&w, quiet)
	if !w.due.After(now) {
		return false
	}
	c.open[w.path] = &w
	return true
}

// next is when a window is due. It reports false when none is open.
func (c *coalescer) next() (time.Time, bool) {
	var at time.Time
	for _, w := range c.open {
		if at.IsZero() || w.due.Before(at) {
			at = w.due
		}
	}
	return at, !at.IsZero()
}

// take removes the windows that are due, ordered by path.
func (c *coalescer) take(now time.Time) []window {
	var out []window
	for p, w := range c.open {
		if !w.due.After(now) {
			out = append(out, *w)
			delete(c.open, p)
		}
	}
	slices.SortFunc(out, func(a, b window) int { return strings.Compare(a.path, b.path) })
	return out
}
