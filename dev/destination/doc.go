// Package destination knows where sdev does not write, even when a flag names the place: what belongs to the
// system, to git, or to sdev itself.
//
// A command that takes a directory or a file from its user asks a [Guard] first, and tells the user the reason
// that it gets. Every path is judged twice, as it is written and with its links followed.
//
// The package looks at names and at what lies there. It writes nothing and starts no goroutines.
package destination
