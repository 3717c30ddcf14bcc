// Package watch tells which files of a project are not as they were.
//
// It decides by state, not by kind of event: an event, or a round of polling, only says where to
// look; a file is changed when its modification time, size or identity differs from what was last
// reported. So an editor that saves by writing a temporary file and renaming it gives one change
// of one path, a change of mode gives none, and a file that came and went unseen gives none.
//
// What it promises:
//
//   - Everything that changes after [New] returned is reported, also what changes before and while
//     [Watcher.Run] sets up its watches.
//   - A change is reported once its path has been quiet for [Options].Quiet, and no later than
//     [Options].Cap after the first event, however often the file is written. Each path has its own
//     window, so a noisy file delays no other one. A file that is gone, or empty and was not, is
//     given five times Quiet to come back: editors that save in two steps leave such a moment.
//   - Only directories in which a rule can take effect are watched. Links are never followed: a link is
//     a file of its own, so loops and ways out of the root do not exist.
//   - Lost events do not matter. When the system's queue overflows, the tree is compared with what
//     is known, and one batch with Overflow set holds every difference.
//   - Where the system grants no more watches, the watcher says so once and goes on by polling.
//
// Run owns every goroutine of the package and blocks until all have ended; emit is called by Run's
// own goroutine, one call at a time. While emit blocks nothing is lost, only reported later.
package watch
