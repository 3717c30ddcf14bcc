package config

// The name by which containers reach programs on this machine.

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// HostName is the name of this machine in containers. Docker Desktop knows it; Docker on Linux needs an extra host.
const HostName = "host.docker.internal"

// hostGateway is the address that the engine replaces by the one at which containers reach its machine.
const hostGateway = "host-gateway"

// addHostName makes [HostName] known to the app, whose code or secrets may name it, and to the services around it that
// name it. A name that the project gives to something else keeps its meaning.
func (o *overlay) addHostName() {
	if !o.parts.HostGateway || o.hostNameTaken() {
		return
	}
	for name, s := range o.out.Project.Services {
		isApp := name == o.p.App
		if isApp {
			s = o.app
		}
		if _, given := s.ExtraHosts[HostName]; given || !isApp && (s.NetworkMode != "" || !namesHost(s)) {
			continue
		}
		hosts := types.HostsList{HostName: []string{hostGateway}}
		maps.Copy(hosts, s.ExtraHosts)
		s.ExtraHosts = hosts
		place := name
		if isApp {
			o.app, place = s, GatewayService // which gets the hosts of the app
		} else {
			o.out.Project.Services[name] = s
		}
		o.out.Notes = append(o.out.Notes, Note{[]string{"services", place, "extra_hosts"}, "sdev: " + HostName + " is this machine, as in Docker Desktop"})
	}
}

// hostNameTaken reports whether a container of the project has the name.
func (o *overlay) hostNameTaken() bool {
	for name, s := range o.out.Project.Services {
		if name == HostName || s.ContainerName == HostName {
			return true
		}
		for _, n := range s.Networks {
			if n != nil && slices.Contains(n.Aliases, HostName) {
				return true
			}
		}
		if slices.ContainsFunc(slices.Concat(s.Links, s.ExternalLinks), func(link string) bool { return strings.HasSuffix(link, ":"+HostName) }) {
			return true
		}
	}
	return false
}

// namesHost reports whether a service names this machine in its environment or command.
func namesHost(s types.ServiceConfig) bool {
	for _, value := range s.Environment {
		if value != nil && strings.Contains(*value, HostName) {
			return true
		}
	}
	return slices.ContainsFunc(slices.Concat(s.Entrypoint, s.Command), func(arg string) bool { return strings.Contains(arg, HostName) })
}

// HostGatewayWarnings names the extra hosts that lead to the virtual machine of an engine and not to this machine.
func (p *Project) HostGatewayWarnings() []dev.Warning {
	var list []dev.Warning
	for _, service := range p.Model.ServiceNames() {
		hosts := p.Model.Services[service].ExtraHosts
		for _, name := range slices.Sorted(maps.Keys(hosts)) {
			if !slices.Contains(hosts[name], hostGateway) {
				continue
			}
			file, line := p.locateHost(service, name)
			hint := "use the name " + HostName + ", which the engine knows"
			if name == HostName {
				hint = "remove the line: the engine knows the name, and sdev adds it where an engine does not"
			}
			list = append(list, dev.Warning{Code: dev.CodeHostGateway, Hint: hint,
				Message: fmt.Sprintf("%s:%d: %s of %s leads to the virtual machine of Rancher Desktop, and not to this machine", file, line, name, service)})
		}
	}
	return list
}

// locateHost is the line of an extra host: a key of extra_hosts, or an item of a list.
func (p *Project) locateHost(service, name string) (file string, line int) {
	for _, f := range slices.Backward(p.sources) {
		list, ok := f.find("services", service, "extra_hosts")
		if !ok {
			continue
		}
		if at, ok := child(list.value, name); ok {
			return f.path, at.key.Line
		}
		for i := 0; ; i++ {
			at, ok := child(list.value, strconv.Itoa(i))
			if !ok {
				break
			}
			if rest, found := strings.CutPrefix(at.value.Value, name); found && (strings.HasPrefix(rest, ":") || strings.HasPrefix(rest, "=")) {
				return f.path, at.key.Line
			}
		}
	}
	return p.sources.locate("services", service, "extra_hosts")
}
