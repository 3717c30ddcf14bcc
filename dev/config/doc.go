// Package config turns a compose file into the project that sdev runs.
//
// [Load] finds and reads the compose files with compose-go, checks them, and says what is wrong
// with file and line. Nothing is ignored silently: a key that sdev does not apply is refused by
// name, an unknown x-sdev setting too. [Overlay] then derives the effective model, which is the
// user's own plus what local development needs (gateway, bypass, mounts, environment); every
// derived value carries a note of where it came from, and the printed model can be run by
// "docker compose" alone.
//
// What no file says is assumed and told: where there is no compose file at all the caller describes
// the app as an [Assumption], and of a compose file that leaves out how the app's image is built or
// how saves reach it, that is derived from what stands beside it.
//
// Load reads files; Overlay is pure. Neither starts a goroutine.
package config
