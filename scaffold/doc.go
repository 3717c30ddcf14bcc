// Package scaffold turns a tree of templates and a set of answers into a project directory. It first plans what
// happens to every file, and then does exactly that.
//
// Package tree describes the form of the templates. In this package each top-level directory is a layer. Its name
// is the answers for which it applies ("deps=uv", "deps=uv,auth=none"), or "all". Each template is a text/template
// over the answers.
//
// # Promises
//
// Making a plan changes nothing. [Plan.Apply] writes nothing at all if any file is in conflict. It overwrites a
// file only if the plan was made with force, and never a file that the user has edited. It writes with the promises
// of [tree.Apply]: inside the directory, all or nothing.
//
// A record in the project ([RecordName], which should be committed) contains the answers and the hashes of the
// written files. So a later run knows which files are still unchanged, and a second run with the same answers has
// nothing to do.
//
// The package starts no goroutines. It knows neither the trees of templates nor the commands that use it.
package scaffold
