// Package mirror keeps the files in a container equal to those of the project if no mount shares
// them.
//
// Two halves talk over one stream. [Syncer] runs on the machine with the project. [Receive] runs inside the
// container, as root, and writes the files. The syncer sends; ◀ marks the receiver's answers:
//
//	hello: a line of JSON; one line for each file that should exist; ◀ one line: the files it needs
//	batch: a line of JSON with the files to delete; a tar archive with the files to write; ◀ one line: the result
//	batch: …
//
// The archive is POSIX.1-2001 (pax), because its records hold times in nanoseconds and names of any
// bytes. JSON holds names as base64, because a file name need not be text.
//
// The package promises:
//
//   - It compares state and ignores the kind of event: the syncer looks at a path when it sends it. Each
//     new stream begins with a full comparison, so nothing gets lost while the stream is down (the
//     container restarts or is recreated, the connection breaks), deletions included.
//   - A process in the container sees either the old file or the new one, never a missing or partial one:
//     the receiver writes a temporary file, sets owner, mode and time, and renames it.
//   - The receiver writes nothing outside the roots that the hello names. Both halves copy symbolic links
//     as links and never follow them.
//   - The receiver deletes only files that it wrote itself and files that the syncer saw deleted. A manifest
//     in the container lists what it wrote.
//   - A file that cannot be read or written fails alone: the syncer reports it by name, tries it again,
//     and goes on with the others. Large files go after small ones.
//
// Goroutines: [Syncer.Run] and [Receive] own the goroutines they start and return when those have ended.
package mirror
