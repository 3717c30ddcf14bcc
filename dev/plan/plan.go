// Package plan decides what has to be done to get from what runs to what should run.
//
// [Make] is pure: desired × observed → operations in order. It touches no engine, no disk and no
// clock, prints itself as text, and is tested as text. The operations carry all that a runtime
// needs to carry them out without deciding anything.
package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// Desired is what should run.
type Desired struct {
	Project  string
	App      string // the app's service
	Gateway  string // the service whose network namespace the app joins
	Networks []types.NetworkConfig
	Volumes  []types.VolumeConfig
	Services []Service // in the order in which they start
}

// Service is one service that should run, as one container.
type Service struct {
	Config  types.ServiceConfig
	Image   string // id of the image it should run; "" where that is not known yet
	Hash    string // of everything that makes a container, so that equal hashes mean "leave it"
	Configs types.Configs
	Synced  bool // files are copied into its container, also before each start
}

// Observed is what the runtime found.
type Observed struct {
	Containers []Container
	Networks   []string // names of the project's networks
	Volumes    []string // names of the project's volumes
	Images     []string // references of those asked about that are there
}

// Container is one container of the project.
type Container struct {
	ID, Name, Service string
	Hash, Image       string
	Running           bool
	Joins             string // container whose network namespace it lives in; "" for one of its own
	ExitCode          int
	Started           time.Time
	Health            string   // "", "starting", "healthy", "unhealthy"
	Ports             []string // as "127.0.0.1:8501->8501/tcp"
	Labels            map[string]string
	Reference         string // of the image, as the container was made with it
	Env               map[string]string
	Mounts            []string // paths inside
	Dir               string   // folder of the project that sdev made it for; "" if something else made it
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

// Operation is one thing to do. Create makes without starting; Start may follow.
type Operation struct {
	Verb   Verb
	Kind   Kind
	Name   string // of the object, as the engine knows it
	ID     string // of an existing container
	Reason string

	Service Service             // for Create of a container
	Network types.NetworkConfig // for Create of a network
	Volume  types.VolumeConfig  // for Create of a volume
	Joins   string              // name of the container whose network namespace is joined
}

// Needs says whether the operation has to wait for one that stands before it in the same plan.
func (op Operation) Needs(earlier Operation) bool {
	removal := earlier.Verb == Remove && earlier.Kind == ServiceContainer
	switch {
	case op.Verb == Remove && op.Kind == Network:
		return removal && earlier.Joins == "" // what lives in another's network has no end in this one
	case op.Verb == Remove && op.Kind == Volume:
		return removal
	case op.Kind != ServiceContainer || op.Verb == Remove:
		return false
	case op.Verb == Sync:
		return earlier.Verb == Create && earlier.Name == op.Name
	case op.Verb == Create && earlier.Verb == Create && earlier.Kind == ServiceContainer:
		return earlier.Name == op.Joins
	case op.Verb == Create:
		return earlier.Kind != ServiceContainer || earlier.Name == op.Name
	}
	// Starts follow one another in the order of their dependencies.
	return earlier.Verb != Create || earlier.Name == op.Name
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

// Want reads the desired state out of an effective compose model. images maps image references to
// ids, where they are known.
func Want(model *types.Project, app, gateway string, images map[string]string) Desired {
	d := Desired{Project: model.Name, App: app, Gateway: gateway}
	used := map[string]bool{}
	volumes := map[string]bool{}
	for _, name := range startOrder(model) {
		s := model.Services[name]
		for n := range s.Networks {
			used[n] = true
		}
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeVolume && v.Source != "" {
				volumes[v.Source] = true
			}
		}
		ref := ImageName(model.Name, s)
		s.Image = ref
		s.Networks, s.Volumes = engineNames(model, s)
		svc := Service{Config: s, Image: images[ref], Configs: types.Configs{}}
		for _, c := range s.Configs {
			svc.Configs[c.Source] = model.Configs[c.Source]
		}
		svc.Hash = hash(svc)
		d.Services = append(d.Services, svc)
	}
	for _, name := range model.NetworkNames() {
		if used[name] && !bool(model.Networks[name].External) {
			d.Networks = append(d.Networks, model.Networks[name])
		}
	}
	for _, name := range model.VolumeNames() {
		if volumes[name] && !bool(model.Volumes[name].External) {
			d.Volumes = append(d.Volumes, model.Volumes[name])
		}
	}
	return d
}

// engineNames puts the engine's names of networks and volumes in place of the compose file's.
func engineNames(model *types.Project, s types.ServiceConfig) (map[string]*types.ServiceNetworkConfig, []types.ServiceVolumeConfig) {
	networks := make(map[string]*types.ServiceNetworkConfig, len(s.Networks))
	for key, n := range s.Networks {
		networks[model.Networks[key].Name] = n
	}
	volumes := slices.Clone(s.Volumes)
	for i, v := range volumes {
		if v.Type == types.VolumeTypeVolume && v.Source != "" {
			volumes[i].Source = model.Volumes[v.Source].Name
		}
	}
	return networks, volumes
}

// ImageName is the reference that a service runs: its own, or the one that Compose gives to what
// it builds.
func ImageName(project string, s types.ServiceConfig) string {
	if s.Image != "" {
		return s.Image
	}
	return project + "-" + s.Name
}

// ContainerName is the name that Compose gives to a service's only container.
func ContainerName(project string, s types.ServiceConfig) string {
	if s.ContainerName != "" {
		return s.ContainerName
	}
	return project + "-" + s.Name + "-1"
}

// startOrder puts every service after those it depends on; equals go by name.
func startOrder(model *types.Project) []string {
	var order []string
	seen := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		s, ok := model.Services[name]
		if seen[name] || !ok {
			return
		}
		seen[name] = true
		for _, dep := range slices.Sorted(depNames(s)) {
			visit(dep)
		}
		order = append(order, name)
	}
	for _, name := range model.ServiceNames() {
		visit(name)
	}
	return order
}

