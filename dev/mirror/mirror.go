package mirror

import (
	"io"
	"time"

	"sdev/dev"
)

// Layout says which files of the project go where. It is used by one goroutine at a time.
type Layout interface {
	// Roots are the directories of the container below which everything goes.
	Roots() []Root
	// Places are where a file goes; none means that it is not copied.
	Places(path string) []Place
	// Reaches reports whether a file anywhere below a directory of the project may have a place. It may
	// say yes in vain, never no.
	Reaches(dir string) bool
}

// Root is a directory of the container.
type Root struct {
	Path string // absolute
	Own  bool   // there is nothing in it but what is copied and what the app makes: it gets the app's owner
}

// Place is where a file goes.
type Place struct {
	Root int    // index into Layout.Roots
	Path string // relative to that root, with slashes
	// Whole says that the file is wanted in a new container whatever its image has there; otherwise
	// only if it is newer than the image.
	Whole bool
}

// Owner is whom files in a container belong to.
type Owner struct {
	UID int `json:"uid"`
	GID int `json:"gid"`
}

// Source is one side: a project, and what of it goes where.
type Source struct {
	Dir    string // the project's directory, absolute
	Layout Layout
	Owner  Owner
	// Since is when the container's image was made. See [Place].
	Since time.Time
}

// Peer is a container with a receiver in it.
type Peer struct {
	Conn  io.ReadWriteCloser // to the receiver's input and from its output
	Owner Owner
	Since time.Time // when the image was made
}

// Failure is a file that could not be copied.
type Failure struct {
	Path   string // relative to the project where it is the one that cannot be read, else in the container
	Reason string // the system's word for it: "no space left on device"
}

// Where the receiver's own things are inside a container.
const (
	Dir     = dev.ReceiverDir
	Program = Dir + "/sdev"
	Ledger  = Dir + "/ledger"
)
