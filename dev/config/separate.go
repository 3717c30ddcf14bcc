package config

// Several checkouts of one project, side by side on one engine. Each but the first has a name of its own. The engine's
// objects follow that name, except for those that the compose file names itself, which are renamed here.

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/distribution/reference"

	"sdev/dev"
)

// IsSeparate reports whether the project is a checkout beside another one that has the plain name.
func (p *Project) IsSeparate() bool { return p.Name != p.Plain }

// runName is the name under which the project runs.
func (p *Project) runName(o Options) string {
	if p.Named || o.Name == nil {
		return p.Plain
	}
	return o.Name(p.Dir, p.Plain)
}

// separate gives what the compose file names itself (containers, volumes, networks, images that it builds) names of this
// checkout, because the other checkout has the names of the file. Services keep the names by which they reach each other.
// External volumes and networks are shared on purpose, so they keep theirs.
func (p *Project) separate() {
	suffix, ok := strings.CutPrefix(p.Name, p.Plain+"-")
	if !ok {
		return
	}
	rename := func(what, name, own string, path ...string) {
		p.Renamed = append(p.Renamed, what+" "+name+" → "+own)
		p.notes = append(p.notes, Note{Path: path, Why: "sdev: another checkout of " + p.Plain + " has the name " + name})
	}
	isFixed := func(name string) bool { return name != "" && !strings.Contains(name, p.Name) } // else it contains ${COMPOSE_PROJECT_NAME}
	for _, key := range p.Model.VolumeNames() {
		if v := p.Model.Volumes[key]; !bool(v.External) && isFixed(v.Name) {
			rename("volume", v.Name, v.Name+"-"+suffix, "volumes", key, "name")
			v.Name += "-" + suffix
			p.Model.Volumes[key] = v
		}
	}
	for _, key := range p.Model.NetworkNames() {
		if n := p.Model.Networks[key]; !bool(n.External) && isFixed(n.Name) {
			rename("network", n.Name, n.Name+"-"+suffix, "networks", key, "name")
			n.Name += "-" + suffix
			p.Model.Networks[key] = n
		}
		if n := p.Model.Networks[key]; !bool(n.External) && hasSubnet(n) && !p.hasFixedAddress(key) {
			n.Ipam.Config = nil // the engine chooses another one
			p.Model.Networks[key] = n
			p.notes = append(p.notes, Note{Path: []string{"networks", key}, Why: "sdev: another checkout of " + p.Plain + " has the subnet in the compose file"})
		}
	}
	containers, images := map[string]string{}, map[string]string{}
	for _, service := range p.Model.ServiceNames() {
		s := p.Model.Services[service]
		if isFixed(s.ContainerName) {
			containers[s.ContainerName] = s.ContainerName + "-" + suffix
			rename("container", s.ContainerName, containers[s.ContainerName], "services", service, "container_name")
		}
		if own := ownImage(s.Image, suffix); s.Build != nil && isFixed(s.Image) && own != "" && images[s.Image] == "" {
			images[s.Image] = own
			rename("image", s.Image, own, "services", service, "image")
		}
	}
	for _, service := range p.Model.ServiceNames() {
		p.Model.Services[service] = withNames(p.Model.Services[service], containers, images)
	}
}

// hasSubnet reports whether the compose file chooses a network's addresses: an engine gives them to one network only.
func hasSubnet(n types.NetworkConfig) bool {
	return slices.ContainsFunc(n.Ipam.Config, func(pool *types.IPAMPool) bool { return pool != nil && pool.Subnet != "" })
}

// hasFixedAddress reports whether a service has a fixed address in a network, which so needs the subnet of the file.
func (p *Project) hasFixedAddress(network string) bool {
	for _, s := range p.Model.Services {
		if n := s.Networks[network]; n != nil && (n.Ipv4Address != "" || n.Ipv6Address != "") {
			return true
		}
	}
	return false
}

// ownImage adds a suffix to the tag of an image reference; "" if the reference is no valid one with a tag.
func ownImage(ref, suffix string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return "" // CheckImages reports it
	}
	if _, pinned := named.(reference.Digested); pinned {
		return ""
	}
	if tagged, ok := named.(reference.Tagged); ok {
		return strings.TrimSuffix(ref, tagged.Tag()) + tagged.Tag() + "-" + suffix
	}
	return ref + ":" + suffix
}

