// Package dev is the vocabulary of sdev: what a project, a service, a file rule, an event and an
// error are, in words that every other package shares.
//
// It decides nothing and touches nothing: no files, no network, no clock, no goroutines. Everything
// in it is a value. Events are past facts; [Apply] folds them into a [Snapshot], and that fold is
// the only place where "what is true now" is worked out, so that the plain view, the JSON view and
// a screen can never disagree.
//
// It imports nothing else of sdev.
package dev
