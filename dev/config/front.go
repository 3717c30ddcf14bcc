package config

// What stands in front of the app: the gateway, and the ports and networks that become its own.

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// appPorts says who listens where inside the shared namespace.
type appPorts struct {
	front uint32 // the gateway, published
	app   int    // Streamlit, on loopback where its command allows
	fixed bool   // the app's command names its port itself
	// identity is the local provider, which is published under the same number.
	identity int
}

// credentials is where the gateway gives the app its AWS keys, and parameters where it stands in for
// the parameter store: numbers that nobody else has.
func (p appPorts) credentials() int { return p.unused() }

func (p appPorts) parameters() int { return p.unused(p.credentials()) }

func (p appPorts) unused(taken ...int) int {
	taken = append(taken, p.app, int(p.front), p.identity)
	port := max(p.app-1, 1024)
	for slices.Contains(taken, port) {
		port++
	}
	return port
}

var portFlag = regexp.MustCompile(`--server\.port(?:=|\s+)(\d+)`)

// ports finds the app's port and moves it out of the gateway's way: the gateway listens where the
// compose file expects the app, so that other services find it there.
func (o *overlay) ports() (appPorts, error) {
	ports := appPorts{front: fallback, identity: o.parts.Identity}
	command := strings.Join(o.p.command(o.parts.Image), " ")
	if m := portFlag.FindStringSubmatch(command); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil || n < 1 || n > 65535 {
			file, line := o.p.sources.locate("services", o.p.App, "command")
			return ports, bad(dev.CodeComposeInvalid, file, line, "--server.port "+m[1]+" is no port", "give a number from 1 to 65535")
		}
		ports.app, ports.fixed = n, true
	}
	if main, ok := o.p.mainPort(); ok {
		ports.front = main.Target
	} else if ports.fixed {
		ports.front = uint32(ports.app)
	}
	if !ports.fixed {
		ports.app = int(ports.front) + 10000
		if ports.app > 65535 {
			ports.app = int(ports.front) - 10000
		}
	} else if int(ports.front) == ports.app {
		ports.front = 8500
		if ports.app == 8500 {
			ports.front = fallback
		}
	}
	return ports, nil
}

// command is what the app's container runs: the service's own, else the image's.
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
		if port.Target == fallback {
			return port, true
		}
	}
	if len(s.Ports) > 0 {
		return s.Ports[0], true
	}
	return types.ServicePortConfig{}, false
}

// WantedPort is the host port that the project asks for.
func (p *Project) WantedPort() int {
	if port, ok := p.mainPort(); ok {
		if n, err := strconv.Atoi(port.Published); err == nil && n > 0 {
			return n
		}
	}
	return fallback
}

