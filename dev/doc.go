// Package dev is the vocabulary of sdev: types for a project, a service, a rule, an event and an error, which all other
// packages share. It imports no other package of sdev but pattern.
//
// The package promises:
//
//   - One place derives the present state. Events are past facts, and [Apply], a pure function, folds them into a
//     [Snapshot]. So the plain view, the JSON view and the terminal UI always agree.
//   - The wire format is stable. Event types, fields and error codes keep their meaning within one [WireVersion].
//   - No event contains a secret, and types that do contain secrets hide them from every print verb.
//
// It also has the few tools that every package needs, each in one place: [ReadFile] and [OpenFile] read users' files
// with limits, [ReplaceFile] replaces a file in one step, and [Sanitize] makes foreign text safe to show.
//
// It starts no goroutine, and its functions may be called by several.
package dev
