// Package config turns a compose file into the project that sdev runs.
//
// [Load] finds and reads the compose files with compose-go, checks them, and reports each problem with file and line. It
// ignores nothing silently: it refuses keys that sdev does not support, and unknown settings of x-sdev. [Overlay] then
// derives the effective model: the user's model plus what local development needs (gateway, bypass, mounts,
// environment). Every derived value has a note that says where it comes from, and "docker compose" alone can run the
// printed model.
//
// The package derives what no file says and reports it as an assumption: without a compose file the caller
// describes the app as an [Assumption]; if the compose file says neither how to build the app's image nor how
// saves reach it, the package derives that from the files beside it.
//
// Load reads files. Overlay changes none; it only checks whether paths that the model names exist. compose-go logs through
// logrus what Load reports itself; the program decides where that log goes.
//
// Goroutines: Load runs compose-go in one (blocking.Call). If its context ends, Load returns at once, and that
// goroutine ends when compose-go has finished reading.
package config
