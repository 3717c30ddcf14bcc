package plan

// HostRoute says how containers of an engine reach programs on this machine.
type HostRoute int

// The routes.
const (
	// RouteUnknown is an engine on another machine, or one that needs nothing: its containers know
	// host.docker.internal, and host-gateway may lead to this machine too.
	RouteUnknown HostRoute = iota
	// RouteByGateway is an engine that leads the address host-gateway to this machine, and knows no name for it.
	RouteByGateway
	// RouteByName is an engine in a virtual machine whose containers know host.docker.internal by themselves, while
	// host-gateway leads to the virtual machine.
	RouteByName
)
