package plan

import "time"

// ImageInfo is the metadata of an image.
type ImageInfo struct {
	ID              string
	Env             map[string]string
	Command         []string // entry point and command together
	WorkingDir      string
	ForeignPlatform string // the image's platform if the engine's machine cannot run it; else ""
	User            string // as the image's configuration names it
}

// ImageSource describes where the image of a service comes from.
type ImageSource struct {
	Service  string
	Ref      string
	Build    *Build // nil if sdev only pulls it
	Input    string // fingerprint of the build's input
	Rest     string // the same without files that sdev copies into the container; "" if it copies none
	Platform string // platform that the compose file requests; "" means the engine's own
	Pull     Pull
	Every    time.Duration // with PullEvery: maximum age of a pull
	After    []string      // references of images that this one is built from
	// Assumed means that no file of the project requests the build. If something other than sdev has created the
	// image, it stays as it is.
	Assumed bool
}

// Pull is when sdev pulls an image.
type Pull string

// The pull policies of the Compose Specification.
const (
	PullMissing Pull = "missing"
	PullAlways  Pull = "always"
	PullNever   Pull = "never"
	PullBuild   Pull = "build" // build it at every up
	PullEvery   Pull = "every" // pull it once the last pull is too old
)
