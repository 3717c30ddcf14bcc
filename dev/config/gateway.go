package config

// The gateway service, and the app's ports and networks, which it takes over.

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/pattern"
)

// appPorts are the ports inside the shared network namespace.
type appPorts struct {
	gateway uint32 // the gateway, published
	app     int    // Streamlit, on loopback where its command allows
	fixed   bool   // the app's command names its port itself
	// provider is the local provider's port, which is published under the same number.
	provider int
	host     int // with processes of this machine: the port of the page, from which the others are derived; else 0
}

// credentials is the port on which the gateway serves AWS keys, and parameters that of the stand-in for the
// parameter store: two unused ports.
func (p appPorts) credentials() int {
	if p.host != 0 {
		return shifted(p.host, 2)
	}
	return p.unused()
}

func (p appPorts) parameters() int {
	if p.host != 0 {
		return shifted(p.host, 3)
	}
	return p.unused(p.credentials())
}

func (p appPorts) unused(taken ...int) int {
	taken = append(taken, p.app, int(p.gateway), p.provider)
	port := max(p.app-1, 1024)
	for slices.Contains(taken, port) {
		port++
	}
	return port
}

var portFlag = pattern.New(`--server\.port(?:=|\s+)(\d+)`)

// ports chooses the ports: the gateway listens where the compose file expects the app, so that other services
// find it there, and the app gets a different port.
func (o *overlay) ports() (appPorts, error) {
	if o.parts.OnHost != nil {
		return o.hostPorts(), nil
	}
	ports := appPorts{gateway: defaultPort, provider: o.parts.ProviderPort}
	command := strings.Join(o.p.command(o.parts.Image), " ")
	if m := portFlag.FindStringSubmatch(command); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil || n < 1 || n > 65535 {
			file, line := o.p.sources.locate("services", o.p.App, "command")
			return ports, bad(dev.CodeComposeInvalid, file, line, "--server.port "+m[1]+" is not a valid port", "use a number from 1 to 65535")
		}
		ports.app, ports.fixed = n, true
	}
	if main, ok := o.p.mainPort(); ok {
		ports.gateway = main.Target
	} else if ports.fixed {
		ports.gateway = uint32(ports.app)
	}
	if !ports.fixed {
		ports.app = int(ports.gateway) + 10000
		if ports.app > 65535 {
			ports.app = int(ports.gateway) - 10000
		}
	} else if int(ports.gateway) == ports.app {
		ports.gateway = 8500
		if ports.app == 8500 {
			ports.gateway = defaultPort
		}
	}
	return ports, nil
}

// command is the app's command: the service's own, or else the image's.
func (p *Project) command(image ImageFacts) []string {
	s := p.Model.Services[p.App]
	if len(s.Entrypoint)+len(s.Command) > 0 {
		return append(slices.Clone([]string(s.Entrypoint)), s.Command...)
	}
	return image.Command
}

// mainPort is the published port that leads to Streamlit.
func (p *Project) mainPort() (types.ServicePortConfig, bool) {
	s := p.Model.Services[p.App]
	for _, port := range s.Ports {
		if port.Target == defaultPort {
			return port, true
		}
	}
	if len(s.Ports) > 0 {
		return s.Ports[0], true
	}
	return types.ServicePortConfig{}, false
}

// WantedPort is the host port that the compose file requests.
func (p *Project) WantedPort() int {
	if port, ok := p.mainPort(); ok {
		if n, err := strconv.Atoi(port.Published); err == nil && n > 0 {
			return n
		}
	}
	return defaultPort
}

// ReservedPorts are ports that neither the local provider nor a page that moves may use: those that the project's
// services publish, and those that may be in use inside the app's network namespace. The command of the app's image may
// name one.
func (p *Project) ReservedPorts(image ImageFacts) []int {
	out := []int{defaultPort, p.WantedPort()}
	if m := portFlag.FindStringSubmatch(strings.Join(p.command(image), " ")); m != nil {
		n, _ := strconv.Atoi(m[1]) // ports reports an invalid one
		out = append(out, n)
	}
	for _, s := range p.Model.Services {
		for _, port := range s.Ports {
			out = append(out, int(port.Target))
			if n, err := strconv.Atoi(port.Published); err == nil {
				out = append(out, n)
			}
		}
	}
	return out
}

