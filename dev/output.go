package dev

import (
	"encoding/json"
	"math"
	"time"
)

// Output turns the lines that a container printed into events, in order. All runtimes use it, so that a line means the same
// on each.
type Output struct {
	Service string
	Gateway bool // the lines may contain events

	last uint64 // sequence number of the gateway's last event; 0 before the first
}

// Line reports a line of a stream, "stdout" or "stderr", that was printed at a time.
//
// The gateway numbers its events from 1, so a gap means that events were lost; Line reports that as [LogDropped]. It reports
// other output of the gateway as log lines, so that the message of a crash is not lost.
func (o *Output) Line(at time.Time, stream, text string, emit func(time.Time, Event)) {
	if o.Gateway {
		var s Stamped
		if json.Unmarshal([]byte(text), &s) == nil {
			if o.last > 0 && s.Seq > o.last+1 {
				emit(s.Time, LogDropped{N: int(min(s.Seq-o.last-1, math.MaxInt32))}) // bounded
			}
			o.last = s.Seq
			emit(s.Time, s.Event)
			return
		}
	} else if w, ok := ParseShimWarning(text); ok {
		emit(at, w)
		return
	}
	emit(at, LogLine{Service: o.Service, Stream: stream, Text: Sanitize(text)})
}
