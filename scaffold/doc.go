// Package scaffold turns a tree of templates and a set of answers into a project directory: it first
// says what it would do to every file, then does exactly that.
//
// # The form of a tree
//
// Each top-level directory of the tree is a layer. The layer "all" always belongs to the project;
// another one is named after the answers it belongs to, "deps=uv" or "deps=uv,auth=none", and is
// taken when all of them were given. Below the layer lies what goes into the project. A file whose
// name ends in .tmpl is a text/template over the answers and loses the ending; every other file is
// copied as it is. Two layers must not give the same file.
//
// # Promises
//
// A plan changes nothing. Applying it writes nothing at all while anything is in the way, overwrites
// only when the plan was made with Force, and never a file that its user has edited. Nothing is
// written outside the target directory, whatever symbolic links lie in it. A file appears complete or
// not at all; when one cannot be written, or the context ends, everything done so far is undone.
//
// What was answered and written is recorded in the project ([RecordName], meant to be committed), so
// that a later run knows which files are still as they were written, and the same run again finds
// nothing to do.
//
// The package starts no goroutines and knows neither the trees nor the program around it.
package scaffold
