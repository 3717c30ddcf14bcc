package session

import (
	"context"
	"io"
	"time"

	"sdev/dev"
	"sdev/dev/engine"
	"sdev/dev/plan"
)

// Containers is whatever runs containers, by the roles that running a project needs.
type Containers struct {
	Runtime engine.Runtime
	Images  engine.Images
	Exec    Execer
	Files   Files
	Host    string // address of the engine, for people
}

// Runner runs a command in a container and gives its exit code.
type Runner interface {
	Run(ctx context.Context, x plan.Exec) (exitCode int, err error)
}

// Execer runs programs in containers and images.
type Execer interface {
	Runner
	// Stream runs a command as root, and gives its input and output. Closing it ends the input.
	Stream(ctx context.Context, container string, privileged bool, command ...string) (io.ReadWriteCloser, error)
	// Command runs a command to its end and gives what it printed.
	Command(ctx context.Context, container string, x dev.Exec) (output string, exitCode int, err error)
	// Versions gives the versions of those of the Python packages that an image has.
	Versions(ctx context.Context, image string, packages ...string) (map[string]string, error)
}

// Files puts files into containers, running or not.
type Files interface {
	// ContainerUser says who the container's process is. Of a container that is not there it says only that
	// it does not run.
	ContainerUser(ctx context.Context, container string) (plan.ContainerUser, error)
	// Stat gives size and modification time, in whole seconds; ok is false where the file is not there.
	Stat(ctx context.Context, container, file string) (size int64, modified time.Time, ok bool, err error)
	// Put unpacks a tar archive into a directory.
	Put(ctx context.Context, container, dir string, archive io.Reader) error
}
