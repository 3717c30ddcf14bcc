package tui

import (
	"slices"
	"time"

	"sdev/dev"
)

// own is the service name of sdev's own lines in the log.
const own = "sdev"

// entry is a line of the log.
type entry struct {
	at      time.Time
	service string
	what    string // of sdev's own lines: "live", "saved"
	text    string
	tone    tone
	level   level
	marked  bool
}

// How much of the log is kept: whichever is reached first.
const (
	keptLines = 20_000
	keptBytes = 16 << 20
)

// logStore keeps the newest lines and which of them are shown. Lines are numbered from 0 in the order of arrival;
// the number of a line never changes.
type logStore struct {
	lines   []entry
	first   int // number of lines[0]
	bytes   int
	dropped int // lines dropped here or before they arrived

	filter matcher
	only   string // the one service shown; "" for all
	shown  []int  // numbers of the lines that are shown, rising
	names  []string
}

// add adds lines, oldest first, and reports whether one of them is shown.
func (s *logStore) add(batch []entry) bool {
	visible := false
	for _, e := range batch {
		if !slices.Contains(s.names, e.service) {
			s.names = append(s.names, e.service)
			slices.Sort(s.names)
		}
		s.lines = append(s.lines, e)
		s.bytes += len(e.text)
		if s.shows(&e) {
			s.shown = append(s.shown, s.first+len(s.lines)-1)
			visible = true
		}
	}
	return s.trim() || visible
}

// trim drops lines above the limit, and reports whether one of them was shown.
func (s *logStore) trim() bool {
	n := 0
	for len(s.lines)-n > keptLines || s.bytes > keptBytes && n < len(s.lines)-1 {
		s.bytes -= len(s.lines[n].text)
		n++
	}
	if n == 0 {
		return false
	}
	clear(s.lines[:n]) // releases the texts; the array stays for a while
	s.lines = s.lines[n:]
	s.first += n
	s.dropped += n
	gone, _ := slices.BinarySearch(s.shown, s.first)
	s.shown = s.shown[gone:]
	return gone > 0
}

func (s *logStore) clear() {
	s.first += len(s.lines)
	s.lines, s.shown, s.bytes, s.dropped = nil, nil, 0, 0
}

func (s *logStore) shows(e *entry) bool {
	return (s.only == "" || e.service == s.only) && s.filter.matches(e)
}

// choose recomputes which lines are shown.
func (s *logStore) choose(f matcher, only string) {
	s.filter, s.only, s.shown = f, only, s.shown[:0]
	for i := range s.lines {
		if s.shows(&s.lines[i]) {
			s.shown = append(s.shown, s.first+i)
		}
	}
}

// at is the shown line at a position.
func (s *logStore) at(i int) *entry { return &s.lines[s.shown[i]-s.first] }

// place is the position among the shown lines of a line number, or of the next one.
func (s *logStore) place(number int) int {
	i, _ := slices.BinarySearch(s.shown, number)
	return min(i, max(0, len(s.shown)-1))
}

// seek finds the nearest matching line from a position in a direction; -1 if there is none.
func (s *logStore) seek(from, step int, wanted func(*entry) bool) int {
	for i := from; i >= 0 && i < len(s.shown); i += step {
		if wanted(s.at(i)) {
			return i
		}
	}
	return -1
}

// entries turns events into lines of the log, oldest first.
func entries(before dev.Snapshot, batch []dev.Stamped) (list []entry, dropped int) {
	now := before
	for _, e := range batch {
		if l, ok := e.Event.(dev.LogLine); ok {
			list = append(list, entry{at: e.Time, service: safe(l.Service), text: dev.Sanitize(l.Text), level: levelOf(l.Text)})
			continue
		}
		was := now
		now = dev.Apply(now, e)
		if d, ok := e.Event.(dev.LogDropped); ok {
			dropped += d.N
		}
		if h, ok := describeEvent(was, now, e); ok {
			list = append(list, entry{at: h.at, service: own, what: h.what, text: h.text, tone: h.tone, level: toneLevel(h.tone)})
		}
	}
	// Containers are read concurrently, so their lines arrive slightly out of order.
	slices.SortStableFunc(list, func(a, b entry) int { return a.at.Compare(b.at) })
	return list, dropped
}

func toneLevel(t tone) level {
	switch t {
	case bad:
		return levelError
	case warning:
		return levelWarning
	case neutral, good, notable:
	}
	return levelNone
}
