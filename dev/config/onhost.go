package config

// The model that runs without a container engine: two processes of this machine, which share its network and its files.

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// OnHost says that the app and the gateway run as processes of this machine.
type OnHost struct {
	Control string // path of the gateway's control socket
	Socket  string // path of the app's socket, in the same directory; "" where apps have none
}

// onlyApp removes the services around the app, which need a container engine, and records their names.
func (o *overlay) onlyApp() {
	for _, name := range o.serviceNeighbours() {
		delete(o.out.Project.Services, name)
		o.out.NotStarted = append(o.out.NotStarted, name)
	}
	o.app.DependsOn, o.app.Links, o.app.ExternalLinks, o.app.VolumesFrom = nil, nil, nil, nil
	o.app.ExtraHosts, o.app.DNS, o.app.Develop = nil, nil, nil
	o.app.User = ""
	if o.app.Build == nil { // its environment is made from the lists of the project
		o.app.Build = &types.BuildConfig{Context: o.p.Dir, DockerfileInline: "FROM scratch\n"}
	}
}

// hostPorts are the ports of the processes. The port of the page belongs to the project alone, so the others are derived from
// it: they stay the same from run to run, and differ from those of other projects.
func (o *overlay) hostPorts() appPorts {
	page := o.parts.Port
	return appPorts{gateway: uint32(page), app: shifted(page, 1), provider: o.parts.ProviderPort, host: page}
}

// shifted is a port above another one, by so many times 10,000, without those that only root may use.
func shifted(port, times int) int {
	const step, first, most = 10_000, 1024, 65_535
	if port += times * step; port > most {
		port = first + (port-first)%(most-first+1)
	}
	return port
}

// toHost gives the gateway the paths and addresses of this machine. The ports that are not published are exposed: the
// runtime checks that they are free.
func (o *overlay) toHost() {
	c := &o.out.GatewayConfig
	c.Listen = "127.0.0.1" + c.Listen
	c.Root, c.State, c.Control, c.Socket = o.p.Dir, filepath.Join(o.parts.StateDir, dev.LoginDir), o.parts.OnHost.Control, o.parts.OnHost.Socket
	c.Neighbours, c.NeighbourPorts, c.Aliases = nil, nil, nil
	c.Mounts, c.Outside = slices.Clone(c.Mounts), slices.Clone(c.Outside)
	for i, m := range c.Mounts {
		c.Mounts[i].Container = filepath.ToSlash(o.p.onDisk(m.Project))
	}
	for i, d := range c.Outside {
		c.Outside[i].Dir = o.p.onDisk(d.Path)
	}
	encoded, err := json.Marshal(c)
	if err != nil {
		panic(err) // plain strings and numbers: cannot fail
	}
	g := o.out.Project.Services[GatewayService]
	g.Environment = types.MappingWithEquals{dev.GatewayConfigEnv: ptr(string(encoded))}
	g.Labels[dev.LabelSocket] = c.Control
	g.Tmpfs, g.User = nil, ""
	_, parameters, _ := strings.Cut(c.Parameters, ":")
	g.Expose = []string{parameters}
	o.out.Project.Services[GatewayService] = g
	app := o.out.Project.Services[o.p.App]
	_, port, _ := strings.Cut(c.Upstream, ":")
	app.Expose = []string{port}
	// Processes share one network, so the app can start while the gateway does, and stays when the gateway is replaced. Only
	// an app that may ask the gateway for keys or settings at its start has to wait.
	app.NetworkMode = ""
	if o.parts.Mode == dev.Local && c.Credentials == "" {
		app.DependsOn = nil
	}
	o.out.Project.Services[o.p.App] = app
}

// onDisk is a path of the project on this machine.
func (p *Project) onDisk(name string) string {
	return filepath.Join(p.Dir, filepath.FromSlash(name))
}
