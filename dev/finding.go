package dev

import "time"

// Severity says what a [Finding] means for a hand-off.
type Severity string

// The severities, worst first.
const (
	Blocks  Severity = "block" // must not ship
	Warns   Severity = "warn"  // ships, and somebody should know
	Informs Severity = "info"
)

// Finding is what a check found, with its place and what to do about it.
type Finding struct {
	ID       string   `json:"id"` // stable and dotted: "image.user.root"
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`        // what is wrong, lower case, without a full stop
	File     string   `json:"file,omitempty"` // relative to the project, with slashes
	Line     int      `json:"line,omitempty"` // from 1; 0 where it is about the file as a whole
	// Where is the place of what is in no file: "layer 3 (RUN pip install)", "commit 1a2b3c4".
	Where string `json:"where,omitempty"`
	Fix   string `json:"fix"`            // the command or edit that helps
	Docs  string `json:"docs,omitempty"` // address of a page that explains it
	// Suppressed is set where somebody decided to ship it all the same; it does not block then.
	Suppressed *Suppression `json:"suppressed,omitempty"`
}

// Suppression is the decision to ship what a check found, until a day.
type Suppression struct {
	ID     string    `json:"id"`             // of the findings that it is about
	Path   string    `json:"path,omitempty"` // only those in this file; a .dockerignore pattern
	Reason string    `json:"reason"`         // never empty
	Until  time.Time `json:"until"`          // the last day on which it holds
	Origin string    `json:"origin"`         // where it stands: "compose.yaml:14"
}

// Block reports whether one of the findings blocks, and is not suppressed.
func Block(findings []Finding) bool {
	for _, f := range findings {
		if f.Severity == Blocks && f.Suppressed == nil {
			return true
		}
	}
	return false
}
