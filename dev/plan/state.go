package plan

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// Desired is the desired state of a project.
type Desired struct {
	Project          string
	App              string // the app's service
	Gateway          string // the service whose network namespace the app joins
	Networks         []types.NetworkConfig
	Volumes          []types.VolumeConfig
	Services         []Service // in start order
	ExternalNetworks []string  // networks that services use but the project does not own
}

// Service is a service of the desired state; it has one container.
type Service struct {
	Config types.ServiceConfig // with the engine's names of networks, volumes and containers
	Image  string              // id of its image; "" if not known yet
	Hash   string              // digest of Parts; a container with an equal hash needs no replacement
	Parts  Parts               // digests of all settings of its container
	Files  []File
	Synced bool // sdev copies files into its container before each start
}

// File is a secret or a config that is written into a container before it starts.
type File struct {
	What     string // "secret NAME", "config NAME"
	Path     string // absolute
	Content  []byte
	UID, GID int
	Mode     int64
	Ours     bool `json:"-"` // sdev's own, readable by everybody
}

// Resource is a network or a volume of the project.
type Resource struct {
	Name         string
	Hash         string // digest of its settings; "" if something other than sdev created it
	ForContainer string // for a volume: the container that it was created for and is removed with; "" if none
	Dir          string // for a volume: project directory that it was created from; "" if its labels name none
	// Users names the containers of other projects that use a volume; "" if none does.
	Users string
}

// Origin is a project on a runtime, and the directory that it was created from.
type Origin struct {
	Name string
	Dir  string // absolute; it may be gone, or be on another machine
}

// SortOrigins sorts projects by name and directory, and removes duplicates.
func SortOrigins(all []Origin) []Origin {
	slices.SortFunc(all, func(a, b Origin) int { return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Dir, b.Dir)) })
	return slices.Compact(all)
}

// Observed is the state that the runtime found.
type Observed struct {
	Containers []Container
	Networks   []Resource
	Volumes    []Resource
	Images     []string // those of the requested references that the runtime has
}

// Container is one container of the project.
type Container struct {
	ID, Name, Service string
	Hash, Image       string
	Running           bool
	Restarting        bool   // it exited, and the engine is about to restart it
	Restarts          int    // how often the engine has restarted it by itself since somebody started it
	Joins             string // container whose network namespace it uses; "" for its own
	ExitCode          int
	Started           time.Time
	Health            string   // "", "starting", "healthy", "unhealthy"
	Ports             []string // as "127.0.0.1:8501->8501/tcp"
	Labels            map[string]string
	Reference         string // image reference with which it was created
	Env               map[string]string
	Mounts            []string // mount points in the container
	Volumes           []string // names of its volumes
	Dir               string   // project directory that it was created from; "" if its labels name none
	Ours              bool     // sdev created it
}

// HasMount reports whether a mount point of the container ends in suffix.
func (c Container) HasMount(suffix string) bool {
	return slices.ContainsFunc(c.Mounts, func(path string) bool { return strings.HasSuffix(path, suffix) })
}
