package mirror

import (
	"io"
	"time"

	"sdev/dev"
)

// Layout says to which paths in the container the files of the project are copied. The package uses it from one
// goroutine at a time.
type Layout interface {
	// Roots returns the directories of the container that hold all copied files.
	Roots() []Root
	// Places returns the places of a file; none if the file is not copied.
	Places(path string) []Place
	// Reaches reports whether any file below a directory of the project may have a place. It may
	// wrongly return true, but never wrongly false.
	Reaches(dir string) bool
}

// Root is a directory of the container.
type Root struct {
	Path string // absolute
	Own  bool   // it contains only copied files and the app's own, so it belongs to the app's user
}

// Place is a path in the container to which a file is copied.
type Place struct {
	Root int    // index into Layout.Roots
	Path string // relative to that root, with slashes
	// Whole says that a new container always gets the file. Otherwise it gets only a file that is newer than its
	// image.
	Whole bool
}

// Owner is the owner of copied files in a container.
type Owner struct {
	UID int `json:"uid"`
	GID int `json:"gid"`
}

// Source is the project: its files and the places to which they are copied.
type Source struct {
	Dir    string // the project's directory, absolute
	Layout Layout
	Owner  Owner
	// Since is when the container's image was made; see [Place].
	Since time.Time
}

// Peer is a container with a receiver in it.
type Peer struct {
	Conn  io.ReadWriteCloser // to the receiver's input and from its output
	Owner Owner
	Since time.Time // when the image was made
}

// Receiver is the program that runs [Receive] in a container.
type Receiver struct {
	Content  []byte
	Modified time.Time // of its file
}

// Failure is a file that could not be copied.
type Failure struct {
	Path   string // of the file that cannot be read, relative to the project; else of the one in the container
	Reason string // the system's message: "no space left on device"
}

// Paths of the receiver's own files inside a container. The manifest's file is still called "ledger", because
// containers of older versions have it under that name.
const (
	Dir      = dev.ReceiverDir
	Program  = Dir + "/sdev"
	Manifest = Dir + "/ledger"
)
