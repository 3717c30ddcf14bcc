// Package dev is the vocabulary of sdev: what a project, a service, a file rule, an event and an
// error are, in words that every other package shares.
//
// It decides nothing. Events are past facts; [Apply] folds them into a [Snapshot], and that fold is the
// only place that derives "what is true now", so that the plain view, the JSON view and a screen can never
// disagree.
//
// Beside the vocabulary it holds the few tools that every package needs, each in one place: files of others
// are read with bounds ([ReadFile], [OpenFile]), files are replaced in one step ([ReplaceFile]), and text of
// others is made fit to be shown ([Sanitize]). It starts no goroutine.
//
// It imports nothing else of sdev.
package dev
