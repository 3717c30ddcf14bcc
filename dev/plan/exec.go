package plan

import (
	"io"
	"time"
)

// Exec is a command to run inside a running container.
type Exec struct {
	Container  string
	Command    []string
	User       string   // "" for the container's
	Dir        string   // "" for the container's
	Env        []string // NAME=VALUE, besides the container's
	Privileged bool
	Terminal   bool // give it a terminal; output then comes on Out alone
	// In is the input; nil is none. Only a file's Read may block, since nothing interrupts other readers once
	// the command has ended.
	In       io.Reader
	Out, Err io.Writer
	// Sizes delivers the terminal's size, width then height, at the start and at each change.
	Sizes <-chan [2]uint
}

// ContainerUser is who a container's process is, and what that means for files that are put there.
type ContainerUser struct {
	UID, GID   int
	Restricted bool      // its root lacks rights that root usually has
	ReadOnly   bool      // only volumes can be written to
	ImageMade  time.Time // when its image was made
	Running    bool
}
