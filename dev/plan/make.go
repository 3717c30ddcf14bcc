package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// Check returns an error for changes that would lose data: a volume whose settings differ from those of the
// existing one.
func Check(want Desired, have Observed) error {
	for _, v := range want.Volumes {
		i := slices.IndexFunc(have.Volumes, func(r Resource) bool { return r.Name == v.Name })
		if i < 0 || have.Volumes[i].Hash == "" || have.Volumes[i].Hash == VolumeHash(v) {
			continue
		}
		return &dev.Error{Code: dev.CodeVolumeChanged, Exit: dev.ExitProject,
			Message: fmt.Sprintf("volume %s was made with other settings than the compose file has now, and sdev does not throw away what is in it", v.Name),
			Hint:    "undo the change, give the volume another name, or drop its data: sdev down && docker volume rm " + v.Name}
	}
	return nil
}

// Make returns the operations that turn the observed state into the desired one. It is pure and idempotent: a plan
// for its own result is empty.
func Make(want Desired, have Observed) Plan {
	m := maker{want: want, have: have, changes: map[string]change{}, newNetworks: map[string]bool{}}
	m.loadImages()
	m.removeOrphans()
	m.createShared()
	for _, s := range m.want.Services {
		m.service(s)
	}
	return slices.Concat(m.removals, m.networkRemovals, m.creations, m.starts)
}

// maker collects the operations of one plan by kind. It visits services in start order, so that changes holds the
// dependencies of a service before the service itself.
type maker struct {
	want                                         Desired
	have                                         Observed
	removals, networkRemovals, creations, starts Plan
	changes                                      map[string]change // services whose container this plan creates or starts
	newNetworks                                  map[string]bool   // networks that this plan creates, by the engine's name
}

// change is what happens to a service's container.
type change string

const (
	created change = "created"
	started change = "started"
)

func (m *maker) loadImages() {
	for _, s := range m.want.Services {
		if s.Config.Name == m.want.Gateway && !slices.Contains(m.have.Images, s.Config.Image) {
			m.creations = append(m.creations, Operation{Verb: Load, Kind: Image, Name: s.Config.Image, Reason: "the engine does not have the image of this sdev yet"})
		}
	}
}

// removeOrphans removes containers and networks that the project does not need any more.
func (m *maker) removeOrphans() {
	seen := map[string]bool{}
	for _, c := range m.have.Containers {
		wanted := slices.ContainsFunc(m.want.Services, func(s Service) bool { return s.Config.Name == c.Service })
		switch {
		case !wanted:
			m.remove(c, "the project has no service "+c.Service)
		case seen[c.Service]:
			m.remove(c, "the service already has a container")
		}
		seen[c.Service] = true
	}
	for _, n := range m.have.Networks {
		wanted := slices.ContainsFunc(m.want.Networks, func(w types.NetworkConfig) bool { return w.Name == n.Name })
		if !wanted && !slices.Contains(m.want.ExternalNetworks, n.Name) {
			m.networkRemovals = append(m.networkRemovals, Operation{Verb: Remove, Kind: Network, Name: n.Name, Reason: "no service uses it"})
		}
	}
}

func (m *maker) remove(c Container, reason string) {
	m.removals = append(m.removals, Operation{Verb: Remove, Kind: ServiceContainer, Name: c.Name, ID: c.ID, Frees: hostPorts(c), Reason: reason})
}

// createShared creates networks and volumes. A network whose settings changed is recreated, and with it the
// containers that use it.
func (m *maker) createShared() {
	for _, n := range m.want.Networks {
		hash, reason := NetworkHash(n), "missing"
		if i := slices.IndexFunc(m.have.Networks, func(r Resource) bool { return r.Name == n.Name }); i >= 0 {
			if was := m.have.Networks[i].Hash; was == "" || was == hash {
				continue
			}
			reason = "its settings changed"
			m.networkRemovals = append(m.networkRemovals, Operation{Verb: Remove, Kind: Network, Name: n.Name, Reason: reason})
		}
		m.newNetworks[n.Name] = true // containers refer to a network by its id, and the new network has another one
		m.creations = append(m.creations, Operation{Verb: Create, Kind: Network, Name: n.Name, Network: n, Hash: hash, Reason: reason})
	}
	for _, v := range m.want.Volumes {
		if !slices.ContainsFunc(m.have.Volumes, func(r Resource) bool { return r.Name == v.Name }) {
			m.creations = append(m.creations, Operation{Verb: Create, Kind: Volume, Name: v.Name, Volume: v, Hash: VolumeHash(v), Reason: "missing"})
		}
	}
}