// ReservedPorts are numbers that the local provider must not have: those that the project's services
// publish, and those that may be taken inside the app's network namespace.
func (p *Project) ReservedPorts() []int {
	out := []int{fallback, p.WantedPort()}
	if m := portFlag.FindStringSubmatch(strings.Join(p.command(ImageFacts{}), " ")); m != nil {
		n, _ := strconv.Atoi(m[1]) // one that is none is refused where it is used
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

// gateway adds the sidecar and moves to it what belongs to whoever owns the network namespace.
func (o *overlay) gateway(ports appPorts, ruleset []dev.Rule, mounts []dev.Mount) {
	const host = "localhost"
	base := o.basePath()
	o.out.URL = o.page()
	networks, aliases := o.takeNetworks()
	o.out.Sidecar = dev.Sidecar{
		Project: o.p.Name, Service: o.p.App,
		Listen: fmt.Sprintf(":%d", ports.front), Upstream: fmt.Sprintf("127.0.0.1:%d", ports.app),
		Host: host, Port: o.parts.Port, Base: base, Aliases: aliases,
		Identity: ports.identity, Parameters: fmt.Sprintf("127.0.0.1:%d", ports.parameters()), State: dev.SidecarKeep,
		Root: dev.SidecarRoot, Rules: ruleset, Mounts: mounts, Control: dev.SidecarSock,
		Origins: o.p.Settings.Origins, TrustedHeaders: o.trustedHeaders(),
	}
	if o.parts.Sync {
		o.out.Sidecar.Root, o.out.Sidecar.State = "", "" // where the app cannot see the project, neither can its gateway
	}
	for _, c := range o.out.Copies {
		if c.Rule != "" {
			o.out.Sidecar.Mounts = append(o.out.Sidecar.Mounts, dev.Mount{Container: c.Target, Project: c.Path})
		}
	}
	if o.parts.Machine.AWS.Mode == AWSSession {
		o.out.Sidecar.Credentials = fmt.Sprintf("127.0.0.1:%d", ports.credentials())
	}
	g := o.sidecarService()
	g.Networks, g.Hostname, g.DomainName = networks, o.app.Hostname, o.app.DomainName
	g.ExtraHosts, g.DNS, g.DNSOpts, g.DNSSearch = o.app.ExtraHosts, o.app.DNS, o.app.DNSOpts, o.app.DNSSearch
	g.Links, g.ExternalLinks, g.MacAddress = o.app.Links, o.app.ExternalLinks, o.app.MacAddress
	o.takeSysctls(&g)
	g.Ports = o.publish(ports)
	g.Labels = types.Labels{dev.LabelFront: fmt.Sprintf("%d/tcp", ports.front), dev.LabelIdentity: fmt.Sprintf("%d/tcp", ports.identity)}
	o.out.Project.Services[GatewayService] = g
	o.out.Notes = append(o.out.Notes, Note{[]string{"services", GatewayService}, "sdev: owns the network namespace and the ports; the only way to the app"})
	if origins := o.p.Settings.Origins; len(origins) > 0 {
		why := "x-sdev.origins: pages of " + strings.Join(origins, ", ") + " may talk to the app and embed it"
		o.out.Notes = append(o.out.Notes, Note{[]string{"services", GatewayService, "environment", dev.SidecarEnv}, why})
	}
	o.join()
}

// page is the address of the app's page.
func (o *overlay) page() string {
	return fmt.Sprintf("http://localhost:%d%s", o.parts.Port, o.basePath())
}

// Page is the address of the page of an app that is made of these parts.
func Page(p *Project, parts Parts) string {
	o := overlay{p: p, parts: parts}
	return o.page()
}

// MakeDirs creates what the gateway mounts of the project's state directory: the engine would make
// it root's.
func (e *Effective) MakeDirs() error {
	for _, v := range e.Project.Services[GatewayService].Volumes {
		if v.Target != dev.SidecarKeep {
			continue
		}
		if err := os.MkdirAll(v.Source, 0o700); err != nil {
			return unwritable(v.Source, err)
		}
	}
	return nil
}

// takeNetworks gives the gateway the app's networks, and all names by which peers reach the app there.
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

// takeSysctls gives the gateway those of the app's settings of the kernel that are about a network.
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

// sidecarService is the gateway's container: nothing but the program, with as few rights as it needs
// to read the project and to listen.
func (o *overlay) sidecarService() types.ServiceConfig {
	told, err := json.Marshal(o.out.Sidecar)
	if err != nil {
		panic(err) // plain strings and numbers: cannot fail
	}
	uid, gid := o.parts.Machine.UID, o.parts.Machine.GID
	g := types.ServiceConfig{Name: GatewayService}
	g.Image, g.PullPolicy = o.parts.GatewayImage, types.PullPolicyNever
	g.User, g.ReadOnly, g.CapDrop = fmt.Sprintf("%d:%d", uid, gid), true, []string{"ALL"}
	if uid == 0 {
		g.CapAdd = []string{"DAC_READ_SEARCH"} // root may read every project on its own machine, as before
	}
	g.SecurityOpt = []string{"no-new-privileges:true"}
	g.Tmpfs = types.StringList{fmt.Sprintf("%s:uid=%d,gid=%d,mode=0700", filepath.Dir(dev.SidecarSock), uid, gid)}
	g.Environment = types.MappingWithEquals{dev.SidecarEnv: ptr(string(told))}
	if o.out.Sidecar.Root != "" {
		g.Volumes = []types.ServiceVolumeConfig{{Type: types.VolumeTypeBind, Source: o.p.Dir, Target: dev.SidecarRoot, ReadOnly: true}}
	}
	if o.out.Sidecar.State != "" {
		g.Volumes = append(g.Volumes, types.ServiceVolumeConfig{Type: types.VolumeTypeBind, Source: filepath.Join(o.parts.StateDir, dev.LoginDir), Target: dev.SidecarKeep})
	}
	g.StopGracePeriod = ptr(types.Duration(time.Second))
	return g
}

// join puts the app into the gateway's network namespace, and takes from it what the engine
// refuses there.
func (o *overlay) join() {
	o.app.Ports, o.app.Networks, o.app.Expose = nil, nil, nil
	o.app.Hostname, o.app.DomainName, o.app.ExtraHosts, o.app.DNS, o.app.DNSOpts, o.app.DNSSearch = "", "", nil, nil, nil, nil
	o.app.Links, o.app.ExternalLinks, o.app.MacAddress = nil, nil, ""
	o.app.NetworkMode = "service:" + GatewayService
	o.note("sdev: ports, networks and host names are the gateway's", "network_mode")
	depends := maps.Clone(o.app.DependsOn)
	if depends == nil {
		depends = types.DependsOnConfig{}
	}
	depends[GatewayService] = types.ServiceDependency{Condition: types.ServiceConditionStarted, Required: true}
	o.app.DependsOn = depends
}

// publish gives the gateway's ports: the app's origin at the chosen host port, and the app's
// other ports as they are.
func (o *overlay) publish(ports appPorts) []types.ServicePortConfig {
	main, hasMain := o.p.mainPort()
	out := []types.ServicePortConfig{{Mode: "ingress", HostIP: "127.0.0.1", Target: ports.front, Published: strconv.Itoa(o.parts.Port), Protocol: "tcp"}}
	identity := strconv.Itoa(ports.identity)
	out = append(out, types.ServicePortConfig{Mode: "ingress", HostIP: "127.0.0.1", Target: uint32(ports.identity), Published: identity, Protocol: "tcp"})
	for _, port := range o.app.Ports {
		if hasMain && port.Target == main.Target && port.Published == main.Published {
			continue
		}
		out = append(out, port)
	}
	return out
}

// loopback closes every published port to the network: a bypassed login must not be reachable.
func (o *overlay) loopback() {
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
