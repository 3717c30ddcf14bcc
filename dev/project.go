package dev

import "time"

// Mode is how the app's login is treated.
type Mode string

// Local is the login bypassed: LOCAL_STREAMLIT is set by sdev's overlay, on loopback only.
const Local Mode = "local"

// Action is what a change to a file means.
type Action string

// The actions of a [Rule].
const (
	Live    Action = "live"    // mounted: the app sees it by itself
	Restart Action = "restart" // the app's process must start anew
	Rebuild Action = "rebuild" // the image must be built anew
	Ignored Action = "ignored" // nothing happens
)

// Rule says what a change below a path means. The first rule that matches a path decides; a path
// that no rule matches is ignored.
type Rule struct {
	// Path is a file or folder relative to the project, with slashes; "." is the project itself.
	Path string `json:"path"`
	// Include, when not empty, limits the rule to files that match one of these patterns; Ignore
	// takes files out. Both are .dockerignore patterns relative to Path.
	Include []string `json:"include,omitempty"`
	Ignore  []string `json:"ignore,omitempty"`
	Action  Action   `json:"action"`
	// Origin is where the rule comes from: "develop.watch[0] (compose.yml)", "derived: source".
	Origin string `json:"origin"`
}

// Change is one path that is not as it was.
type Change struct {
	Path string // relative to the watched root, with slashes
	Gone bool
	// Saved is the file's modification time, or when its removal was noticed.
	Saved time.Time
}