func depNames(s types.ServiceConfig) func(func(string) bool) {
	return func(yield func(string) bool) {
		for name := range s.DependsOn {
			if !yield(name) {
				return
			}
		}
	}
}

// hash covers what makes a container and leaves out what only says how its image is built, when
// it starts, or what a save means.
func hash(s Service) string {
	c := s.Config
	c.Build, c.DependsOn, c.Develop, c.Profiles, c.PullPolicy = nil, nil, nil, nil, ""
	b, err := json.Marshal(struct {
		Config  types.ServiceConfig
		Configs map[string]string
	}{c, contents(s.Configs)})
	if err != nil {
		panic(err) // compose-go's model is made of plain values: cannot fail
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

func contents(configs types.Configs) map[string]string {
	out := map[string]string{}
	for name, c := range configs {
		out[name] = c.File + "\x00" + c.Content
	}
	return out
}

// Make decides. The result brings what was observed to what is desired; applied twice, the second
// time finds nothing to do.
func Make(want Desired, have Observed) Plan {
	m := maker{want: want, have: have}
	m.images()
	m.orphans()
	m.shared()
	m.services()
	return slices.Concat(m.removals, m.creations, m.starts)
}

type maker struct {
	want                        Desired
	have                        Observed
	removals, creations, starts Plan
	renewed                     map[string]string // services whose container will be new or started, and why
}

func (m *maker) images() {
	for _, s := range m.want.Services {
		if s.Config.Name == m.want.Gateway && !slices.Contains(m.have.Images, s.Config.Image) {
			m.creations = append(m.creations, Operation{Verb: Load, Kind: Image, Name: s.Config.Image, Reason: "the engine does not have this sdev as an image yet"})
		}
	}
}

// orphans removes what a former shape of the project left.
func (m *maker) orphans() {
	seen := map[string]bool{}
	for _, c := range m.have.Containers {
		wanted := slices.ContainsFunc(m.want.Services, func(s Service) bool { return s.Config.Name == c.Service })
		switch {
		case !wanted:
			m.remove(c, "no service "+c.Service+" any more")
		case seen[c.Service]:
			m.remove(c, "one container a service is enough")
		}
		seen[c.Service] = true
	}
}

func (m *maker) remove(c Container, reason string) {
	m.removals = append(m.removals, Operation{Verb: Remove, Kind: ServiceContainer, Name: c.Name, ID: c.ID, Reason: reason})
}

func (m *maker) shared() {
	for _, n := range m.want.Networks {
		if !slices.Contains(m.have.Networks, n.Name) {
			m.creations = append(m.creations, Operation{Verb: Create, Kind: Network, Name: n.Name, Network: n, Reason: "missing"})
		}
	}
	for _, v := range m.want.Volumes {
		if !slices.Contains(m.have.Volumes, v.Name) {
			m.creations = append(m.creations, Operation{Verb: Create, Kind: Volume, Name: v.Name, Volume: v, Reason: "missing"})
		}
	}
}

func (m *maker) services() {
	m.renewed = map[string]string{}
	for _, s := range m.want.Services {
		m.service(s)
	}
}

func (m *maker) service(s Service) {
	name := ContainerName(m.want.Project, s.Config)
	joins, host := m.joins(s)
	i := slices.IndexFunc(m.have.Containers, func(c Container) bool { return c.Service == s.Config.Name })
	if i < 0 {
		m.create(s, name, joins, "missing")
		return
	}
	c := m.have.Containers[i]
	switch hostWhy := m.renewed[host]; {
	case c.Hash != s.Hash:
		m.remove(c, "its settings changed")
		m.create(s, name, joins, "its settings changed")
	case s.Image != "" && c.Image != s.Image:
		m.remove(c, "its image changed")
		m.create(s, name, joins, "its image changed")
	case hostWhy == created:
		// A container cannot move to another network namespace, and the one it was in is gone.
		m.remove(c, host+" is made anew, and it lives in its network")
		m.create(s, name, joins, host+" is made anew")
	case !c.Running:
		m.sync(s, c.Name)
		m.start(s, c, Start, "not running")
	case hostWhy == started || m.orphaned(host, c):
		// The namespace it runs in is the old one, which no port leads to any more.
		m.start(s, c, Restart, host+" was restarted, and it lives in its network")
	}
}

const (
	created = "created"
	started = "started"
)

func (m *maker) create(s Service, name, joins, reason string) {
	m.renewed[s.Config.Name] = created
	m.creations = append(m.creations, Operation{Verb: Create, Kind: ServiceContainer, Name: name, Service: s, Joins: joins, Reason: reason})
	m.sync(s, name)
	m.starts = append(m.starts, Operation{Verb: Start, Kind: ServiceContainer, Name: name, Service: s, Reason: reason})
}

// sync has a container's files copied into it before it starts, so that it never runs without them.
func (m *maker) sync(s Service, name string) {
	if s.Synced {
		m.starts = append(m.starts, Operation{Verb: Sync, Kind: ServiceContainer, Name: name, Service: s, Reason: "its source is copied, not mounted"})
	}
}

func (m *maker) start(s Service, c Container, verb Verb, reason string) {
	m.renewed[s.Config.Name] = started
	m.starts = append(m.starts, Operation{Verb: verb, Kind: ServiceContainer, Name: c.Name, ID: c.ID, Service: s, Reason: reason})
}

// joins gives the container, and the service, whose network namespace a service lives in.
func (m *maker) joins(s Service) (container, service string) {
	host, ok := strings.CutPrefix(s.Config.NetworkMode, "service:")
	if !ok {
		return "", ""
	}
	for _, other := range m.want.Services {
		if other.Config.Name == host {
			return ContainerName(m.want.Project, other.Config), host
		}
	}
	return host, host
}

// orphaned is true for a container that started before the one whose namespace it lives in.
func (m *maker) orphaned(host string, c Container) bool {
	for _, other := range m.have.Containers {
		if host != "" && other.Service == host {
			return other.Started.After(c.Started)
		}
	}
	return false
}

// Down gives the operations that remove everything of the project, volumes only if asked.
func Down(have Observed, volumes bool) Plan {
	var p Plan
	for _, c := range have.Containers {
		p = append(p, Operation{Verb: Remove, Kind: ServiceContainer, Name: c.Name, ID: c.ID, Joins: c.Joins, Reason: "down"})
	}
	for _, n := range have.Networks {
		p = append(p, Operation{Verb: Remove, Kind: Network, Name: n, Reason: "down"})
	}
	if volumes {
		for _, v := range have.Volumes {
			p = append(p, Operation{Verb: Remove, Kind: Volume, Name: v, Reason: "down --volumes"})
		}
	}
	return p
}

// Undo gives the operations that remove what a plan made, and nothing that was there before.
func Undo(made Plan, have Observed) Plan {
	return slices.DeleteFunc(Down(have, true), func(op Operation) bool {
		return !slices.ContainsFunc(made, func(m Operation) bool { return m.Verb == Create && m.Kind == op.Kind && m.Name == op.Name })
	})
}

// Again gives the operations that restart a service. The app restarts with the gateway, in whose
// network it lives.
func Again(have Observed, service, gateway, app string) Plan {
	var p Plan
	for _, c := range have.Containers {
		if c.Service == service {
			p = append(p, Operation{Verb: Restart, Kind: ServiceContainer, Name: c.Name, ID: c.ID, Reason: "asked for"})
		}
	}
	if service == gateway {
		p = append(p, Again(have, app, "", "")...)
	}
	return p
}
