// Package handoff turns a project into what a platform needs to run it: a bundle of files, rendered
// from templates, with the one-time steps beside them.
//
// A [Target] declares what it needs ([Param]) and which tree of templates it renders.
//
//  1. [Target.Resolve] finds a value for every parameter, each with its source, and leaves what nobody
//     said as a named placeholder.
//  2. [Target.Render] makes the files. It is pure: the same values give the same bytes. Every value is
//     quoted for the language of the file that it goes into, by the renderer and not by the templates,
//     so that no value can become code.
//  3. [Bundle.Compare] looks at what is there. Edits of the user's are joined with what has changed, and
//     where both changed the same lines both are kept, between marks. Nothing of theirs is overwritten.
//  4. [Bundle.Finish] makes the [Record], for programs and for people, and [Bundle.Apply] writes: files
//     before what was rendered last, the record at the end. An error undoes everything. After a
//     crash, the next run still tells your edits from rendered content.
//
// A [SmokeTest] judges an image that was started once.
//
// The package calls no cloud, knows neither engine nor terminal, writes in [Bundle.Apply] alone, and starts no
// goroutines.
package handoff
