package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// Check refuses what no plan can bring about without losing data: a volume that is to be another
// than the one that is there.
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

// Make decides. The result brings what was observed to what is desired; applied twice, the second
// time finds nothing to do.
func Make(want Desired, have Observed) Plan {
	m := maker{want: want, have: have, renewed: map[string]change{}, networks: map[string]bool{}}
	m.images()
	m.orphans()
	m.shared()
	for _, s := range m.want.Services {
		m.service(s)
	}
	return slices.Concat(m.removals, m.dropped, m.creations, m.starts)
}

type maker struct {
	want                                 Desired
	have                                 Observed
	removals, dropped, creations, starts Plan
	renewed                              map[string]change // services whose container will be new or started
	networks                             map[string]bool   // that are recreated, by the engine's name
}

// change is what happens to a service's container.
type change string

const (
	created change = "created"
	started change = "started"
)

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
	for _, n := range m.have.Networks {
		wanted := slices.ContainsFunc(m.want.Networks, func(w types.NetworkConfig) bool { return w.Name == n.Name })
		if !wanted && !slices.Contains(m.want.ExternalNetworks, n.Name) {
			m.dropped = append(m.dropped, Operation{Verb: Remove, Kind: Network, Name: n.Name, Reason: "no service uses it any more"})
		}
	}
}

func (m *maker) remove(c Container, reason string) {
	m.removals = append(m.removals, Operation{Verb: Remove, Kind: ServiceContainer, Name: c.Name, ID: c.ID, Reason: reason})
}

