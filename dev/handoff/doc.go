// Package handoff turns a project into what a platform needs to run it: a bundle of files, rendered
// from templates, with the one-time steps beside them.
//
// A [Target] declares what it needs ([Param]) and which tree of templates it renders. [Resolve] finds
// a value for every parameter, each with its source, and leaves what nobody said as a named
// placeholder. [Target.Render] is pure: the same values give the same bytes. What is there already is
// compared with what would be written, merged where somebody has edited it, and never overwritten.
//
// Every value is quoted for the language of the file that it goes into, by the renderer and not by the
// templates, so that no value can become code.
//
// The package calls no cloud, knows neither engine nor terminal, and starts no goroutines.
package handoff
