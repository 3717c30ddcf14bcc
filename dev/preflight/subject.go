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

// Subject is what Run checks. Every part may be left out.
type Subject struct {
	Target  string      // name of the platform; "" if none is chosen
	Hosting dev.Hosting // how that platform runs the app
	Now     time.Time   // compared with the last day of each suppression

	Project      fs.FS          // the project's directory; nil: no source
	App          App            // what is known of the app
	Compose      *types.Project // the compose model
	ComposeFiles []string       // the files of that model, relative to Project
	Service      string         // name of the service that ships
	Image        v1.Image       // the image that ships; see Open
	Platform     string         // that the image must have, such as "linux/amd64"; "": any
	Bundle       []File         // rendered files
	Repository   Repository     // state of the git repository
	History      History        // nil: no history
	Built        bool           // the image was built from the working tree, to be handed over
	Suppress     []dev.Suppression
	// Others are findings of other packages, such as the target's. Suppressions apply to them too; all of them
	// are returned, before Run's own findings of the same severity.
	Others []dev.Finding
}

// App is what is known of the app.
type App struct {
	Entry    string   // the script that Streamlit runs, relative to the project
	Modules  []string // the scripts that it consists of; nil: every script that is no test
	Port     int      // that the platform connects to; 0: unknown
	BasePath string   // server.baseUrlPath, without slashes around it
	Command  []string // of the compose file or the bundle; nil: the image's own

	Streamlit Setting // the pinned version, or "any" if only the name is given
	Python    Setting // "3.11"

	Defects  []Defect  // found by other packages; Run skips those whose id is no rule
	Bypassed []Setting // statements that switch the login off
	Optional []Setting // constants that allow the bypass in development
	Copies   []Copy    // what the Dockerfile copies from the build context
	Steps    []Setting // instructions of the Dockerfile's stage that ships; nil: unknown
	Context  string    // build context, relative to the project; "" or ".": the project itself
}

// Defect is a problem that another package found in the source.
type Defect struct {
	ID, File string
	Line     int
	What     string
	Fix      string
}

// Setting is a value and the place where it is set.
type Setting struct {
	Value string
	File  string // relative to the project
	Line  int
}

// Copy is an instruction that copies files from the build context into the image.
type Copy struct {
	From string // relative to the context; "." is all of it
	To   string // absolute, in the image; "": unknown
	File string // the Dockerfile, relative to the project
	Line int
}

// File is a file of a bundle.
type File struct {
	Path string // relative to the project, with slashes
	Data []byte
}

// Repository is the state of the repository that the project is in. The zero value means that there is none.
type Repository struct {
	Found      bool
	Unreadable string   // why git cannot read it; "" if it can
	Dir        string   // of the project, relative to the repository; "" or ".": its root
	Shallow    bool     // older commits were not fetched
	Branch     string   // "" if HEAD is detached
	Commit     string   // "" before the first one
	Modified   []string // files that differ from the commit, relative to the project
	Files      []string // files that are not ignored, relative to the project
	Tracked    []string // those of them that the repository holds
}

// History reads every version of every file that was ever committed.
type History interface {
	// Blobs calls visit once for each version of each file, with its id and one of its paths, relative to the
	// repository. It stops at the first error.
	Blobs(ctx context.Context, visit func(id, path string, content io.Reader) error) error
	// CommitOf returns a commit that holds a version; "" if none does.
	CommitOf(ctx context.Context, id string) string
}