// gateway adds the gateway service and moves the app's network settings to it.
func (o *overlay) gateway(ports appPorts, ruleset []dev.Rule, mounts []dev.Mount) {
	base := o.basePath()
	o.out.URL = o.page()
	networks, aliases := o.takeNetworks()
	o.out.GatewayConfig = dev.GatewayConfig{
		Project: o.p.Name, Service: o.p.App,
		Listen: fmt.Sprintf(":%d", ports.gateway), Upstream: fmt.Sprintf("127.0.0.1:%d", ports.app),
		Host: o.p.Host(), Port: o.parts.Port, TLS: o.parts.TLS, Base: base, Aliases: aliases,
		ProviderPort: ports.provider, Parameters: fmt.Sprintf("127.0.0.1:%d", ports.parameters()), State: dev.GatewayStateDir,
		Root: dev.GatewayProjectDir, Rules: ruleset, Mounts: mounts, Control: dev.GatewaySocket,
		Neighbours: o.serviceNeighbours(), NeighbourPorts: o.neighbourPorts(),
		Origins: o.p.Settings.Origins, Isolate: o.p.Settings.Components == ComponentsIsolate, TrustedHeaders: o.trustedHeaders(),
	}
	if len(o.doorHosts()) > 0 {
		o.out.GatewayConfig.Keys = doorKeys
	}
	if o.parts.Sync {
		o.out.GatewayConfig.Root, o.out.GatewayConfig.State = "", "" // the gateway cannot see the project either
	} else {
		o.outside()
	}
	for _, c := range o.out.Copies {
		if c.Rule != "" {
			o.out.GatewayConfig.Mounts = append(o.out.GatewayConfig.Mounts, dev.Mount{Container: c.Target, Project: c.Path})
		}
	}
	if o.parts.Machine.AWS.Mode == AWSSession {
		o.out.GatewayConfig.Credentials = fmt.Sprintf("127.0.0.1:%d", ports.credentials())
	}
	g := o.gatewayService()
	g.Networks, g.Hostname, g.DomainName = networks, o.app.Hostname, o.app.DomainName
	g.ExtraHosts, g.DNS, g.DNSOpts, g.DNSSearch = o.app.ExtraHosts, o.app.DNS, o.app.DNSOpts, o.app.DNSSearch
	o.leadDoorHosts(&g)
	g.Links, g.ExternalLinks, g.MacAddress = o.app.Links, o.app.ExternalLinks, o.app.MacAddress
	o.takeSysctls(&g)
	g.Ports = o.publish(ports)
	g.Labels = types.Labels{dev.LabelFront: fmt.Sprintf("%d/tcp", ports.gateway), dev.LabelProvider: fmt.Sprintf("%d/tcp", ports.provider)}
	o.out.Project.Services[GatewayService] = g
	o.out.Notes = append(o.out.Notes, Note{[]string{"services", GatewayService}, "sdev: owns the app's network namespace and ports; all traffic to the app passes through it"})
	if origins := o.p.Settings.Origins; len(origins) > 0 {
		why := "x-sdev.origins: pages of " + strings.Join(origins, ", ") + " may talk to the app and embed it"
		o.out.Notes = append(o.out.Notes, Note{[]string{"services", GatewayService, "environment", dev.GatewayConfigEnv}, why})
	}
	if o.out.GatewayConfig.Isolate {
		why := "x-sdev.components: the frames of components get no access to the app's origin"
		o.out.Notes = append(o.out.Notes, Note{[]string{"services", GatewayService, "environment", dev.GatewayConfigEnv}, why})
	}
	o.joinGateway()
}

