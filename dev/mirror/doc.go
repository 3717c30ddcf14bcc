// Package mirror keeps files in a container equal to those of the project, where no mount shows
// them there.
//
// Two halves talk over one stream. [Keeper] runs beside the project. [Receive] runs inside the
// container, as root, and writes. What goes from the former to the latter:
//
//	hello: a line of JSON; one line for each file that should be there; ◀ one line: which are not
//	batch: a line of JSON with what is to go; a tar archive with what is to come; ◀ one line: outcome
//	batch: …
//
// The archive is POSIX.1-2001 (pax), because its records hold times in nanoseconds and names of any
// bytes. Names in JSON are base64, because a file's name need not be text.
//
// What it promises:
//
//   - It goes by state, not by kind of event: a path is looked at when it is sent. With each new
//     stream both sides compare everything, so that what happened meanwhile (a container that was
//     restarted, removed and made again, a lost connection) loses nothing, deletions included.
//   - Whoever reads a file in the container finds the old or the new one, never none and never a
//     part: files are written beside and renamed, with owner, mode and time already set.
//   - Nothing is written outside the roots that the hello names. Links are made as links and never
//     followed, neither here nor there.
//   - Only what was put there is taken away again, and what was seen to be deleted here. A ledger in
//     the container says what that is.
//   - A file that cannot be read or written fails by itself: it is reported by name, tried again, and
//     holds up no other. Large files go after small ones.
//
// Goroutines: [Keeper.Run] and [Receive] own what they start and return when it has ended.
package mirror
