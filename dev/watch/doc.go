// Package watch reports which files of a project have changed.
//
// It compares state and ignores the kind of event: an event, or a round of polling, only says where to look. A
// file has changed if its modification time, size or identity differs from the last report. So an editor that
// writes a temporary file and renames it causes one change of one path; a change of mode, and a file that was
// created and deleted unnoticed, cause none.
//
// The package promises:
//
//   - It reports everything that changes after [New] returned, including changes before and while
//     [Watcher.Run] sets up its watches.
//   - It reports a change once its path has been quiet for [Options].Quiet, and no later than [Options].Cap
//     after the first event, however often the file is written. Each path has its own window, so a noisy
//     file delays no other. A file that has disappeared or become empty gets five times Quiet to come back,
//     because some editors save in two steps.
//   - It watches only directories in which a rule can take effect. It never follows links: a link is a file of
//     its own, so there are no loops and no ways out of the root.
//   - Lost events do not matter. When the system's queue overflows, it compares the whole tree and reports
//     every difference in one batch with Overflow set.
//   - If the system allows no more watches, the watcher warns once and continues by polling.
//
// Goroutines: Run owns all of them and blocks until they have ended. Run's own goroutine calls emit, one call at
// a time. While emit blocks, changes are reported later but not lost.
package watch
