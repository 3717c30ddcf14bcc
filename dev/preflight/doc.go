// Package preflight checks that what ships holds no shortcut of local development, no secret, and
// nothing that is known to fail where it will run.
//
// Checks are pure functions of a [Subject]: files, a compose model, an image and a bundle, each of
// which may be absent. Every kind of finding is a row of one table ([Rules]) with a stable id, a
// severity and a fix.
//
// No daemon and no network is needed: an image is read from a tarball, layer by layer, deleted files
// included, in memory that does not grow with its size. The package starts no goroutines.
package preflight
