package session

import (
	"context"
	"io"
	"time"

	"sdev/dev"
	"sdev/dev/engine"
	"sdev/dev/plan"
)

// Containers is a container engine, split into the roles that running a project needs.
type Containers struct {
	Runtime engine.Runtime
	Images  engine.Images
	Exec    Execer
	Files   Files
	Machine Machine
	Catalog Catalog
	Host    string // address of the engine, for messages
	// HostRoute says how containers reach programs on this machine.
	HostRoute plan.HostRoute
	// OnHost says that containers are processes of this machine.
	OnHost bool
	// Warnings are about the choice of the engine. The first run says them.
	Warnings []dev.Warning
}

// Catalog lists the projects of a container engine.
type Catalog interface {
	// Projects returns the projects of which the engine has a container that sdev created, sorted by name and directory.
	Projects(ctx context.Context) ([]plan.Origin, error)
}

// Machine is the machine that runs the containers.
type Machine interface {
	// Architecture is its architecture, in Go's words: "amd64".
	Architecture(ctx context.Context) (string, error)
	// Rootless reports whether the engine runs as an ordinary user, who is root in its containers.
	Rootless(ctx context.Context) (bool, error)
}

// Runner runs a command in a container and returns its exit code.
type Runner interface {
	Run(ctx context.Context, x plan.Exec) (exitCode int, err error)
}

// Execer runs programs in containers and images.
type Execer interface {
	Runner
	// Stream runs a command as root, and returns its input and output. Closing it ends the input.
	Stream(ctx context.Context, container string, privileged bool, command ...string) (io.ReadWriteCloser, error)
	// Command runs a command to its end and returns its output.
	Command(ctx context.Context, container string, x dev.Exec) (output string, exitCode int, err error)
	// Versions returns the installed versions of Python packages in an image, without those that are missing.
	Versions(ctx context.Context, image string, packages ...string) (map[string]string, error)
}

// Files puts files into containers, running or not.
type Files interface {
	// ContainerUser returns the user that the container's process runs as. If the container does not exist, the
	// result is zero.
	ContainerUser(ctx context.Context, container string) (plan.ContainerUser, error)
	// Stat returns size and modification time, in whole seconds; ok is false if the file does not exist.
	Stat(ctx context.Context, container, file string) (size int64, modified time.Time, ok bool, err error)
	// Put unpacks a tar archive into a directory.
	Put(ctx context.Context, container, dir string, archive io.Reader) error
}
