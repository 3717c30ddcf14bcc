package handoff

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"sdev/dev"
)

// Facts are what sdev knows of a project before it asks for values.
type Facts struct {
	Name    string // the project's name
	Dir     string // the project's directory relative to the repository, with slashes; "." is the repository itself
	Bundle  string // directory of the bundle relative to the repository, with slashes
	App     App
	Git     Git
	AWS     AWS
	Policy  []dev.Policy // who may reach which path
	People  []dev.Person // with their groups
	Version string       // of sdev
	Image   Image        // that is handed over; zero if there is none
}

// Image is the image that is handed over. Its ID and digest identify its content.
type Image struct {
	Ref      string `json:"ref,omitempty"`      // as the user named it: a reference or a file
	ID       string `json:"id,omitempty"`       // digest of its configuration, which engines call its ID
	Digest   string `json:"digest,omitempty"`   // of its manifest, as registries know it; "" until the image is pushed
	Platform string `json:"platform,omitempty"` // "linux/amd64"
	Size     int64  `json:"size,omitempty"`     // of its layers, unpacked, in bytes
	Revision string `json:"revision,omitempty"` // commit in its label
	Proof    *Proof `json:"proof,omitempty"`    // that it runs; nil if it was not started
}

// Proof is the result of starting an image once, as its platform would.
type Proof struct {
	Page     bool   `json:"page"`      // it served the page, and the page's script ran to the end
	Health   int64  `json:"health_ms"` // from the start to the first answer of the health check
	ReadOnly bool   `json:"read_only"` // its root file system was read-only
	User     string `json:"user"`      // that it ran as
}

// App is the Streamlit app as it ships, without what local development adds.
type App struct {
	Service   string
	Entry     string // script that Streamlit runs, relative to the project
	Port      int    // that Streamlit listens on in the container
	BasePath  string // server.baseUrlPath, without slashes around it; "" is none
	Roots     []string
	Pages     []Page
	Python    Value   // "3.11"
	Streamlit Value   // "1.50.0"; "" if it is not pinned
	Deps      Value   // the file that lists the packages
	Manager   string  // what installs them: "uv", "poetry", "pipenv", "conda", "pip", "pyproject"; "" if that is unknown
	Login     []Value // how people sign in: "streamlit-oauth", "native", "alb", …; only "none" if they do not
	Env       []Variable
	Command   []string // of the compose file or the image; nil if neither has one
	// Entrypoint and Args replace those of the image, as the compose file says; nil keeps the image's.
	Entrypoint []string
	Args       []string

	Context    string // build context relative to the repository, with slashes
	Dockerfile string // relative to the context; "" if the image is not built from this project
	Target     string // stage of the Dockerfile; "" is the last
	Platform   string // "linux/amd64"

	Imports []Import
	Calls   []Call
}

// Page is one page of the app.
type Page struct {
	Script string // relative to the project
	Path   string // in the browser's address, with a leading slash
}

// Variable is an environment variable that the app gets wherever it runs. Values that look like secrets are left out.
type Variable struct{ Name, Value, Origin string }

// Import is a module from outside the project that the app's code imports.
type Import struct {
	Module string // top-level name: "boto3"
	File   string // relative to the project
	Line   int
}

// Call is something that the code does and not every platform supports.
type Call struct {
	What string // "aws:ssm", "st.login", "file:write", "subprocess"
	Text string // the line, trimmed
	File string
	Line int
}

// Git is what sdev knows of the repository. The zero value is no repository.
type Git struct {
	Found    bool
	Remote   string // URL of origin, without credentials; "" if there is none
	Host     string // "github.com"
	Owner    string
	Repo     string
	Branch   string   // "" if the head is detached
	Commit   string   // full hash; "" before the first commit
	Modified []string // files that differ from the commit, relative to the repository
}

// AWS is what the project configures for AWS.
type AWS struct {
	Profile    string
	Region     Value
	Parameters []Call // SSM parameters that the code reads; Text is the name
}

// streamlitPort is Streamlit's default port.
const streamlitPort = 8501

// port is the port that the app listens on.
func (a App) port() int { return cmp.Or(a.Port, streamlitPort) }

// healthPath is the path of Streamlit's health check.
func (a App) healthPath() string { return path.Join("/", a.BasePath, "_stcore/health") }

// startCommand returns what replaces the image's entry point and command; nil keeps the image's. Platforms treat an
// empty entry point as unset, so if the compose file clears the image's, the command takes its place.
func (a App) startCommand() (entrypoint, command []string) {
	if a.Entrypoint != nil && len(a.Entrypoint) == 0 && len(a.Args) > 0 {
		return a.Args, nil
	}
	return a.Entrypoint, a.Args
}

// signsInWith reports whether people sign in this way.
func (a App) signsInWith(how string) bool {
	return slices.ContainsFunc(a.Login, func(v Value) bool { return v.Text == how })
}

// hasNoLogin reports whether the app is open to everybody who reaches it.
func (a App) hasNoLogin() bool {
	return !slices.ContainsFunc(a.Login, func(v Value) bool { return v.Text != "none" })
}

// splitOrigin splits "compose.yaml:14", or a source that ends with it in parentheses.
func splitOrigin(s string) (file string, line int) {
	if _, place, ok := strings.Cut(strings.TrimSuffix(s, ")"), " ("); ok {
		s = place // "… (compose.yaml:14)"
	}
	file, number, _ := strings.Cut(s, ":")
	line, _ = strconv.Atoi(number) // 0 if there is no line
	return file, line
}
