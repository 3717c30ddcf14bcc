package handoff

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"sdev/dev"
)

// Facts are what is known of a project before anybody is asked.
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
	Image   Image        // what is handed over; zero where none is named
}

// Image is the image that is handed over, by what nobody can change.
type Image struct {
	Ref      string `json:"ref,omitempty"`      // as it was named: a reference or a file
	ID       string `json:"id,omitempty"`       // digest of its configuration, which engines call its id
	Digest   string `json:"digest,omitempty"`   // of its manifest, which registries know it by; "" where it depends on the push
	Platform string `json:"platform,omitempty"` // "linux/amd64"
	Size     int64  `json:"size,omitempty"`     // of its layers, unpacked, in bytes
	Revision string `json:"revision,omitempty"` // commit that it says it was built from
	Proof    *Proof `json:"proof,omitempty"`    // that it runs; nil where it was not tried
}

// Proof is what came of starting an image once, as its platform would.
type Proof struct {
	Page     bool   `json:"page"`      // the page was served, and its script ran to the end
	Health   int64  `json:"health_ms"` // from the start to the first answer of the health check
	ReadOnly bool   `json:"read_only"` // its root could not be written to
	User     string `json:"user"`      // that it ran as
}

// App is the Streamlit app as it ships: without what local development adds.
type App struct {
	Service   string
	Entry     string // script that Streamlit runs, relative to the project
	Port      int    // that Streamlit listens on in the container
	BasePath  string // server.baseUrlPath, without slashes around it; "" is none
	Roots     []string
	Pages     []Page
	Python    Value   // "3.11"
	Streamlit Value   // "1.50.0"; "" where it is not pinned
	Deps      Value   // the file that lists the packages
	Manager   string  // what installs them: "uv", "poetry", "pipenv", "conda", "pip", "pyproject"; "" where it is not known
	Login     []Value // how people sign in: "streamlit-oauth", "native", "alb", "iap", "cloudflare", "streamlit-authenticator"; "none" alone
	Env       []Variable
	Command   []string // as the image or compose file says; nil where neither does
	// Entrypoint and Args are what the compose file starts the container with instead of what the image
	// says; nil where it leaves that to the image.
	Entrypoint []string
	Args       []string

	Context    string // build context relative to the repository, with slashes
	Dockerfile string // relative to the context; "" where the image is not built here
	Target     string // stage of the Dockerfile; "" is the last
	Platform   string // "linux/amd64"

	Imports []Import
	Calls   []Call
}

// Page is one page of the app.
type Page struct {
	Script string // relative to the project
	Path   string // as the browser's address shows it, with a slash before it
}

// Variable is an environment variable that the app is given wherever it runs. Values that look like
// secrets are not in it.
type Variable struct{ Name, Value, Origin string }

// Import is a module of somebody else's that the app's code imports.
type Import struct {
	Module string // top-level name: "boto3"
	File   string // relative to the project
	Line   int
}

// Call is something that the code does and that not every platform has.
type Call struct {
	What string // "aws:ssm", "st.login", "file:write", "subprocess"
	Text string // the line, trimmed
	File string
	Line int
}

// Git is what the repository says. The zero value is no repository.
type Git struct {
	Found    bool
	Remote   string // address of origin, without credentials; "" is none
	Host     string // "github.com"
	Owner    string
	Repo     string
	Branch   string   // "" where the head is detached
	Commit   string   // full hash; "" before the first commit
	Modified []string // files that differ from the commit, relative to the repository
}

// AWS is what the project says about AWS.
type AWS struct {
	Profile    string
	Region     Value
	Parameters []Call // parameters of SSM that the code reads; Text is the name
}

// streamlitPort is what Streamlit listens on where nothing says otherwise.
const streamlitPort = 8501

// port is what the app listens on.
func (a App) port() int { return cmp.Or(a.Port, streamlitPort) }

// healthPath is Streamlit's health check behind the load balancer.
func (a App) healthPath() string { return path.Join("/", a.BasePath, "_stcore/health") }

// starts is what the container is started with instead of what its image says; nil leaves that to the
// image. Platforms read an empty entry point as none, so where the compose file takes the image's away,
// the command takes its place.
func (a App) startCommand() (entrypoint, command []string) {
	if a.Entrypoint != nil && len(a.Entrypoint) == 0 && len(a.Args) > 0 {
		return a.Args, nil
	}
	return a.Entrypoint, a.Args
}

// signsIn reports whether people sign in in this way.
func (a App) signsInWith(how string) bool {
	return slices.ContainsFunc(a.Login, func(v Value) bool { return v.Text == how })
}

// open reports whether the app lets in everybody who reaches it.
func (a App) hasNoLogin() bool {
	return !slices.ContainsFunc(a.Login, func(v Value) bool { return v.Text != "none" })
}

// origin splits "compose.yaml:14".
func splitOrigin(s string) (file string, line int) {
	if _, place, ok := strings.Cut(strings.TrimSuffix(s, ")"), " ("); ok {
		s = place // of a source, which ends with it: "… (compose.yaml:14)"
	}
	file, number, _ := strings.Cut(s, ":")
	line, _ = strconv.Atoi(number) // where there is none, the place is the file
	return file, line
}
