// Package tree renders trees of templates, compares what is rendered with a directory, and makes the changes
// there. Packages scaffold and handoff decide what a difference means; what they share is here.
//
// # The form of a tree
//
// A directory at the top that is called "key=value", or "key=value,key=value", is a layer: what lies below it
// belongs to the result when all of these are the values of this run. What lies below the layer "all" always
// does. Two layers must not give the same file. A file whose name ends in .tmpl is a template and loses the
// ending; every other file is copied as it is.
//
// # Promises
//
// [Templates.Render], [Relate] and [MergeText] are pure. [Read] changes nothing, neither waits nor grows without
// end, and follows no link. [Apply] writes nothing outside its directory, whatever symbolic links lie in it. It
// makes a change only where the file is as it was looked at. A file appears complete or not at all; when one
// cannot be written, or the context ends, everything done so far is undone.
//
// The package starts no goroutines and has no state.
package tree
