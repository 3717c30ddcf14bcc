// Package preflight checks that what ships holds no shortcut of local development, no secret, and
// nothing that is known to fail where it will run.
//
// [Run] judges a [Subject]: the files of a project, what is known of its app, a compose model, an
// image, a bundle and a repository, each of which may be absent; what is absent is not judged. Every
// kind of finding is a row of one table ([Rules]) with a stable id, a severity and a fix: help, tests
// and reports are made from it.
//
// What switches the login off is looked for by package assign, in everything that runs where the app
// ships or is told to a platform; what is for development, for tests and for people is left alone.
//
// No daemon and no network is needed: [Open] reads an image from a tarball, and [Run] walks it layer
// by layer, deleted files included, in memory that does not grow with its size, and in bounded time
// whatever somebody made of it. A secret is named by
// its kind and place and never shown. The package starts no goroutines.
package preflight
