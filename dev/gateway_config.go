package dev

// GatewayConfig is everything the gateway container is told at its start, as JSON in its environment.
type GatewayConfig struct {
	Project string `json:"project"`
	Service string `json:"service"` // the app's service
	// Listen is the address inside the shared network namespace, for example ":8501".
	Listen string `json:"listen"`
	// Upstream is where the app listens, on loopback, so that only the gateway reaches it.
	Upstream string `json:"upstream"`
	// Host and Port are the app's one origin as the browser sees it: http://Host:Port.
	Host string `json:"host"`
	Port int    `json:"port"`
	// Base is the path below which the app serves, with a slash in front; "" is the root.
	Base string `json:"base,omitempty"`
	// Aliases are the names by which other containers reach the app, at any port.
	Aliases []string `json:"aliases,omitempty"`
	// Origins are the pages elsewhere that may talk to the app and show it in a frame: x-sdev.origins.
	Origins []string `json:"origins,omitempty"`
	// TrustedHeaders are those that the app's settings believe to say who somebody is.
	TrustedHeaders []string `json:"trusted_headers,omitempty"`
	// Root is the project directory as the gateway sees it, read-only; "" means nothing is watched.
	Root   string  `json:"root"`
	Rules  []Rule  `json:"rules,omitempty"`
	Mounts []Mount `json:"mounts,omitempty"`
	// Credentials is where the app asks for AWS credentials, on loopback; "" means that it has none
	// from here.
	Credentials string `json:"credentials,omitempty"`
	// ProviderPort is the port of the local provider, the same number inside the namespace and on this
	// machine, and Parameters where the stand-in for the parameter store listens, on loopback. Both
	// are there in every mode, so that a change of the mode leaves the gateway as it is.
	ProviderPort int    `json:"identity,omitempty"`
	Parameters   string `json:"parameters,omitempty"`
	// State is the directory, as the gateway sees it, where it keeps how people sign in, with keys and
	// sessions; "" keeps them in memory.
	State string `json:"state,omitempty"`
	// Control is the path of the unix socket that takes commands, reached by exec only.
	Control string `json:"control"`
}

// Mount pairs a path in the app's container with the same thing in the project.
type Mount struct {
	Container string `json:"container"` // absolute, with slashes
	Project   string `json:"project"`   // relative to the project, with slashes
}

// Names that the host and the gateway container agree on.
const (
	GatewayConfigEnv  = "SDEV_GATEWAY"   // environment variable that holds a GatewayConfig as JSON
	GatewayProjectDir = "/project"       // where the project is mounted in the gateway
	GatewayStateDir   = "/state"         // where the gateway keeps what must outlive it
	StateDir          = ".sdev"          // sdev's own directory in a project
	LoginDir          = "auth"           // in it, what has to do with signing in: the gateway's [GatewayStateDir]
	LoginFile         = "login.json"     // in that, the [LoginSettings] that the gateway was told last
	ReceiverDir       = "/opt/sdev/sync" // where the receiver of copies is, in a container that gets some
	GatewaySocket     = "/run/sdev/control.sock"
	// LabelFront is the label on the gateway's container that holds its own port, as the engine
	// writes ports ("8501/tcp"): the one whose host port is the app's origin.
	LabelFront = "dev.sdev.front"
	// LabelProvider is the same for the provider's port.
	LabelProvider = "dev.sdev.identity"
	// LabelMode is the label on the app's container that holds the mode it was made for.
	LabelMode = "dev.sdev.mode"
)