// page is the URL of the app.
func (o *overlay) page() string {
	scheme := "http"
	if o.parts.TLS {
		scheme = "https"
	}
	return fmt.Sprintf("%s://%s:%d%s", scheme, o.p.Host(), o.parts.Port, o.basePath())
}

// Host is the host name of the app's page.
func (p *Project) Host() string { return cmp.Or(p.Settings.Host, "localhost") }

// AppURL is the URL of the app that these parts describe.
func AppURL(p *Project, parts Parts) string {
	o := overlay{p: p, parts: parts}
	return o.page()
}

// MakeDirs creates the directories of the project's state that the gateway mounts: the engine would create them
// as root.
func (e *Effective) MakeDirs() error {
	for _, v := range e.Project.Services[GatewayService].Volumes {
		if v.Target != dev.GatewayStateDir {
			continue
		}
		if err := os.MkdirAll(v.Source, 0o700); err != nil {
			return unwritable(v.Source, err)
		}
	}
	return nil
}

// takeNetworks returns the networks for the gateway, and all names by which other services reach the app.
func (o *overlay) takeNetworks() (networks map[string]*types.ServiceNetworkConfig, aliases []string) {
	aliases = []string{o.p.App}
	for _, name := range []string{o.app.ContainerName, o.app.Hostname} {
		if name != "" {
			aliases = append(aliases, name)
		}
	}
	networks = maps.Clone(o.app.Networks)
	if len(networks) == 0 {
		networks = map[string]*types.ServiceNetworkConfig{"default": nil}
		if o.out.Project.Networks == nil {
			o.out.Project.Networks = types.Networks{}
		}
		if _, ok := o.out.Project.Networks["default"]; !ok {
			o.out.Project.Networks["default"] = types.NetworkConfig{Name: o.p.Name + "_default"}
		}
	}
	for name, n := range networks {
		joined := types.ServiceNetworkConfig{}
		if n != nil {
			joined = *n
		}
		aliases = append(aliases, joined.Aliases...)
		joined.Aliases = append(slices.Clone(joined.Aliases), o.p.App)
		networks[name] = &joined
	}
	slices.Sort(aliases)
	return networks, slices.Compact(aliases)
}

// serviceNeighbours are the names of the services besides the app.
func (o *overlay) serviceNeighbours() []string {
	names := slices.Sorted(maps.Keys(o.p.Model.Services))
	return slices.DeleteFunc(names, func(name string) bool { return name == o.p.App })
}

