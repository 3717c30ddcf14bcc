package mirror

import (
	"io"
	"time"

	"sdev/dev"
)

// Layout says which files of the project go where. Only one goroutine at a time uses it.
type Layout interface {
	// Roots are the directories of the container that hold all copied files.
	Roots() []Root
	// Places are where a file goes; none means that it is not copied.
	Places(path string) []Place
	// Reaches reports whether any file below a directory of the project may have a place. It may
	// wrongly say yes, never no.
	Reaches(dir string) bool
}

// Root is a directory of the container.
type Root struct {
	Path string // absolute
	Own  bool   // it holds only copied files and what the app creates: it belongs to the app's user
}

// Place is where a file goes.
type Place struct {
	Root int    // index into Layout.Roots
	Path string // relative to that root, with slashes
	// Whole says that a new container gets the file whatever its image has there; otherwise only if the
	// file is newer than the image.
	Whole bool
}

// Owner is the owner of copied files in a container.
type Owner struct {
	UID int `json:"uid"`
	GID int `json:"gid"`
}

// Source is the project's side: its files and where they go.
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
	Reason string // the system's message: "no space left on device"
}

// Where the receiver keeps its own files inside a container. Manifest is still called "ledger" on disk,
// because containers of older versions have it under that name.
const (
	Dir      = dev.ReceiverDir
	Program  = Dir + "/sdev"
	Manifest = Dir + "/ledger"
)
