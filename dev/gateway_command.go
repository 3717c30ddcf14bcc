package dev

// The command line of the gateway's program, which the gateway's container and containers that get copies run.
const (
	GatewayProgram = "/sdev"   // path of the program in the gateway's image
	GatewayWord    = "gateway" // first argument of every command line; without another one, the program is the gateway
	GatewayCall    = "call"    // send the request on standard input to the gateway and print its status
	GatewayReceive = "receive" // receive copies of the project's files
	GatewayTunnel  = "tunnel"  // carry connections on standard input and output to what the next argument names
)

// Arguments of [GatewayTunnel], besides port numbers.
const (
	TunnelToApp      = "app"
	TunnelToProvider = "provider"
)

// GatewayCommand is the command line that runs the gateway's program at a path.
func GatewayCommand(path string, args ...string) []string {
	return append([]string{path, GatewayWord}, args...)
}
