package plan

import "time"

// Build is an image to be built.
type Build struct {
	Service    string // whose image it is
	Tag        string // reference the result gets
	Context    string // absolute folder
	Dockerfile string // relative to Context, or absolute
	Target     string
	Args       map[string]string
	Labels     map[string]string
	Secrets    map[string]string // id → absolute file
	NoCache    bool
	Platform   string // os/arch[/variant]; "" is the engine's own
}

// ImageInfo is what an image says about itself.
type ImageInfo struct {
	ID         string
	Env        map[string]string
	Command    []string // entry point and command together
	WorkingDir string
}

// Labels are what everything made for a project carries.
type Labels struct {
	Project     string
	App         string // service that the gateway counts as part of, for Compose
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
	Stay     bool      // go on until the context ends; else report what there is
}