func (m *maker) service(s Service) {
	name := ContainerName(m.want.Project, s.Config)
	i := slices.IndexFunc(m.have.Containers, func(c Container) bool { return c.Service == s.Config.Name })
	if i < 0 {
		m.create(s, name, "missing")
		return
	}
	c := m.have.Containers[i]
	host, restarted := m.changedHost(s)
	switch why := m.whyReplace(s, c); {
	case why != "":
		m.remove(c, why)
		m.create(s, name, why)
	case host != "" && !restarted:
		// A container cannot move to another namespace, and the plan removes the one that it uses.
		m.remove(c, "it uses the container of "+host+", which is recreated")
		m.create(s, name, host+" is recreated")
	case !c.Running && m.hasCompleted(s, c):
		if dep := m.newDependency(s, false); dep != "" {
			m.start(s, c, Start, dep+" is recreated")
		}
	case !c.Running:
		m.start(s, c, Start, "not running")
	case host != "" || m.hasStaleNetwork(s, c):
		// The container still uses the previous namespace, to which no published port leads.
		m.start(s, c, Restart, "it uses the network of "+m.networkHost(s)+", which was restarted")
	default:
		if dep := m.newDependency(s, true); dep != "" {
			m.start(s, c, Restart, "it restarts with "+dep+", which is recreated")
		}
	}
}

// whyReplace is the reason to replace a container; "" if it can stay.
func (m *maker) whyReplace(s Service, c Container) string {
	if c.Hash != s.Hash {
		return describeChanges(s, c)
	}
	if s.Image != "" && c.Image != s.Image {
		return "its image changed"
	}
	for _, n := range slices.Sorted(maps.Keys(s.Config.Networks)) {
		if m.newNetworks[n] {
			return "network " + n + " is recreated"
		}
	}
	return ""
}

// runsToCompletion reports whether another service waits for the successful end of this one.
func (m *maker) runsToCompletion(s Service) bool {
	return slices.ContainsFunc(m.want.Services, func(other Service) bool {
		return other.Config.DependsOn[s.Config.Name].Condition == types.ServiceConditionCompletedSuccessfully
	})
}

// hasCompleted reports whether such a service has ended successfully.
func (m *maker) hasCompleted(s Service, c Container) bool {
	return c.ExitCode == 0 && !c.Started.IsZero() && m.runsToCompletion(s)
}

// newDependency returns the first dependency whose container this plan creates; "" if there is none. With
// restartOnly, only dependencies with "restart: true" count.
func (m *maker) newDependency(s Service, restartOnly bool) string {
	for _, dep := range slices.Sorted(maps.Keys(s.Config.DependsOn)) {
		if m.changes[dep] == created && (!restartOnly || s.Config.DependsOn[dep].Restart) {
			return dep
		}
	}
	return ""
}

func (m *maker) create(s Service, name, reason string) {
	m.changes[s.Config.Name] = created
	awaits := m.awaits(s)
	m.creations = append(m.creations, Operation{Verb: Create, Kind: ServiceContainer, Name: name, Service: s, Joins: m.joins(s), Uses: m.uses(s), Awaits: awaits, Reason: reason})
	var ports []string
	for _, port := range s.Config.Ports {
		if port.Published != "" {
			ports = append(ports, port.Published)
		}
	}
	m.startAfterDependencies(s, Operation{Verb: Start, Name: name, Takes: ports, Awaits: awaits, Reason: reason})
}

// hostPorts are the ports of this machine that a container publishes.
func hostPorts(c Container) []string {
	var out []string
	for _, binding := range c.Ports {
		host, _, _ := strings.Cut(binding, "->")
		out = append(out, host[strings.LastIndexByte(host, ':')+1:])
	}
	return out
}

// awaits returns the network that the plan creates for a service while it creates the service's container: an engine
// looks for the first network of a container only when it starts it. A container joins further networks right after its
// creation, so with those it waits for all. So it does for a network that replaces another one of the same name.
func (m *maker) awaits(s Service) []string {
	if len(s.Config.Networks) != 1 {
		return nil
	}
	for name := range s.Config.Networks {
		replaced := slices.ContainsFunc(m.have.Networks, func(r Resource) bool { return r.Name == name })
		if m.newNetworks[name] && !replaced {
			return []string{name}
		}
	}
	return nil
}

func (m *maker) start(s Service, c Container, verb Verb, reason string) {
	m.changes[s.Config.Name] = started
	m.startAfterDependencies(s, Operation{Verb: verb, Name: c.Name, ID: c.ID, Reason: reason})
}

// startAfterDependencies adds the start of a container, after waits for its dependencies.
func (m *maker) startAfterDependencies(s Service, op Operation) {
	for _, dep := range slices.Sorted(maps.Keys(s.Config.DependsOn)) {
		i := slices.IndexFunc(m.want.Services, func(other Service) bool { return other.Config.Name == dep })
		if i < 0 {
			continue // the dependency is in an inactive profile, and not required
		}
		on := Dependency{Container: ContainerName(m.want.Project, m.want.Services[i].Config), Until: until(s.Config.DependsOn[dep].Condition)}
		op.After = append(op.After, on)
		if on.Until != Started && !m.isMet(m.want.Services[i], on.Until) {
			m.wait(m.want.Services[i], s, on)
		}
	}
	if s.Synced && op.Verb == Start { // the container must not run without its files
		m.starts = append(m.starts, Operation{Verb: Sync, Kind: ServiceContainer, Name: op.Name, Service: s, Reason: "its source is copied, not mounted"})
	}
	op.Kind, op.Service, op.Once, op.Optional = ServiceContainer, s, m.runsToCompletion(s), !m.isNeeded(s.Config.Name)
	m.starts = append(m.starts, op)
}

