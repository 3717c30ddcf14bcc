package dev

import "time"

// Mode is how sdev treats the app's login.
type Mode string

// Local bypasses the login: sdev's overlay sets LOCAL_STREAMLIT, on loopback only.
const Local Mode = "local"

// StagePrevious is the stage of a Dockerfile that a build on this machine may replace by the image of the last build:
// one in whose place an image with other packages leads to the same result.
const StagePrevious = "sdev-previous"

// Action is what a changed file calls for.
type Action string

// The actions of a [Rule].
const (
	Live        Action = "live"         // nothing: a mount shows it to the app
	Sync        Action = "sync"         // copy it into the container
	SyncRestart Action = "sync+restart" // copy it, then restart the service's process
	SyncExec    Action = "sync+exec"    // copy it, then run a command in the container
	Restart     Action = "restart"      // restart the app's process
	Rebuild     Action = "rebuild"      // rebuild the image
	Ignored     Action = "ignored"      // do nothing
)

// Syncs reports whether the action copies the file into the container.
func (a Action) Syncs() bool { return a == Sync || a == SyncRestart || a == SyncExec }

// Rule assigns an action to the files below a path. The first rule that matches a file decides; a file that no rule
// matches is ignored.
type Rule struct {
	// Path is a file or directory relative to the project, with slashes; "." is the project itself.
	Path string `json:"path"`
	// Include, if not empty, limits the rule to files that match one of its patterns; Ignore excludes files. Both
	// are .dockerignore patterns relative to Path.
	Include []string `json:"include,omitempty"`
	Ignore  []string `json:"ignore,omitempty"`
	// ContextIgnore excludes files, too: the .dockerignore of the image's build context. Its patterns are relative
	// to Context, a directory relative to the project.
	Context       string   `json:"context,omitempty"`
	ContextIgnore []string `json:"context_ignore,omitempty"`
	Action        Action   `json:"action"`
	// Origin is where the rule comes from: "develop.watch[0] (compose.yml)", "derived: source".
	Origin string `json:"origin"`
	// Target is the absolute path in the container to which a syncing rule copies. Exec runs there afterwards. The
	// gateway, which only matches paths, gets neither.
	Target string `json:"-"`
	Exec   Exec   `json:"-"`
}

// PublishedPort is a port of this machine that the compose file requests for a service.
type PublishedPort struct {
	Service  string
	Target   uint32 // in the container
	Protocol string // "tcp", "udp"
	Port     int    // of this machine
}

// Exec is a command that runs in a service's container.
type Exec struct {
	Command    []string
	User       string // "" means the container's user
	WorkingDir string // "" means the container's working directory
	Env        []string
	Privileged bool
}

// Copy is a file or directory of the project that sdev keeps equal in a container by copying.
type Copy struct {
	Service string
	Path    string // relative to the project, with slashes; "." is the project itself
	Target  string // absolute path in the container
	// Rule is the origin of the rule that selects the files below Path; "" selects every file that a rule can
	// select.
	Rule string
	// Whole means that a new container gets every file. Otherwise its image has them, and it gets only files that
	// have changed since the image was built.
	Whole bool
	// Hidden are mount points in the container below Target, as absolute paths. sdev copies nothing there, because
	// the copy would end up in the mount.
	Hidden []string
}

// Change is a path that was saved or removed.
type Change struct {
	Path string `json:"path"` // relative to the watched root, with slashes
	Gone bool   `json:"gone,omitempty"`
	// Saved is the file's modification time or, for a removed one, the time at which the removal was noticed.
	Saved time.Time `json:"saved"`
}