// withNames is a service with other names of containers and images. In its networks, the service still has the name that
// its container had: others may use it as a host name.
func withNames(s types.ServiceConfig, containers, images map[string]string) types.ServiceConfig {
	if own, ok := images[s.Image]; ok {
		s.Image = own
	}
	for _, namespace := range []*string{&s.NetworkMode, &s.Ipc, &s.Pid} {
		if name, ok := strings.CutPrefix(*namespace, types.ContainerPrefix); ok && containers[name] != "" {
			*namespace = types.ContainerPrefix + containers[name]
		}
	}
	s.VolumesFrom = slices.Clone(s.VolumesFrom)
	for i, from := range s.VolumesFrom {
		rest, ok := strings.CutPrefix(from, types.ContainerPrefix)
		name, mode, _ := strings.Cut(rest, ":")
		if ok && containers[name] != "" {
			s.VolumesFrom[i] = strings.TrimSuffix(types.ContainerPrefix+containers[name]+":"+mode, ":")
		}
	}
	own, ok := containers[s.ContainerName]
	if !ok {
		return s
	}
	s.Networks = maps.Clone(s.Networks)
	for key, n := range s.Networks {
		joined := types.ServiceNetworkConfig{}
		if n != nil {
			joined = *n
		}
		joined.Aliases = append(slices.Clone(joined.Aliases), s.ContainerName)
		s.Networks[key] = &joined
	}
	s.ContainerName = own
	return s
}

// Shared names what a separate checkout uses together with the other ones: external volumes, directories outside the project
// that services write to, fixed addresses, and the ports of services in the network of this machine.
// first is the directory of the checkout that has the plain name.
func (p *Project) Shared(first string) (list []string) {
	root := ownRoot(p.Dir, first)
	for _, key := range p.Model.VolumeNames() {
		if v := p.Model.Volumes[key]; bool(v.External) {
			list = append(list, "external volume "+v.Name)
		}
	}
	for _, key := range p.Model.NetworkNames() {
		if n := p.Model.Networks[key]; !bool(n.External) && hasSubnet(n) {
			list = append(list, "the addresses of network "+key+" (ipv4_address), so only one can run")
		}
	}
	for _, name := range p.Model.ServiceNames() {
		s := p.Model.Services[name]
		if s.NetworkMode == "host" {
			list = append(list, "the ports of service "+name+" (network_mode: host)")
		}
		for _, v := range s.Volumes {
			if isSharedDir(v, root) {
				list = append(list, "directory "+v.Source+" of service "+name)
			}
		}
	}
	return list
}

// ownRoot is the directory that a checkout has for itself, where its project is a directory below that: the highest one
// above dir that does not contain the other checkout.
func ownRoot(dir, other string) string {
	for {
		above := filepath.Dir(dir)
		if rel, err := filepath.Rel(above, other); above == dir || err != nil || filepath.IsLocal(rel) {
			return dir
		}
		dir = above
	}
}

// isSharedDir reports whether a mount lets a service write to a directory outside the checkout, as a database may whose data
// lies beside the checkouts. Directories of the system and of AWS are for every program.
func isSharedDir(v types.ServiceVolumeConfig, root string) bool {
	rel, err := filepath.Rel(root, v.Source)
	if v.Type != types.VolumeTypeBind || v.ReadOnly || err == nil && filepath.IsLocal(rel) || filepath.Base(v.Source) == ".aws" {
		return false
	}
	for _, system := range []string{"/etc", "/run", "/var/run", "/dev", "/proc", "/sys"} {
		if v.Source == system || strings.HasPrefix(v.Source, system+"/") {
			return false
		}
	}
	st, err := os.Stat(v.Source)
	return err != nil || st.IsDir() // the engine creates a missing one
}

// FixedPorts are the ports of this machine that services request, except for the port of the app's page.
func (p *Project) FixedPorts() (list []dev.PublishedPort) {
	main, hasMain := p.mainPort()
	for _, name := range p.Model.ServiceNames() {
		for _, port := range p.Model.Services[name].Ports {
			if name == p.App && hasMain && port.Target == main.Target && port.Published == main.Published {
				continue
			}
			if n, err := strconv.Atoi(port.Published); err == nil && n > 0 {
				list = append(list, dev.PublishedPort{Service: name, Target: port.Target, Protocol: port.Protocol, Port: n})
			}
		}
	}
	return list
}

// movePorts publishes services at other ports than the compose file requests.
func (o *overlay) movePorts() {
	for name, s := range o.out.Project.Services {
		ports := slices.Clone(s.Ports)
		for i, port := range ports {
			n, err := strconv.Atoi(port.Published)
			moved, ok := o.parts.Moved[dev.PublishedPort{Service: name, Target: port.Target, Protocol: port.Protocol, Port: n}]
			if err != nil || !ok {
				continue
			}
			ports[i].Published = strconv.Itoa(moved)
			o.out.Notes = append(o.out.Notes, Note{[]string{"services", name, "ports"}, "sdev: port " + port.Published + " is for the first checkout of " + o.p.Plain})
		}
		s.Ports = ports
		o.out.Project.Services[name] = s
	}
}
