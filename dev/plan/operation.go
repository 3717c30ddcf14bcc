package plan

import (
	"fmt"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
)

// Verb is what an operation does.
type Verb string

// The verbs, in the order in which kinds of work happen.
const (
	Remove  Verb = "remove"
	Load    Verb = "load"
	Create  Verb = "create"
	Sync    Verb = "sync" // update copied files in a container that does not run
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

// Until is the condition that a dependency must meet.
type Until string

// The conditions of depends_on.
const (
	Started   Until = "started"
	Healthy   Until = "healthy"
	Completed Until = "completed with exit code 0"
)

// Dependency is a container that must start first, and the condition that it must meet.
type Dependency struct {
	Container string
	Until     Until
}

// Operation is one step of a plan. Create does not start a container; Start may follow. Wait ends once a container
// meets Until, and fails with an [UnmetError] as soon as it never will.
type Operation struct {
	Verb   Verb
	Kind   Kind
	Name   string // the engine's name of the object
	ID     string // id of an existing container
	Reason string

	Service  Service             // for operations on a container other than Remove
	Network  types.NetworkConfig // for Create of a network
	Volume   types.VolumeConfig  // for Create of a volume
	Hash     string              // for Create of a network or a volume: digest of its settings
	Joins    string              // container whose network namespace this one uses
	Uses     []string            // for Create: containers that must exist first
	Awaits   []string            // for Create and Start: networks that the plan creates; only the start needs them
	After    []Dependency        // for Start and Restart
	Takes    []string            // for Start: ports of this machine that it publishes
	Frees    []string            // for Remove: ports of this machine that the container has published
	Once     bool                // for Start and Restart: the container runs to completion, and others wait for that
	Until    Until               // for Wait
	For      []string            // for Wait: services that depend on it
	Optional bool                // for Wait: those services start even if it fails; for Start and Restart: the app runs without the service
}

// UnmetError means that a container will never meet the condition of a Wait.
type UnmetError struct {
	Container Container // its present state; ID is empty if it does not exist
	Until     Until
	Output    string // output of the last health check
	NoCheck   bool   // it has no health check, so it can never be healthy
}

func (e *UnmetError) Error() string {
	return fmt.Sprintf("container %s will not be %s", e.Container.Name, e.Until)
}

// Needs reports whether the operation must wait for an earlier one of the same plan.
func (op Operation) Needs(earlier Operation) bool {
	removal := earlier.Verb == Remove && earlier.Kind == ServiceContainer
	same := earlier.Kind == op.Kind && earlier.Name == op.Name
	switch {
	case op.Verb == Remove && op.Kind == Network:
		return removal && earlier.Joins == "" // a container in another's network namespace has no endpoint in this network
	case op.Verb == Remove && op.Kind == Volume:
		return removal
	case op.Kind != ServiceContainer:
		return same // the removal of the previous object of that name
	case op.Verb == Remove:
		return false
	case op.Verb == Sync:
		return earlier.Verb == Create && earlier.Name == op.Name
	case op.Verb == Create && earlier.Verb == Create && earlier.Kind == ServiceContainer:
		return earlier.Name == op.Joins || slices.Contains(op.Uses, earlier.Name)
	case earlier.Verb == Create && earlier.Kind == Network && slices.Contains(op.Awaits, earlier.Name):
		return op.Verb == Start
	case op.Verb == Create:
		return earlier.Kind != ServiceContainer || same
	case op.Verb == Wait:
		return same && earlier.Verb != Wait
	case same:
		return earlier.Verb != Wait // a Wait for this container does not delay it
	case removal && op.Verb == Start:
		return slices.ContainsFunc(op.Takes, func(port string) bool { return slices.Contains(earlier.Frees, port) })
	case earlier.Verb == Wait:
		return slices.Contains(op.After, Dependency{earlier.Name, earlier.Until})
	}
	return earlier.Verb != Create && earlier.Verb != Remove && slices.ContainsFunc(op.After, func(d Dependency) bool { return d.Container == earlier.Name })
}