// isNeeded reports whether a service is the app or its gateway, or whether one of those depends on it, perhaps through
// other services.
func (m *maker) isNeeded(service string) bool {
	needed := []string{m.want.App, m.want.Gateway}
	for i := 0; i < len(needed); i++ {
		for _, s := range m.want.Services {
			if s.Config.Name != needed[i] {
				continue
			}
			for name, dep := range s.Config.DependsOn {
				if dep.Required && !slices.Contains(needed, name) {
					needed = append(needed, name)
				}
			}
		}
	}
	return slices.Contains(needed, service)
}

func until(condition string) Until {
	switch condition {
	case types.ServiceConditionHealthy:
		return Healthy
	case types.ServiceConditionCompletedSuccessfully:
		return Completed
	}
	return Started
}

// isMet reports whether a dependency meets a condition now, and no operation of this plan changes that.
func (m *maker) isMet(s Service, until Until) bool {
	i := slices.IndexFunc(m.have.Containers, func(c Container) bool { return c.Service == s.Config.Name })
	if i < 0 || m.changes[s.Config.Name] != "" {
		return false
	}
	c := m.have.Containers[i]
	if until == Completed {
		return !c.Running && c.ExitCode == 0 && !c.Started.IsZero()
	}
	return c.Running && c.Health == string(Healthy)
}

// wait adds a Wait for a dependency or, if there is one for the same condition, adds the dependent service to it.
func (m *maker) wait(s, dependent Service, on Dependency) {
	optional := !dependent.Config.DependsOn[s.Config.Name].Required
	same := func(op Operation) bool { return op.Verb == Wait && op.Name == on.Container && op.Until == on.Until }
	i := slices.IndexFunc(m.starts, same)
	if i < 0 {
		i = len(m.starts)
		m.starts = append(m.starts, Operation{Verb: Wait, Kind: ServiceContainer, Name: on.Container, Service: s, Until: on.Until, Optional: optional})
	}
	op := &m.starts[i]
	op.For = append(op.For, dependent.Config.Name)
	op.Optional = op.Optional && optional
	verb := "depends"
	if len(op.For) > 1 {
		verb = "depend"
	}
	op.Reason = fmt.Sprintf("until %s; %s %s on it", on.Until, strings.Join(op.For, " and "), verb)
}

// networkHost is the service whose network namespace a service uses; "" if it has its own.
func (m *maker) networkHost(s Service) string {
	host, _ := strings.CutPrefix(s.Config.NetworkMode, types.ServicePrefix)
	if host == s.Config.NetworkMode {
		return ""
	}
	return host
}

// joins is the container whose network namespace a service uses; "" if it has its own.
func (m *maker) joins(s Service) string {
	host := m.networkHost(s)
	for _, other := range m.want.Services {
		if other.Config.Name == host {
			return ContainerName(m.want.Project, other.Config)
		}
	}
	return host
}

// uses returns the containers that must exist before the container of a service can be created.
func (m *maker) uses(s Service) []string {
	var out []string
	for _, namespace := range []string{s.Config.Ipc, s.Config.Pid} {
		if name, ok := strings.CutPrefix(namespace, types.ContainerPrefix); ok {
			out = append(out, name)
		}
	}
	for _, from := range s.Config.VolumesFrom {
		name, _, _ := strings.Cut(from, ":")
		out = append(out, name)
	}
	return out
}

// changedHost returns a service whose namespaces or volumes this one uses and whose container this plan creates or
// starts; restarted reports that it keeps its container.
func (m *maker) changedHost(s Service) (host string, restarted bool) {
	if host := m.networkHost(s); m.changes[host] != "" {
		return host, m.changes[host] == started
	}
	for _, other := range m.want.Services {
		if m.changes[other.Config.Name] == created && slices.Contains(m.uses(s), ContainerName(m.want.Project, other.Config)) {
			return other.Config.Name, false
		}
	}
	return "", false
}

// hasStaleNetwork reports whether a container started before the one whose network namespace it uses. Then it uses
// the namespace of that container's previous start.
func (m *maker) hasStaleNetwork(s Service, c Container) bool {
	host := m.networkHost(s)
	for _, other := range m.have.Containers {
		if host != "" && other.Service == host {
			return other.Started.After(c.Started)
		}
	}
	return false
}
