package dev

import "time"

// Severity is what a [Finding] means for a hand-off.
type Severity string

// The severities, worst first.
const (
	Blocks  Severity = "block" // must not ship
	Warns   Severity = "warn"  // ships, but somebody should know
	Informs Severity = "info"  // a note: nothing needs to be done
)

// Finding is a problem that a check found, with its place and a fix.
type Finding struct {
	ID       string   `json:"id"` // stable and dotted: "image.user.root"
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`        // what is wrong, lower case, without a full stop
	File     string   `json:"file,omitempty"` // relative to the project, with slashes
	Line     int      `json:"line,omitempty"` // from 1; 0 if it concerns the whole file
	// Where is the place of a problem outside the project's files: "layer 3 (RUN pip install)", "commit 1a2b3c4".
	Where string `json:"where,omitempty"`
	Fix   string `json:"fix"`            // the command or edit that helps
	Docs  string `json:"docs,omitempty"` // address of a page that explains the problem
	// Suppressed is set if somebody decided to ship the problem. The finding does not block then.
	Suppressed *Suppression `json:"suppressed,omitempty"`
}

// Suppression is somebody's decision to ship a problem until a day.
type Suppression struct {
	ID     string    `json:"id"`             // the ID of the findings that it suppresses
	Path   string    `json:"path,omitempty"` // only findings in this file; a .dockerignore pattern
	Reason string    `json:"reason"`         // never empty
	Until  time.Time `json:"until"`          // the last day on which it is valid
	Origin string    `json:"origin"`         // its file and line: "compose.yaml:14"
}

// AnyBlocks reports whether one of the findings blocks the hand-off: it has the severity [Blocks] and is not
// suppressed.
func AnyBlocks(findings []Finding) bool {
	for _, f := range findings {
		if f.Severity == Blocks && f.Suppressed == nil {
			return true
		}
	}
	return false
}
