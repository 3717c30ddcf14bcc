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
	Dir        string // base of relative paths in [Options]; "" is the working directory
	Guard      destination.Guard
	Env        []string // KEY=VALUE, for git
	Getenv     func(string) string
	Now        func() time.Time
	Version    string                 // of sdev
	CacheDir   func() (string, error) // a private directory for large files
	OpenEngine func(context.Context) (Engine, error)
	Emit       func(dev.Event) // receives the steps of a build

	Templates        fs.FS // one directory for each target
	TemplatesVersion string
}

// Engine is the container engine as a release needs it.
type Engine interface {
	// Inspect describes an image. If it does not exist, the error has code dev.CodeImageMissing.
	Inspect(ctx context.Context, ref string) (Image, error)
	// Build builds an image under its tag, and returns its ID.
	Build(ctx context.Context, b plan.Build, emit func(dev.Event)) (id string, err error)
	// Save returns an image as an archive in the format of "docker save". The caller closes it.
	Save(ctx context.Context, ref string) (io.ReadCloser, error)
	// Start runs an image once. If the engine cannot start it, the error is a [*StartError] and no container is left;
	// otherwise the caller removes the container.
	Start(ctx context.Context, t SmokeTest) (Container, error)
	Close() error
}

// Image is an image as the engine describes it.
type Image struct {
	ID             string
	Digest         string // in a registry; "" if it is in none that the engine knows
	Platform       string // "linux/amd64"
	Size           int64  // of its layers, unpacked, in bytes
	NeedsEmulation bool   // it is built for another platform than the engine's machine
	Labels         map[string]string
}

// SmokeTest says how to start an image once. Its root is read-only, and it has no network, no mounts and no access to
// this machine.
type SmokeTest struct {
	Project string // that the image belongs to
	Image   string
	Command []string          // replaces the image's; nil keeps it
	Env     map[string]string // added to the image's
	Scratch []string          // the only writable directories, in memory
	Port    int               // that the app listens on
}

// Container is a running smoke test. Reach may be called while another method runs.
type Container interface {
	// User is who the container runs as; "" is root.
	User() string
	// Reach opens a transport to the container's port, for package tunnel.
	Reach(ctx context.Context) (io.ReadWriteCloser, error)
	// Ended reports whether the container has ended, and with which exit code.
	Ended(ctx context.Context) (ended bool, code int, err error)
	// Output returns the last lines that the container printed.
	Output(ctx context.Context, lines int) []string
	// Remove removes the container, even after ctx has ended.
	Remove(ctx context.Context) error
}

// StartError says why the engine could not start an image.
type StartError struct{ Message string }

func (e *StartError) Error() string { return e.Message }

// Prompter asks the user questions.
type Prompter interface {
	// AskValues asks for missing values, and returns the answers by name. An empty answer leaves a value missing.
	AskValues(ctx context.Context, missing []handoff.Param) (map[string]string, error)
	// Confirm asks whether to write a bundle to a directory.
	Confirm(ctx context.Context, dir string) (bool, error)
}

// withEngine opens the engine for some work.
func (r *Releaser) withEngine(ctx context.Context, work func(Engine) error) error {
	e, err := r.OpenEngine(ctx)
	if err != nil {
		return err
	}
	defer e.Close() //nolint:errcheck // an error here loses nothing
	return work(e)
}
