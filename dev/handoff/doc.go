// Package handoff turns a project into what a platform needs to run it: a bundle of files, rendered from templates,
// with a runbook of the one-time steps.
//
// A [Target] declares the values that it needs ([Param]) and has a directory of templates.
//
//  1. [Target.Resolve] finds a value for every parameter, with its source. A value that is not set becomes a
//     placeholder.
//  2. [Target.Render] renders the files. The renderer, not the template, quotes every value for the language of its
//     file, so that no value can become code.
//  3. [Bundle.Compare] compares them with the files on disk. It merges the user's edits with what sdev changed. If
//     both changed the same lines, it keeps both between conflict markers.
//  4. [Bundle.AddRecord] adds the [Record], for programs and for people. [Bundle.Apply] then writes the files, their
//     bases (what was rendered, to merge with next time) and, last, the record.
//
// A [SmokeTest] judges an image that was started once.
//
// # Promises
//
// [Target.Resolve] and [Target.Render] are pure: the same input gives the same output, byte for byte. Only
// [Bundle.Apply] writes, and it overwrites no edit. An error undoes everything that it wrote. After a crash, the next
// run can still tell edits from rendered content. The package calls no cloud, knows neither container engine nor
// terminal, and starts no goroutines. A [Bundle] belongs to one goroutine at a time.
package handoff
