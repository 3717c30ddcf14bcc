package dev

import "fmt"

// GatewayConfig is the configuration of the gateway's container. Its environment holds it as JSON.
type GatewayConfig struct {
	Project string `json:"project"`
	Service string `json:"service"` // the app's service
	// Listen is the address inside the shared network namespace, for example ":8501".
	Listen string `json:"listen"`
	// Upstream is the app's address on loopback, so that only the gateway reaches the app.
	Upstream string `json:"upstream"`
	// Socket is the unix socket at which the app listens, so that only its own user reaches it; "" if it listens at
	// Upstream alone. An app that does not create the socket is expected at Upstream.
	Socket string `json:"socket,omitempty"`
	// Host and Port are the app's origin as the browser sees it: http://Host:Port.
	Host string `json:"host"`
	Port int    `json:"port"`
	// TLS says that the origin is https: https://Host:Port.
	TLS bool `json:"tls,omitempty"`
	// Base is the path prefix of the app, with a leading slash; "" means the root.
	Base string `json:"base,omitempty"`
	// Aliases are the names by which other containers reach the app, at any port.
	Aliases []string `json:"aliases,omitempty"`
	// Neighbours are the other services of the project, which may be proxies in front of the app, and NeighbourPorts
	// the ports of this machine that they publish.
	Neighbours     []string `json:"neighbours,omitempty"`
	NeighbourPorts []int    `json:"neighbour_ports,omitempty"`
	// Origins are foreign pages that may send requests to the app and show it in a frame: x-sdev.origins.
	Origins []string `json:"origins,omitempty"`
	// Isolate withholds the app's origin from its components: x-sdev.components.
	Isolate bool `json:"isolate,omitempty"`
	// TrustedHeaders are the identity headers that the app's settings trust.
	TrustedHeaders []string `json:"trusted_headers,omitempty"`
	// Root is the read-only project directory in the gateway's container; "" means that the gateway watches
	// nothing.
	Root   string  `json:"root"`
	Rules  []Rule  `json:"rules,omitempty"`
	Mounts []Mount `json:"mounts,omitempty"`
	// Outside are further directories of the app's source, outside Root.
	Outside []OutsideDir `json:"outside,omitempty"`
	// Credentials is the loopback address that serves AWS credentials to the app; "" means that sdev provides none.
	Credentials string `json:"credentials,omitempty"`
	// ProviderPort is the port of the local provider, the same in the network namespace and on this machine. Parameters
	// is the loopback address of the local parameter store. Both are set in every mode, so that a change of the
	// mode does not recreate the gateway.
	ProviderPort int    `json:"identity,omitempty"`
	Parameters   string `json:"parameters,omitempty"`
	// Keys is the loopback address at which the gateway answers over TLS for the hosts of [FrontDoor.Hosts], in modes with a
	// front door; "" means nowhere.
	Keys string `json:"keys,omitempty"`
	// State is the directory in the gateway's container for login settings, keys and sessions; "" keeps them in
	// memory.
	State string `json:"state,omitempty"`
	// Control is the path of the unix socket that takes commands. Only processes in the container reach it.
	Control string `json:"control"`
}

// Origin is the app's origin as the browser sees it.
func (c GatewayConfig) Origin() string {
	scheme := "http"
	if c.TLS {
		scheme = "https"
	}
	return fmt.Sprintf("%s://%s:%d", scheme, c.Host, c.Port)
}

// Mount maps a path in the app's container to the project.
type Mount struct {
	Container string `json:"container"` // absolute, with slashes
	Project   string `json:"project"`   // relative to the project, with slashes
}

// OutsideDir is a directory of the app's source outside the project's directory.
type OutsideDir struct {
	Dir  string `json:"dir"`  // read-only, in the gateway's container
	Path string `json:"path"` // relative to the project, with slashes: it begins with ".."
}

// Names that the host and the gateway container agree on.
const (
	GatewayConfigEnv  = "SDEV_GATEWAY" // environment variable that holds a GatewayConfig as JSON
	GatewayProjectDir = "/project"     // mount point of the project in the gateway
	GatewayOutsideDir = "/outside"     // directory of the mount points of [OutsideDir]
	GatewayStateDir   = "/state"       // directory of the gateway's persistent state
	// GatewayBytecodeDir is a directory of the gateway's image that everybody may write to. A new volume mounted there
	// becomes like it.
	GatewayBytecodeDir = "/bytecode"
	StateDir           = ".sdev"          // sdev's own directory in a project
	MountedDir         = "files"          // directory in StateDir for files without secrets that containers mount; any user of theirs may read them
	LoginDir           = "auth"           // directory in StateDir for the login; the gateway mounts it at [GatewayStateDir]
	LoginFile          = "login.json"     // file in LoginDir with the latest [LoginSettings]
	ReceiverDir        = "/opt/sdev/sync" // directory of sdev's copy receiver, in a container that gets copies
	GatewaySocket      = "/run/sdev/control.sock"
	// LabelFront is the label of the gateway's container that names its container port for the app, as the engine
	// writes ports ("8501/tcp"). The host port published for it is the port of the app's origin.
	LabelFront = "dev.sdev.front"
	// LabelProvider is the same for the local provider.
	LabelProvider = "dev.sdev.identity"
	// LabelMode is the label of the app's container that names the login mode for which sdev created it.
	LabelMode = "dev.sdev.mode"
	// LabelPerson is the label of the app's container that holds the e-mail address of the person that st.user is while
	// the login is bypassed.
	LabelPerson = "dev.sdev.person"
	// LabelSocket is the label of a container without an engine that holds the path of its unix socket on this machine. The
	// socket is removed with the container, and so is its directory once that is empty.
	LabelSocket = "dev.sdev.socket"
)
