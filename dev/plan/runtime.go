package plan

import (
	"io"
	"time"
)

// Labels identify the project to which an object belongs. Every object that sdev creates carries them.
type Labels struct {
	Project     string
	App         string // Compose's service label of the gateway's container, so that Compose takes it for the app
	Gateway     string
	Dir         string
	ConfigFiles []string
}

// Follow selects the logs and states that a runtime reports.
type Follow struct {
	Project  string
	Gateway  string    // service whose output contains events
	Services []string  // only logs and states of these services; nil means all
	Since    time.Time // only logs from then on; zero means all
	Tail     int       // at most this many earlier lines of each container; negative means all
	Whole    bool      // all earlier events of the gateway, regardless of Tail, because they make up the present state
	Stay     bool      // continue until the context ends; otherwise report what exists and return
}

// Exec is a command to run in a running container.
type Exec struct {
	Container  string
	Command    []string
	User       string   // "" means the container's user
	Dir        string   // "" means the container's working directory
	Env        []string // NAME=VALUE, in addition to the container's environment
	Privileged bool
	Terminal   bool // allocate a terminal; all output then goes to Out
	// In is the input; nil means none. Only a file's Read may block: the runtime cannot interrupt another reader
	// once the command has ended.
	In       io.Reader
	Out, Err io.Writer
	// Sizes delivers the terminal's size (width, height) at the start and after each change.
	Sizes <-chan [2]uint
}

// ContainerUser is the user of a container's process, with the facts that decide how files are copied there.
type ContainerUser struct {
	UID, GID   int
	Restricted bool      // root in this container lacks capabilities that root usually has
	ReadOnly   bool      // only volumes are writable
	ImageMade  time.Time // creation time of its image
	Running    bool
}
