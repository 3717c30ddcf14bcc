// Package hub puts the events of all producers into one order and delivers them to every reader.
//
// The package promises:
//
//   - One total order. An event gets its Seq, and its time unless it has one, once, under one lock. All readers see the
//     same events under the same numbers, rising from 1.
//   - No lost start. [Hub.Subscribe] returns a snapshot and the stream that begins right after it.
//   - State is never dropped. Only a [dev.LogLine] may be, when a reader lags by more than [MaxLogs] of them; the oldest
//     go first. One [dev.LogDropped] replaces a run of dropped lines in its place, with the Seq of the last of them, so
//     the numbers that a reader sees skip only right before a LogDropped.
//   - No producer waits. Emitting takes a short lock and never blocks on a reader. A reader that leaves more than
//     [MaxState] other events unread is cut off with [ErrCutOff].
//
// The package starts no goroutines. A reader closes its subscription when it is done.
package hub
