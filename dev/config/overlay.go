package config

import (
	"maps"
	"slices"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// GatewayService is the name of the service that sdev adds to every project.
const GatewayService = "sdev-gateway"

// Paths of sdev's own files in the app's container.
const (
	shimDir     = "/opt/sdev/shim"
	caFile      = "/opt/sdev/ca.pem"
	homeDir     = "/home/sdev"
	rootHome    = "/root"
	grace       = 3 * time.Second // Streamlit ends within a second; a hung one should not delay the stop
	defaultPort = 8501            // Streamlit's own default port
)

// Parts are the inputs of an overlay besides the project.
type Parts struct {
	Machine      Machine
	Mode         dev.Mode
	Port         int        // host port of the app's origin
	TLS          bool       // the app's origin is https
	ProviderPort int        // host port of the local provider
	Login        LoginParts // in modes with a login
	GatewayImage string     // reference of the gateway's image
	Image        ImageFacts // of the app's image
	// Env returns Streamlit's development settings for its port.
	Env  func(port int) map[string]string
	Shim []byte // sitecustomize.py
	// ShimModules are the modules that the shim can load, by file name.
	ShimModules map[string][]byte
	// BytecodeEnv is the variable that names the directory in which the shim keeps bytecode; "" if it keeps none.
	BytecodeEnv string
	// HostGateway says that containers need an extra host to know this machine as [HostName].
	HostGateway bool
	// Moved are the ports of this machine that services publish instead of those in the compose file.
	Moved    map[dev.PublishedPort]int
	Sync     bool // the project's directories are copied into the app's container, not mounted
	StateDir string
	OnHost   *OnHost // the run without a container engine; nil with one
}

// ImageFacts are the relevant settings of the app's image.
type ImageFacts struct {
	Env        map[string]string
	Command    []string // entry point and command together
	WorkingDir string
	User       string // "" is root, by default
}

// Effective is the model that runs.
type Effective struct {
	Project       *types.Project
	App           string
	Mode          dev.Mode
	URL           string
	Issuer        string // of the local provider, in modes with a login
	GatewayConfig dev.GatewayConfig
	Notes         []Note
	// Seeds are directories whose files are copied, newer ones only, before the app starts.
	Seeds []Seed
	// Copies are the directories that are kept in sync by copying.
	Copies []dev.Copy
	// Neighbours are the services around the app that have rules for saves of their own.
	Neighbours []Neighbour
	// NotStarted are the services that need a container engine, if the model runs without one.
	NotStarted []string

	sources sources
	token   string // the token with which the app requests AWS keys; "" if it needs none
}

// Note says where a derived value comes from.
type Note struct {
	Path []string // in the compose model
	Why  string
}

// Seed is a directory and the one from which it is filled.
type Seed struct{ From, To string }

// Overlay derives the model that runs: the user's own, the gateway in front of the app, and what
// local development adds to the app. p is not changed.
func Overlay(p *Project, parts Parts) (*Effective, error) {
	model, err := p.Model.WithServicesEnabled() // a deep copy
	if err != nil {
		return nil, fromCompose(p.sources, err)
	}
	o := overlay{p: p, parts: parts, out: &Effective{Project: model, App: p.App, Mode: parts.Mode, Notes: slices.Clone(p.notes), sources: p.sources, token: parts.Machine.AWS.Token}}
	o.movePorts()
	o.app = model.Services[p.App]
	if parts.OnHost != nil {
		o.onlyApp()
	}
	model.Extensions = withoutSecrets(model.Extensions) // they are secrets
	ports, err := o.ports()
	if err != nil {
		return nil, err
	}
	ruleset, err := rules(p, o.app, parts.Sync)
	if err != nil {
		return nil, err
	}
	mounts := sourceMounts(p, o.app)
	// The steps change one service after the other, in this order: the gateway's configuration names what is copied
	// and mounted, and later steps use its addresses.
	o.copies()
	o.addHostName()
	o.gateway(ports, ruleset, mounts)
	// user may set HOME, into which aws mounts.
	o.environment(ports)
	o.bytecode()
	o.user()
	o.aws()
	o.login()
	o.ca()
	o.process()
	o.bounds() // needs all mounts of the steps before
	model.Services[p.App] = o.app
	// All services, the app and the gateway among them.
	o.otherServices()
	o.neighbours()
	o.hideState()
	o.publishOnLoopback()
	if parts.OnHost != nil {
		o.toHost()
	}
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

func (o *overlay) label(name, value string) {
	labels := types.Labels{}
	maps.Copy(labels, o.app.Labels)
	labels[name] = value
	o.app.Labels = labels
}

func ptr[T any](v T) *T { return &v }
