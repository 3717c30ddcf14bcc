package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// GatewayService is the name of the service that sdev adds to every project.
const GatewayService = "sdev-gateway"

// Where sdev's own things are inside the app's container.
const (
	shimDir  = "/opt/sdev/shim"
	caFile   = "/opt/sdev/ca.pem"
	homeDir  = "/home/sdev"
	grace    = 3 * time.Second // Streamlit ends in well under one; a hung one is not waited for long
	fallback = 8501            // Streamlit's own default port
)

// Parts is what an overlay is made of besides the project: facts found out on the way.
type Parts struct {
	Machine      Machine
	Mode         dev.Mode
	Port         int        // host port of the app's origin
	GatewayImage string     // reference of the gateway's image
	Image        ImageFacts // of the app's image
	// Env gives Streamlit's development settings for a port of its own.
	Env      func(port int) map[string]string
	Shim     []byte // sitecustomize.py
	StateDir string
}

// ImageFacts is what the app's image says about itself.
type ImageFacts struct {
	Env        map[string]string
	Command    []string // entry point and command together
	WorkingDir string
}

// Effective is the model that runs.
type Effective struct {
	Project *types.Project
	App     string
	Mode    dev.Mode
	URL     string
	Sidecar dev.Sidecar
	Notes   []Note
	// Seeds are folders whose files are copied, newer ones only, before the app starts.
	Seeds []Seed
}

// Note says where a derived value came from.
type Note struct {
	Path []string // in the compose model
	Why  string
}

// Seed is a folder that is filled from another.
type Seed struct{ From, To string }

// Overlay derives the model that runs: the user's own, the gateway in front of the app, and what
// local development adds to the app. p is not changed.
func Overlay(p *Project, parts Parts) (*Effective, error) {
	model, err := p.Model.WithServicesEnabled() // a deep copy
	if err != nil {
		return nil, fromCompose(p.sources, err)
	}
	o := overlay{p: p, parts: parts, out: &Effective{Project: model, App: p.App, Mode: parts.Mode}}
	o.app = model.Services[p.App]
	ports, err := o.ports()
	if err != nil {
		return nil, err
	}
	ruleset, err := rules(p, o.app)
	if err != nil {
		return nil, err
	}
	o.gateway(ports, ruleset)
	o.environment(ports)
	o.identity()
	o.aws()
	o.ca()
	o.process()
	model.Services[p.App] = o.app
	o.loopback()
	return o.out, nil
}

type overlay struct {
	p     *Project
	parts Parts
	app   types.ServiceConfig
	out   *Effective
}

func (o *overlay) note(why string, path ...string) {
	o.out.Notes = append(o.out.Notes, Note{Path: append([]string{"services", o.p.App}, path...), Why: why})
}

// appPorts says who listens where inside the shared namespace.
type appPorts struct {
	front uint32 // the gateway, published
	app   int    // Streamlit, on loopback where its command allows
	fixed bool   // the app's command names its port itself
}

var portFlag = regexp.MustCompile(`--server\.port(?:=|\s+)(\d+)`)

