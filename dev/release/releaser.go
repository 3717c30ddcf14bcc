package release

import (
	"context"
	"io"
	"io/fs"
	"time"

	"sdev/dev"
	"sdev/dev/destination"
	"sdev/dev/handoff"
	"sdev/dev/plan"
)

// Releaser hands projects over from this machine. All fields must be set.
type Releaser struct {
	Dir        string // that relative paths of [Options] begin at; "" is the working directory
	Guard      destination.Guard
	Env        []string // KEY=VALUE, for git
	Getenv     func(string) string
	Now        func() time.Time
	Version    string                 // of sdev
	CacheDir   func() (string, error) // a private directory for large files
	OpenEngine func(context.Context) (Engine, error)
	Emit       func(dev.Event) // is given the steps of a build

	Templates        fs.FS // one directory for each target
	TemplatesVersion string
}

// Engine is what shipping needs of a container engine.
type Engine interface {
	// Inspect looks an image up. One that is not there is an error with code dev.CodeImageMissing.
	Inspect(ctx context.Context, ref string) (Image, error)
	// Build builds an image under its tag, and gives its id.
	Build(ctx context.Context, b plan.Build, emit func(dev.Event)) (id string, err error)
	// Save gives an image as the archive that "docker save" writes. The caller closes it.
	Save(ctx context.Context, ref string) (io.ReadCloser, error)
	// Start runs an image once. An image that cannot even be started is a [*StartError], and leaves nothing
	// behind; every other container is the caller's to remove.
	Start(ctx context.Context, t SmokeTest) (Container, error)
	Close() error
}

// Image is what an engine knows of an image.
type Image struct {
	ID             string
	Digest         string // by which a registry has it; "" where none is known to
	Platform       string // "linux/amd64"
	Size           int64  // of its layers, unpacked, in bytes
	NeedsEmulation bool   // the engine's machine does not run it by itself
	Labels         map[string]string
}

// SmokeTest says how an image is started once. Its root is read-only, and it has no network, no mounts and
// nothing of this machine.
type SmokeTest struct {
	Project string // whose image it is
	Image   string
	Command []string          // in place of the image's; nil leaves that
	Env     map[string]string // on top of the image's
	Scratch []string          // directories in memory, the only ones that can be written to
	Port    int               // that the app listens on
}

// Container is an image that was started once. Reach may be called while another method runs.
type Container interface {
	// User is who the container runs as; "" is root.
	User() string
	// Reach connects to the container's port, by a carrier for package tunnel.
	Reach(ctx context.Context) (io.ReadWriteCloser, error)
	// Ended says whether the container has ended, and with which exit code.
	Ended(ctx context.Context) (ended bool, code int, err error)
	// Output gives the last lines that the container printed.
	Output(ctx context.Context, lines int) []string
	// Remove removes the container, even after ctx has ended.
	Remove(ctx context.Context) error
}

// StartError is why an engine could not start an image.
type StartError struct{ Message string }

func (e *StartError) Error() string { return e.Message }

// Person answers questions at a terminal.
type Prompter interface {
	// Values asks for values of a target, and gives the answers by name. An empty answer leaves a value missing.
	AskValues(ctx context.Context, missing []handoff.Param) (map[string]string, error)
	// Confirm asks whether a bundle is to be written to a directory.
	Confirm(ctx context.Context, dir string) (bool, error)
}

// withEngine opens the engine for some work.
func (r *Releaser) withEngine(ctx context.Context, work func(Engine) error) error {
	e, err := r.OpenEngine(ctx)
	if err != nil {
		return err
	}
	defer e.Close() //nolint:errcheck // nothing is lost with the connection
	return work(e)
}
