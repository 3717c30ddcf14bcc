package plan

import "time"

// Build is an image to be built.
type Build struct {
	Service    string // whose image it is
	Tag        string // reference the result gets
	Tags       []string
	Context    string // absolute directory, or the address of a remote context
	Dockerfile string // relative to Context, or absolute
	Inline     string // the Dockerfile itself; Dockerfile is empty then
	Ignore     []byte // with Inline: what a .dockerignore for it would hold; nil leaves the context's own
	Target     string
	Args       map[string]string
	Labels     map[string]string
	Secrets    map[string]string // id → absolute file
	SecretEnv  map[string]string // id → value
	SSH        []string          // agents and keys, as "docker build --ssh" takes them: "default", "ID=PATH"
	Contexts   map[string]string // named contexts: absolute directory, docker-image://REF, or an address
	ExtraHosts []string          // "name:address"
	Network    string            // of RUN steps: "", "none" or "host"
	CacheFrom  []string
	NoCache    bool
	Pull       bool   // ask the registry for newer base images
	Platform   string // os/arch[/variant]; "" is the engine's own

	// CA is a PEM bundle that RUN steps trust, for a Dockerfile that does not ask for it itself;
	// empty means that nothing is added. Proxy is environment for RUN steps alone.
	CA    []byte
	Proxy map[string]string

	// Ships says that the image leaves this machine. Its Dockerfile is then read here instead of by the
	// engine, nothing in it is replaced, and CA and Proxy are there for commands while they run: they are
	// in no layer, no variable and no line of the history. Epoch, unless zero, is the time that the image
	// and its history have.
	Ships bool
	Epoch time.Time
}

// ImageInfo is what an image says about itself.
type ImageInfo struct {
	ID              string
	Env             map[string]string
	Command         []string // entry point and command together
	WorkingDir      string
	ForeignPlatform string // its platform, where that is another than the engine's machine runs; "" otherwise
	User            string // as the image names it
}

// ImageSource says where the image of a service comes from.
type ImageSource struct {
	Service  string
	Ref      string
	Build    *Build // nil where it is only pulled
	Input    string // fingerprint of what goes into the build
	Rest     string // the same without the files that are copied into the container; "" where none are
	Platform string // that the compose file asks for; "" for the engine's own
	Pull     Pull
	Every    time.Duration // with PullEvery: how old a pull may be
	After    []string      // references of the images that it is built from
	// Assumed says that nobody asked for the build: an image that is there and that something else
	// made is used as it is.
	Assumed bool
}

// Pull says when an image is pulled.
type Pull string

// The pull policies of the Compose Specification.
const (
	PullMissing Pull = "missing"
	PullAlways  Pull = "always"
	PullNever   Pull = "never"
	PullBuild   Pull = "build" // build it each time
	PullEvery   Pull = "every" // once it is of a certain age
)

// Labels are what everything made for a project carries.
type Labels struct {
	Project     string
	App         string // Compose's service label of the gateway
	Gateway     string
	Dir         string
	ConfigFiles []string
}

// Follow says which logs and states to report.
type Follow struct {
	Project  string
	Gateway  string    // service whose output is events of its own
	Services []string  // only these services' logs and states; none means all
	Since    time.Time // logs from then on; zero means from the beginning
	Tail     int       // at most so many lines of each container at first; negative means all
	Whole    bool      // all events of the gateway, whatever Tail says: they tell what is true now
	Stay     bool      // go on until the context ends; else report what there is
}
