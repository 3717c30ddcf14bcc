package gateway

import (
	"time"

	"sdev/dev/streamlit"
)

// Streamlit watches most files of a page only after the tab's first run. The shim makes it notice saves until then, but
// an app may run without the shim. So the gateway asks for a run itself if a save came in a tab's first moments and
// caused none. That helps with the app's script; Streamlit still runs its old copy of a module, or of another page, that
// it did not watch yet.
const (
	// watchedAfter is how long after a tab's first run Streamlit may take until it watches the files.
	watchedAfter = time.Second
	// askAfter is how long the gateway waits for Streamlit to notice the save. With the poll watcher that takes up
	// to half a second.
	askAfter = time.Second
)

// expectRun records, for each tab in its first moments, that a save should make it run.
func (t *tracker) expectRun(s *save) {
	for tb := range t.tabs {
		if tb.opened.Before(s.at) && (tb.firstEnd.IsZero() || s.at.Before(tb.firstEnd.Add(watchedAfter))) {
			tb.expected = s
		}
	}
}

// askAt returns when to ask for the run that a save should have caused; ok is false while a run decides.
func (tb *tab) askAt() (at time.Time, ok bool) {
	if tb.expected == nil || tb.firstEnd.IsZero() || tb.run.running() {
		return time.Time{}, false
	}
	from := tb.expected.noticed
	if tb.run.ended.After(from) {
		from = tb.run.ended
	}
	return from.Add(askAfter), true
}

// ask requests the runs that are due.
func (t *tracker) ask(now time.Time) {
	for tb := range t.tabs {
		at, ok := tb.askAt()
		if !ok || now.Before(at) {
			continue
		}
		s := tb.expected
		tb.expected = nil
		if t.away() || tb.requested || tb.request == nil {
			continue // a run comes without it
		}
		tb.asked = s
		message := tb.replay
		if message == nil {
			message = streamlit.RerunMain()
		}
		tb.request(message)
	}
}
