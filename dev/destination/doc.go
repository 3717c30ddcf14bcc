// Package destination knows where sdev must not write, even if a flag names the place: directories of the system, of
// git and of sdev itself.
//
// A command that takes a directory or a file from its user asks a [Guard] first, and shows the reason of a refusal. A
// Guard checks every path twice: as it is written, and with its symbolic links resolved.
//
// The package reads the file system. It writes nothing and starts no goroutines, and several goroutines may use it.
package destination