// ports finds the app's port and moves it out of the gateway's way: the gateway listens where the
// compose file expects the app, so that other services find it there.
func (o *overlay) ports() (appPorts, error) {
	ports := appPorts{front: fallback}
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

// gateway adds the sidecar and moves to it what belongs to whoever owns the network namespace.
func (o *overlay) gateway(ports appPorts, ruleset []dev.Rule) {
	host := "localhost"
	o.out.URL = fmt.Sprintf("http://%s:%d", host, o.parts.Port)
	aliases := []string{o.p.App}
	if o.app.ContainerName != "" {
		aliases = append(aliases, o.app.ContainerName)
	}
	if o.app.Hostname != "" {
		aliases = append(aliases, o.app.Hostname)
	}
	networks := maps.Clone(o.app.Networks)
	if len(networks) == 0 {
		networks = map[string]*types.ServiceNetworkConfig{"default": nil}
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
	o.out.Sidecar = dev.Sidecar{
		Project: o.p.Name, Service: o.p.App,
		Listen: fmt.Sprintf(":%d", ports.front), Upstream: fmt.Sprintf("127.0.0.1:%d", ports.app),
		Host: host, Port: o.parts.Port, Aliases: slices.Compact(aliases), Mode: o.parts.Mode,
		Root: dev.SidecarRoot, Rules: ruleset, Mounts: sourceMounts(o.p, o.app), Control: dev.SidecarSock,
	}
	told, err := json.Marshal(o.out.Sidecar)
	if err != nil {
		panic(err) // plain strings and numbers: cannot fail
	}
	stop := types.Duration(time.Second)
	user := fmt.Sprintf("%d:%d", o.parts.Machine.UID, o.parts.Machine.GID)
	g := types.ServiceConfig{Name: GatewayService}
	g.Image, g.PullPolicy = o.parts.GatewayImage, types.PullPolicyNever
	g.User, g.ReadOnly, g.CapDrop = user, true, []string{"ALL"}
	if o.parts.Machine.UID == 0 {
		g.CapAdd = []string{"DAC_READ_SEARCH"} // root may read every project on its own machine, as before
	}
	g.SecurityOpt = []string{"no-new-privileges:true"}
	g.Tmpfs = types.StringList{fmt.Sprintf("%s:uid=%d,gid=%d,mode=0700", filepath.Dir(dev.SidecarSock), o.parts.Machine.UID, o.parts.Machine.GID)}
	g.Environment = types.MappingWithEquals{dev.SidecarEnv: ptr(string(told))}
	g.Volumes = []types.ServiceVolumeConfig{{Type: types.VolumeTypeBind, Source: o.p.Dir, Target: dev.SidecarRoot, ReadOnly: true}}
	g.Networks, g.Hostname, g.DomainName = networks, o.app.Hostname, o.app.DomainName
	g.ExtraHosts, g.DNS, g.StopGracePeriod = o.app.ExtraHosts, o.app.DNS, &stop
	g.Ports = o.publish(ports)
	g.Labels = types.Labels{dev.LabelFront: fmt.Sprintf("%d/tcp", ports.front)}
	o.out.Project.Services[GatewayService] = g
	if o.out.Project.Networks == nil {
		o.out.Project.Networks = types.Networks{}
	}
	if _, ok := o.out.Project.Networks["default"]; !ok && networks["default"] != nil {
		o.out.Project.Networks["default"] = types.NetworkConfig{Name: o.p.Name + "_default"}
	}
	o.out.Notes = append(o.out.Notes, Note{[]string{"services", GatewayService}, "sdev: owns the network namespace and the ports; the only way to the app"})

	o.app.Ports, o.app.Networks, o.app.Expose = nil, nil, nil
	o.app.Hostname, o.app.DomainName, o.app.ExtraHosts, o.app.DNS = "", "", nil, nil
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

func (o *overlay) set(name, value, why string) {
	o.app.Environment[name] = &value
	o.note(why, "environment", name)
}

// offer sets a variable that the compose file leaves open.
func (o *overlay) offer(name, value, why string) {
	if v, ok := o.app.Environment[name]; !ok || v == nil {
		o.set(name, value, why)
	}
}

func (o *overlay) environment(ports appPorts) {
	env := types.MappingWithEquals{}
	maps.Copy(env, o.app.Environment)
	o.app.Environment = env
	settings := o.parts.Env(ports.app)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if name == "STREAMLIT_SERVER_PORT" || name == "STREAMLIT_SERVER_ADDRESS" {
			o.set(name, settings[name], "sdev: behind the gateway")
			continue
		}
		o.offer(name, settings[name], "sdev: development settings")
	}
	o.set("STREAMLIT_BROWSER_SERVER_PORT", strconv.Itoa(o.parts.Port), "sdev: the port in the address bar")
	if o.parts.Mode == dev.Local {
		o.set("LOCAL_STREAMLIT", "1", "sdev up --local: the login is bypassed")
	}
	if len(o.parts.Shim) > 0 {
		o.set("PYTHONPATH", o.pythonPath(), "sdev: the start-up shim, then "+o.pythonPathWhy())
		o.addConfig("sdev-shim", shimDir+"/sitecustomize.py", types.FileObjectConfig{Content: string(o.parts.Shim)})
		o.note("sdev: keeps folders out of Streamlit's watch list; development only", "configs")
	}
	for _, name := range slices.Sorted(maps.Keys(o.parts.Machine.Proxy)) {
		o.offer(name, o.parts.Machine.Proxy[name], "this machine's proxy")
	}
	if o.app.Build != nil && len(o.parts.Machine.Proxy) > 0 {
		build := *o.app.Build
		build.Args = maps.Clone(build.Args)
		if build.Args == nil {
			build.Args = types.MappingWithEquals{}
		}
		for name, value := range o.parts.Machine.Proxy {
			if _, ok := build.Args[name]; !ok {
				build.Args[name] = &value
			}
		}
		o.app.Build = &build
		o.note("this machine's proxy; BuildKit keeps these names out of the image's history", "build", "args")
	}
}

// pythonPath puts the shim first and leaves what the image or the compose file says as it is,
// empty entries (the working directory) included. Where nothing is said the working directory is
// added, since that is what the app's imports start from.
func (o *overlay) pythonPath() string {
	own := o.ownPythonPath()
	if own == "" {
		own = firstOf(o.app.WorkingDir, o.parts.Image.WorkingDir, "/app")
	}
	return shimDir + ":" + own
}

func (o *overlay) ownPythonPath() string {
	if v := o.p.Model.Services[o.p.App].Environment["PYTHONPATH"]; v != nil {
		return *v
	}
	return o.parts.Image.Env["PYTHONPATH"]
}

func (o *overlay) pythonPathWhy() string {
	if o.ownPythonPath() == "" {
		return "the working directory, since nothing sets it"
	}
	return "as the image or the compose file has it"
}

// identity runs the app as the user of this machine, with a home of its own, so that files in the
// mount belong to them and ~ is writable whoever the image was made for.
func (o *overlay) identity() {
	if o.app.User == "" {
		o.app.User = fmt.Sprintf("%d:%d", o.parts.Machine.UID, o.parts.Machine.GID)
		o.note("you, so that files in the mount stay yours", "user")
	}
	if v, ok := o.app.Environment["HOME"]; ok && v != nil {
		return
	}
	o.set("HOME", homeDir, "sdev: a writable home for that user")
	uid, gid, _ := strings.Cut(o.app.User, ":")
	owner := ""
	if _, err := strconv.Atoi(uid); err == nil {
		owner = ",uid=" + uid
	}
	if _, err := strconv.Atoi(gid); err == nil {
		owner += ",gid=" + gid
	}
	o.app.Tmpfs = append(slices.Clone(o.app.Tmpfs), homeDir+":exec,mode=0755"+owner)
	o.note("sdev: the home above", "tmpfs")
}

func (o *overlay) aws() {
	o.offer("AWS_EC2_METADATA_DISABLED", "true", "sdev: no such service here, and asking it costs seconds")
	a := o.parts.Machine.AWS
	if a.Dir == "" {
		return
	}
	home := *o.app.Environment["HOME"]
	volumes := slices.Clone(o.app.Volumes)
	for _, v := range volumes {
		if strings.TrimRight(v.Target, "/") == home+"/.aws" {
			return // the compose file says it itself
		}
	}
	volumes = append(volumes, types.ServiceVolumeConfig{Type: types.VolumeTypeBind, Source: a.Dir, Target: home + "/.aws", ReadOnly: true})
	for _, cache := range a.Caches {
		private := filepath.Join(o.parts.StateDir, "aws", filepath.FromSlash(cache))
		volumes = append(volumes, types.ServiceVolumeConfig{Type: types.VolumeTypeBind, Source: private, Target: home + "/.aws/" + cache})
		o.out.Seeds = append(o.out.Seeds, Seed{From: filepath.Join(a.Dir, filepath.FromSlash(cache)), To: private})
	}
	o.app.Volumes = volumes
	o.note("x-sdev.aws.mode: mount; read-only, with private caches so that a login can renew itself", "volumes")
	if a.Profile != "" {
		o.offer("AWS_PROFILE", a.Profile, "x-sdev.aws.profile or AWS_PROFILE")
	}
	if a.Region != "" {
		o.offer("AWS_REGION", a.Region, "x-sdev.aws.region, AWS_REGION or the profile")
		o.offer("AWS_DEFAULT_REGION", a.Region, "the same, as boto3 reads it")
	}
}

// ca hands the machine's extra certificate authority to the build, as a secret that stays out of
// the image, and to the app.
func (o *overlay) ca() {
	ca := o.parts.Machine.CA
	if ca.File == "" {
		return
	}
	sum := sha256.Sum256(ca.PEM)
	labels := types.Labels{}
	maps.Copy(labels, o.app.Labels)
	labels["dev.sdev.ca"] = hex.EncodeToString(sum[:8]) // a new bundle makes a new container
	o.app.Labels = labels
	o.addConfig("sdev-ca", caFile, types.FileObjectConfig{File: ca.File})
	for _, name := range []string{"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "PIP_CERT"} {
		o.offer(name, caFile, "the extra CA of this machine ("+ca.Origin+")")
	}
	if o.app.Build == nil {
		return
	}
	build := *o.app.Build
	for _, s := range build.Secrets {
		if s.Source == "ca" || s.Target == "ca" {
			return // the compose file hands one in itself
		}
	}
	build.Secrets = append(slices.Clone(build.Secrets), types.ServiceSecretConfig{Source: "sdev-ca", Target: "ca"})
	o.app.Build = &build
	secrets := maps.Clone(o.out.Project.Secrets)
	if secrets == nil {
		secrets = types.Secrets{}
	}
	secrets["sdev-ca"] = types.SecretConfig{Name: "sdev-ca", File: ca.File}
	o.out.Project.Secrets = secrets
	o.note("the extra CA of this machine ("+ca.Origin+"), as secret id \"ca\"; it stays out of the image", "build", "secrets")
}

func (o *overlay) process() {
	if o.app.Init == nil {
		o.app.Init = ptr(true)
		o.note("sdev: signals reach the app, so that it ends at once", "init")
	}
	if o.app.StopGracePeriod == nil {
		o.app.StopGracePeriod = ptr(types.Duration(grace))
	}
}

func (o *overlay) addConfig(name, target string, content types.FileObjectConfig) {
	content.Name = name
	configs := maps.Clone(o.out.Project.Configs)
	if configs == nil {
		configs = types.Configs{}
	}
	configs[name] = types.ConfigObjConfig(content)
	o.out.Project.Configs = configs
	mode := types.FileMode(0o444)
	o.app.Configs = append(slices.Clone(o.app.Configs), types.ServiceConfigObjConfig{Source: name, Target: target, Mode: &mode})
}

func ptr[T any](v T) *T { return &v }
