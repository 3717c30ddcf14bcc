// Package preflight finds what must not ship: shortcuts of local development, secrets, and settings that are
// known to fail on the platform.
//
// [Run] checks a [Subject]: the files of a project, what is known of its app, a compose model, an image, a bundle
// and a repository. Each part may be missing; Run skips what needs it. Every kind of finding is a [Rule] with a
// stable id, a severity and a fix, and help, reports and suppressions come from the same table ([Rules]). To add a
// rule, add a row to the table of its family, the check beside it (in layer_file.go if it is about files in an
// image), and a failing and a passing tree to rules_test.go.
//
// Package assign finds what switches the login off. Preflight applies it to everything that runs where the app
// ships or that a platform reads, and ignores files for development, for tests and for people.
//
// The package needs no daemon and no network. [Open] reads an image from an archive, and Run walks it layer by
// layer, files included that later layers delete. Both use bounded memory and time, whatever the archive holds.
// A finding names the kind and the place of a secret and never shows it.
//
// All functions are safe to call from several goroutines at once; the package starts none. A History and an
// fs.FS of the caller's are used from the goroutine that calls Run.
package preflight
