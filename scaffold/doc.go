// Package scaffold turns a tree of templates and a set of answers into a project directory: it first
// says what it would do to every file, then does exactly that.
//
// Package tree describes the form of the templates. Here each directory at the top is a layer, named after the
// answers that it belongs to ("deps=uv", "deps=uv,auth=none") or "all", and a template is a text/template over
// the answers.
//
// # Promises
//
// A plan changes nothing. Applying it writes nothing at all while anything is in the way, overwrites
// only when the plan was made with Force, and never a file that its user has edited. For the writing
// itself the promises of [tree.Apply] hold: inside the directory, all or nothing.
//
// What was answered and written is recorded in the project ([RecordName], meant to be committed), so
// that a later run knows which files are still as they were written, and the same run again finds
// nothing to do.
//
// The package starts no goroutines and knows neither the trees nor the program around it.
package scaffold