// neighbourPorts are the ports of this machine that those services publish. A port that the engine chooses is not known
// yet.
func (o *overlay) neighbourPorts() (ports []int) {
	for _, name := range o.serviceNeighbours() {
		for _, port := range o.out.Project.Services[name].Ports {
			if n, err := strconv.Atoi(port.Published); err == nil && n > 0 {
				ports = append(ports, n)
			}
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// takeSysctls moves the app's network sysctls to the gateway.
func (o *overlay) takeSysctls(g *types.ServiceConfig) {
	own := types.Mapping{}
	for name, value := range o.app.Sysctls {
		if !strings.HasPrefix(name, "net.") {
			own[name] = value
			continue
		}
		if g.Sysctls == nil {
			g.Sysctls = types.Mapping{}
		}
		g.Sysctls[name] = value
	}
	if len(g.Sysctls) > 0 {
		o.app.Sysctls = own
	}
}

// gatewayService is the gateway's container: only the program, with the minimal rights to read the project and
// to listen.
func (o *overlay) gatewayService() types.ServiceConfig {
	encoded, err := json.Marshal(o.out.GatewayConfig)
	if err != nil {
		panic(err) // plain strings and numbers: cannot fail
	}
	uid, gid := o.parts.Machine.user()
	g := types.ServiceConfig{Name: GatewayService}
	g.Image, g.PullPolicy = o.parts.GatewayImage, types.PullPolicyNever
	g.User, g.ReadOnly, g.CapDrop = fmt.Sprintf("%d:%d", uid, gid), true, []string{"ALL"}
	switch {
	case o.parts.Machine.Foreign:
		g.CapAdd = []string{"DAC_OVERRIDE"} // some virtual machines show files with the user's id, and the state directory is written
	case uid == 0:
		g.CapAdd = []string{"DAC_READ_SEARCH"} // root may read every project on this machine
	}
	g.SecurityOpt = []string{"no-new-privileges:true"}
	g.Tmpfs = types.StringList{path.Dir(dev.GatewaySocket) + ":mode=0700" + tmpfsOwner(g.User)}
	g.Environment = types.MappingWithEquals{dev.GatewayConfigEnv: ptr(string(encoded))}
	if o.out.GatewayConfig.Root != "" {
		g.Volumes = []types.ServiceVolumeConfig{{Type: types.VolumeTypeBind, Source: o.p.Dir, Target: dev.GatewayProjectDir, ReadOnly: true}}
	}
	for _, d := range o.out.GatewayConfig.Outside {
		g.Volumes = append(g.Volumes, types.ServiceVolumeConfig{Type: types.VolumeTypeBind, Source: filepath.Join(o.p.Dir, filepath.FromSlash(d.Path)), Target: d.Dir, ReadOnly: true})
	}
	if o.out.GatewayConfig.State != "" {
		g.Volumes = append(g.Volumes, types.ServiceVolumeConfig{Type: types.VolumeTypeBind, Source: filepath.Join(o.parts.StateDir, dev.LoginDir), Target: dev.GatewayStateDir})
	}
	g.StopGracePeriod = ptr(types.Duration(time.Second))
	return g
}

// joinGateway puts the app into the gateway's network namespace, and removes settings that the engine refuses
// there.
func (o *overlay) joinGateway() {
	o.app.Ports, o.app.Networks, o.app.Expose = nil, nil, nil
	o.app.Hostname, o.app.DomainName, o.app.ExtraHosts, o.app.DNS, o.app.DNSOpts, o.app.DNSSearch = "", "", nil, nil, nil, nil
	o.app.Links, o.app.ExternalLinks, o.app.MacAddress = nil, nil, ""
	o.app.NetworkMode = "service:" + GatewayService
	o.note("sdev: the gateway has the app's ports, networks and host names", "network_mode")
	depends := maps.Clone(o.app.DependsOn)
	if depends == nil {
		depends = types.DependsOnConfig{}
	}
	depends[GatewayService] = types.ServiceDependency{Condition: types.ServiceConditionStarted, Required: true}
	o.app.DependsOn = depends
}

// publish returns the gateway's published ports: the app's origin at the chosen host port, the provider, and the
// app's other ports unchanged.
func (o *overlay) publish(ports appPorts) []types.ServicePortConfig {
	main, hasMain := o.p.mainPort()
	out := []types.ServicePortConfig{{Mode: "ingress", HostIP: "127.0.0.1", Target: ports.gateway, Published: strconv.Itoa(o.parts.Port), Protocol: "tcp"}}
	provider := strconv.Itoa(ports.provider)
	out = append(out, types.ServicePortConfig{Mode: "ingress", HostIP: "127.0.0.1", Target: uint32(ports.provider), Published: provider, Protocol: "tcp"})
	for _, port := range o.app.Ports {
		if hasMain && port.Target == main.Target && port.Published == main.Published {
			continue
		}
		out = append(out, port)
	}
	return out
}

// publishOnLoopback publishes every port only on loopback: an app with a bypassed login must not be reachable
// from the network.
func (o *overlay) publishOnLoopback() {
	for name, s := range o.out.Project.Services {
		ports := slices.Clone(s.Ports)
		for i := range ports {
			if !strings.HasPrefix(ports[i].HostIP, "127.") && ports[i].HostIP != "::1" {
				ports[i].HostIP = "127.0.0.1"
			}
		}
		s.Ports = ports
		o.out.Project.Services[name] = s
	}
}
