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
	Live        Action = "live"         // mounted: the app sees it by itself
	Sync        Action = "sync"         // copied into the container
	SyncRestart Action = "sync+restart" // copied, then the service's process starts again
	SyncExec    Action = "sync+exec"    // copied, then a command runs in the container
	Restart     Action = "restart"      // the app's process must start again
	Rebuild     Action = "rebuild"      // the image must be rebuilt
	Ignored     Action = "ignored"      // nothing happens
)

// Syncs reports whether a change is copied into the container.
func (a Action) Syncs() bool { return a == Sync || a == SyncRestart || a == SyncExec }

// Rule says what a change below a path means. The first rule that matches a path decides; a path
// that no rule matches is ignored.
type Rule struct {
	// Path is a file or directory relative to the project, with slashes; "." is the project itself.
	Path string `json:"path"`
	// Include, when not empty, limits the rule to files that match one of these patterns; Ignore
	// takes files out. Both are .dockerignore patterns relative to Path.
	Include []string `json:"include,omitempty"`
	Ignore  []string `json:"ignore,omitempty"`
	// ContextIgnore takes files out as well: the .dockerignore of the image's build context, with
	// patterns relative to Context, a directory relative to the project.
	Context       string   `json:"context,omitempty"`
	ContextIgnore []string `json:"context_ignore,omitempty"`
	Action        Action   `json:"action"`
	// Origin is where the rule comes from: "develop.watch[0] (compose.yml)", "derived: source".
	Origin string `json:"origin"`
	// Target is where the files of a syncing rule go: an absolute path in the container. Exec is what
	// runs there afterwards. The gateway, which only judges paths, is not told of either.
	Target string `json:"-"`
	Exec   Exec   `json:"-"`
}

// Exec is a command that runs in a service's container.
type Exec struct {
	Command    []string
	User       string // "" is the container's own
	WorkingDir string // "" is the container's own
	Env        []string
	Privileged bool
}

// Copy is a file or directory of the project that is kept equal in a container by copying it there.
type Copy struct {
	Service string
	Path    string // relative to the project, with slashes; "." is the project itself
	Target  string // absolute path in the container
	// Rule is the origin of the rule that decides which files below Path are meant; "" means all but
	// those that no rule ever means.
	Rule string
	// Whole says that everything is copied into a new container. Otherwise its image has the files,
	// and only those that changed since it was made are copied.
	Whole bool
	// Hidden are absolute paths in the container, below Target, at which something else is mounted:
	// nothing is copied there, since it would go through that mount.
	Hidden []string
}

// Change is one path that is not as it was.
type Change struct {
	Path string `json:"path"` // relative to the watched root, with slashes
	Gone bool   `json:"gone,omitempty"`
	// Saved is the file's modification time, or when its removal was noticed.
	Saved time.Time `json:"saved"`
}
