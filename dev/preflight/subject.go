package preflight

import (
	"context"
	"io"
	"io/fs"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"sdev/dev"
)

// Subject is what is judged. Every part may be left out.
type Subject struct {
	Target  string      // the name of the platform that it is for; "" where none is chosen
	Hosting dev.Hosting // what that platform does with the app
	Now     time.Time   // decides whether a suppression still holds

	Project      fs.FS          // the project's directory; nil is no source
	App          App            // what is known of the app
	Compose      *types.Project // the model
	ComposeFiles []string       // where it was read from, relative to Project
	Service      string         // name of the service that ships
	Image        v1.Image       // what ships; see Open
	Platform     string         // that the image must be for, "linux/amd64"; "" is any
	Bundle       []File         // the rendered files
	Repository   Repository     // what git says
	History      History        // nil is no history
	Built        bool           // the image was built from the working tree, to be handed over
	Suppress     []dev.Suppression
	// Others are findings from elsewhere, as of the target: suppressed and sorted with the rest, before
	// which they come, each of them kept.
	Others []dev.Finding
}

// App is what is known of the app.
type App struct {
	Entry    string   // the script that Streamlit runs, relative to the project
	Modules  []string // the scripts that it consists of; nil is every script that is no test
	Port     int      // that the platform talks to; 0 is not known
	BasePath string   // server.baseUrlPath, without slashes around it
	Command  []string // that the compose file or the bundle gives; nil where the image's own runs

	Streamlit Setting // the pinned version, "any" where it is only named
	Python    Setting // "3.11"

	Defects  []Defect  // what is known to be wrong already; those whose id is no rule's are left out
	Bypassed []Setting // statements that switch the login off, whatever is set outside
	Optional []Setting // constants that let the login be bypassed in development
	Copies   []Copy    // what the image takes of the build context
	Steps    []Setting // instructions of the Dockerfile that ships, of its stage alone; nil is not known
	Context  string    // build context, relative to the project; "" or "." is the project itself
}

// Defect is something that was concluded from the source before.
type Defect struct {
	ID, File string
	Line     int
	What     string
	Fix      string
}

// Setting is a value and the place where it stands.
type Setting struct {
	Value string
	File  string // relative to the project
	Line  int
}

// Copy is an instruction that takes files of the build context into the image.
type Copy struct {
	From string // relative to the context; "." is all of it
	To   string // absolute, in the image; "" is not known
	File string // the Dockerfile, relative to the project
	Line int
}

// File is a file of a bundle.
type File struct {
	Path string // relative to the project, with slashes
	Data []byte
}

// Repository is the state of the repository that the project is in. The zero value is none.
type Repository struct {
	Found    bool
	Dir      string   // the project's, relative to the repository; "" or "." is the repository itself
	Shallow  bool     // older commits were not fetched
	Branch   string   // "" where the head is detached
	Commit   string   // "" before the first one
	Modified []string // files that differ from it, relative to the project
	Files    []string // files that are not ignored, relative to the project
	Tracked  []string // those of them that are in the repository
}

// History reads what was ever committed.
type History interface {
	// Blobs calls visit with every version of every file, once each: its id, and a path that it has,
	// relative to the repository. It stops at the first error.
	Blobs(ctx context.Context, visit func(id, path string, content io.Reader) error) error
	// CommitOf names a commit that holds a version; "" where none does.
	CommitOf(ctx context.Context, id string) string
}
