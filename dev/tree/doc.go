// Package tree renders trees of templates, compares the result with a directory, and changes the directory. Packages
// scaffold and handoff share it; each of them decides what to do about a difference.
//
// # Layout of a tree
//
// A top-level directory called "key=value", or "key=value,key=value", is a layer. Its files belong to the result if all
// of these are values of this run. "key=one+two" is a layer for either of two values. The files of the layer "all"
// always belong to the result. Two layers must not render the same file. A file whose name ends in .tmpl is a template,
// and loses that ending. Every other file is copied as it is.
//
// # Promises
//
// [Templates.Render], [Relate] and [MergeText] are pure. [Read] changes nothing, does not block, limits how much it
// reads, and follows no symbolic link. [Apply] writes nothing outside its directory, even if the directory contains
// symbolic links. It changes a file only if nobody else has changed it since the comparison. A reader sees a file
// complete, or not at all. If a file cannot be written, or the context ends, Apply undoes all of its changes.
//
// The package starts no goroutines and has no state.
package tree