// shared makes networks and volumes. A network that is to be another is recreated, and what lives
// in it as well.
func (m *maker) shared() {
	for _, n := range m.want.Networks {
		hash, reason := NetworkHash(n), "missing"
		if i := slices.IndexFunc(m.have.Networks, func(r Resource) bool { return r.Name == n.Name }); i >= 0 {
			if was := m.have.Networks[i].Hash; was == "" || was == hash {
				continue
			}
			reason = "its settings changed"
			m.dropped = append(m.dropped, Operation{Verb: Remove, Kind: Network, Name: n.Name, Reason: reason})
		}
		m.networks[n.Name] = true // containers refer to a network by its id, and the old id is gone
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
	host, restarted := m.hosts(s)
	switch why := m.outdated(s, c); {
	case why != "":
		m.remove(c, why)
		m.create(s, name, why)
	case host != "" && !restarted:
		// A container cannot move to another namespace, and the one it was in is gone.
		m.remove(c, host+" is recreated, and it lives in its network")
		m.create(s, name, host+" is recreated")
	case !c.Running && m.completed(s, c):
		if dep := m.newDependency(s, false); dep != "" {
			m.start(s, c, Start, dep+" is recreated")
		}
	case !c.Running:
		m.start(s, c, Start, "not running")
	case host != "" || m.orphaned(s, c):
		// The namespace it runs in is the old one, which no port leads to any more.
		m.start(s, c, Restart, m.networkHost(s)+" was restarted, and it lives in its network")
	default:
		if dep := m.newDependency(s, true); dep != "" {
			m.start(s, c, Restart, dep+" is recreated, and it is to restart with it")
		}
	}
}

// outdated says why a container cannot stay; "" if it can.
func (m *maker) outdated(s Service, c Container) string {
	if c.Hash != s.Hash {
		return changed(s, c)
	}
	if s.Image != "" && c.Image != s.Image {
		return "its image changed"
	}
	for _, n := range slices.Sorted(maps.Keys(s.Config.Networks)) {
		if m.networks[n] {
			return "network " + n + " is recreated"
		}
	}
	return ""
}

// runsToCompletion reports whether another service waits for the end of this one.
func (m *maker) runsToCompletion(s Service) bool {
	return slices.ContainsFunc(m.want.Services, func(other Service) bool {
		return other.Config.DependsOn[s.Config.Name].Condition == types.ServiceConditionCompletedSuccessfully
	})
}

// completed reports whether such a service has ended well.
func (m *maker) completed(s Service, c Container) bool {
	return c.ExitCode == 0 && !c.Started.IsZero() && m.runsToCompletion(s)
}

// newDependency gives the first service that this one depends on and that is recreated; with restartOnly
// only of the dependencies that say "restart: true".
func (m *maker) newDependency(s Service, restartOnly bool) string {
	for _, dep := range slices.Sorted(maps.Keys(s.Config.DependsOn)) {
		if m.renewed[dep] == created && (!restartOnly || s.Config.DependsOn[dep].Restart) {
			return dep
		}
	}
	return ""
}

func (m *maker) create(s Service, name, reason string) {
	m.renewed[s.Config.Name] = created
	m.creations = append(m.creations, Operation{Verb: Create, Kind: ServiceContainer, Name: name, Service: s, Joins: m.joins(s), Uses: m.uses(s), Reason: reason})
	m.begin(s, Operation{Verb: Start, Name: name, Reason: reason})
}

func (m *maker) start(s Service, c Container, verb Verb, reason string) {
	m.renewed[s.Config.Name] = started
	m.begin(s, Operation{Verb: verb, Name: c.Name, ID: c.ID, Reason: reason})
}

// begin adds the start of a container, after what it has to wait for.
func (m *maker) begin(s Service, op Operation) {
	for _, dep := range slices.Sorted(maps.Keys(s.Config.DependsOn)) {
		i := slices.IndexFunc(m.want.Services, func(other Service) bool { return other.Config.Name == dep })
		if i < 0 {
			continue // of a profile that is not active, and not required
		}
		on := Dependency{Container: ContainerName(m.want.Project, m.want.Services[i].Config), Until: until(s.Config.DependsOn[dep].Condition)}
		op.After = append(op.After, on)
		if on.Until != Started && !m.holds(m.want.Services[i], on.Until) {
			m.wait(m.want.Services[i], s, on)
		}
	}
	if s.Synced && op.Verb == Start { // it never runs without its files
		m.starts = append(m.starts, Operation{Verb: Sync, Kind: ServiceContainer, Name: op.Name, Service: s, Reason: "its source is copied, not mounted"})
	}
	op.Kind, op.Service, op.Once = ServiceContainer, s, m.runsToCompletion(s)
	m.starts = append(m.starts, op)
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

// holds says whether a condition is fulfilled now, and stays so in this plan.
func (m *maker) holds(s Service, until Until) bool {
	i := slices.IndexFunc(m.have.Containers, func(c Container) bool { return c.Service == s.Config.Name })
	if i < 0 || m.renewed[s.Config.Name] != "" {
		return false
	}
	c := m.have.Containers[i]
	if until == Completed {
		return !c.Running && c.ExitCode == 0 && !c.Started.IsZero()
	}
	return c.Running && c.Health == string(Healthy)
}

// wait adds the wait for a dependency, or the name of one more that waits for the same.
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
	op.Reason = fmt.Sprintf("%s, %s %s on it", on.Until, strings.Join(op.For, " and "), verb)
}

// networkHost is the service whose network namespace a service lives in; "" if it has one of its own.
func (m *maker) networkHost(s Service) string {
	host, _ := strings.CutPrefix(s.Config.NetworkMode, types.ServicePrefix)
	if host == s.Config.NetworkMode {
		return ""
	}
	return host
}

// joins gives the container whose network namespace a service lives in.
func (m *maker) joins(s Service) string {
	host := m.networkHost(s)
	for _, other := range m.want.Services {
		if other.Config.Name == host {
			return ContainerName(m.want.Project, other.Config)
		}
	}
	return host
}

// uses gives the containers that have to be there before one can be made of a service.
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

// hosts gives a service that another lives in, in one way or another, and that will be new or
// started again; restarted is true where it keeps its container.
func (m *maker) hosts(s Service) (host string, restarted bool) {
	if host := m.networkHost(s); m.renewed[host] != "" {
		return host, m.renewed[host] == started
	}
	for _, other := range m.want.Services {
		if m.renewed[other.Config.Name] == created && slices.Contains(m.uses(s), ContainerName(m.want.Project, other.Config)) {
			return other.Config.Name, false
		}
	}
	return "", false
}

// orphaned is true for a container that started before the one whose network it lives in.
func (m *maker) orphaned(s Service, c Container) bool {
	host := m.networkHost(s)
	for _, other := range m.have.Containers {
		if host != "" && other.Service == host {
			return other.Started.After(c.Started)
		}
	}
	return false
}
