// Package config turns a compose file into the project that sdev runs.
//
// [Load] finds and reads the compose files with compose-go, checks them, and says what is wrong
// with file and line. It ignores nothing silently: it refuses a key that sdev does not support, and an unknown
// x-sdev setting, by name. [Overlay] then derives the effective model, which is the
// user's own plus what local development needs (gateway, bypass, mounts, environment); every
// derived value carries a note of where it came from, and the printed model can be run by
// "docker compose" alone.
//
// The package derives what no file says and reports it as an assumption: without a compose file the caller
// describes the app as an [Assumption]; if the compose file says neither how to build the app's image nor how
// saves reach it, the package derives that from the files beside it.
//
// Load reads files. Overlay changes nothing; it looks only whether paths that the model names exist. Load
// returns once its context ends, although compose-go may still read in a goroutine of blocking.Call; no
// other goroutine is started. compose-go logs through logrus what Load
// reports itself; the program decides where that log goes.
package config
