// Package plan decides what has to be done to get from what runs to what should run.
//
// [Make] is pure: desired × observed → operations in order. It touches no engine, no disk and no
// clock, prints itself as text, and is tested as text. The operations carry all that a runtime
// needs to carry them out without deciding anything; each has a reason, and names what it has to
// come after. What a container was made of is kept with it as [Parts], so that a later plan can say
// what changed.
package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// Desired is what should run.
type Desired struct {
	Project          string
	App              string // the app's service
	Gateway          string // the service whose network namespace the app joins
	Networks         []types.NetworkConfig
	Volumes          []types.VolumeConfig
	Services         []Service // in the order in which they start
	ExternalNetworks []string  // networks of others that the services use
}

// Service is one service that should run, as one container.
type Service struct {
	Config types.ServiceConfig // with the engine's names of networks, volumes and containers
	Image  string              // id of the image it should run; "" where that is not known yet
	Hash   string              // of everything that makes a container, so that equal hashes mean "leave it"
	Parts  Parts               // the same, each thing by itself
	Files  []File
	Synced bool // files are copied into its container, also before each start
}

// File is a secret or a config, written into a container before it starts.
type File struct {
	What     string // "secret NAME", "config NAME"
	Path     string // absolute
	Content  []byte
	UID, GID int
	Mode     int64
}

// Resource is a network or a volume of the project.
type Resource struct {
	Name string
	Hash string // of the settings it was made with; "" if something else made it
	Of   string // the container that a volume was made for and goes with; "" for one of the project's own
	Dir  string // of a volume: directory of the project that it was made for; "" where it does not say
	// Users names the containers of other projects that use it, of a volume; "" where none does.
	Users string
}

// Observed is what the runtime found.
type Observed struct {
	Containers []Container
	Networks   []Resource
	Volumes    []Resource
	Images     []string // references of those asked about that are there
}

// Container is one container of the project.
type Container struct {
	ID, Name, Service string
	Hash, Image       string
	Running           bool
	Restarting        bool   // it ended, and the engine is about to start it again
	Joins             string // container whose network namespace it lives in; "" for one of its own
	ExitCode          int
	Started           time.Time
	Health            string   // "", "starting", "healthy", "unhealthy"
	Ports             []string // as "127.0.0.1:8501->8501/tcp"
	Labels            map[string]string
	Reference         string // of the image, as the container was made with it
	Env               map[string]string
	Mounts            []string // paths inside
	Volumes           []string // names of those that are mounted
	Dir               string   // directory of the project that it was made for; "" where it does not say
	Ours              bool     // sdev made it
}

// HasMount says whether something is mounted at a path that ends so.
func (c Container) HasMount(suffix string) bool {
	return slices.ContainsFunc(c.Mounts, func(path string) bool { return strings.HasSuffix(path, suffix) })
}

// Verb is what an operation does.
type Verb string

// The verbs, in the order in which kinds of work happen.
const (
	Remove  Verb = "remove"
	Load    Verb = "load"
	Create  Verb = "create"
	Sync    Verb = "sync" // bring copied files up to date in a container that does not run
	Start   Verb = "start"
	Restart Verb = "restart"
	Wait    Verb = "wait"
)

// Kind is what an operation works on.
type Kind string

// The kinds of objects.
const (
	Image            Kind = "image"
	Network          Kind = "network"
	Volume           Kind = "volume"
	ServiceContainer Kind = "container"
)

// Until is what a container that depends on another waits for.
type Until string

// The conditions of depends_on.
const (
	Started   Until = "started"
	Healthy   Until = "healthy"
	Completed Until = "completed with exit code 0"
)

// Dependency is a container that another starts after.
type Dependency struct {
	Container string
	Until     Until
}

// Operation is one thing to do. Create makes without starting; Start may follow. Wait ends once
// a container is as Until says, and fails with an [UnmetError] as soon as it cannot be any more.
type Operation struct {
	Verb   Verb
	Kind   Kind
	Name   string // of the object, as the engine knows it
	ID     string // of an existing container
	Reason string

	Service  Service             // for operations on a container, removal aside
	Network  types.NetworkConfig // for Create of a network
	Volume   types.VolumeConfig  // for Create of a volume
	Hash     string              // for Create of a network or a volume: of its settings
	Joins    string              // name of the container whose network namespace is joined
	Uses     []string            // names of the containers that have to be there before this one is made
	After    []Dependency        // for Start and Restart
	Once     bool                // for Start and Restart: it is to end well, and others wait for that
	Until    Until               // for Wait
	For      []string            // for Wait: the services that depend on it
	Optional bool                // for Wait: they start as well where it fails
}

// UnmetError is a wait that cannot end well any more.
type UnmetError struct {
	Container Container // as it is now; its ID is empty where it is gone
	Until     Until
	Output    string // what the last health check printed
	NoCheck   bool   // nothing says what healthy means
}

func (e *UnmetError) Error() string {
	return fmt.Sprintf("container %s will not be %s", e.Container.Name, e.Until)
}

// Needs says whether the operation has to wait for one that stands before it in the same plan.
func (op Operation) Needs(earlier Operation) bool {
	removal := earlier.Verb == Remove && earlier.Kind == ServiceContainer
	same := earlier.Kind == op.Kind && earlier.Name == op.Name
	switch {
	case op.Verb == Remove && op.Kind == Network:
		return removal && earlier.Joins == "" // what lives in another's network has no end in this one
	case op.Verb == Remove && op.Kind == Volume:
		return removal
	case op.Kind != ServiceContainer:
		return same // its removal
	case op.Verb == Remove:
		return false
	case op.Verb == Sync:
		return earlier.Verb == Create && earlier.Name == op.Name
	case op.Verb == Create && earlier.Verb == Create && earlier.Kind == ServiceContainer:
		return earlier.Name == op.Joins || slices.Contains(op.Uses, earlier.Name)
	case op.Verb == Create:
		return earlier.Kind != ServiceContainer || same
	case op.Verb == Wait:
		return same && earlier.Verb != Wait
	case same:
		return earlier.Verb != Wait // one that waits for it does not hold it up
	case earlier.Verb == Wait:
		return slices.Contains(op.After, Dependency{earlier.Name, earlier.Until})
	}
	return earlier.Verb != Create && earlier.Verb != Remove && slices.ContainsFunc(op.After, func(d Dependency) bool { return d.Container == earlier.Name })
}

// Plan is an ordered list of operations. An empty one means that all is as it should be.
type Plan []Operation

// Describe gives the operations in words.
func (p Plan) Describe() []dev.Operation {
	out := make([]dev.Operation, 0, len(p))
	for _, op := range p {
		out = append(out, dev.Operation{Verb: string(op.Verb), Object: string(op.Kind) + " " + op.Name, Reason: op.Reason})
	}
	return out
}

// String prints one operation a line.
func (p Plan) String() string {
	var b strings.Builder
	for _, op := range p.Describe() {
		fmt.Fprintf(&b, "%s %s (%s)\n", op.Verb, op.Object, op.Reason)
	}
	return b.String()
}
