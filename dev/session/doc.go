// Package session runs a project for one sdev process: it is what "sdev up", "restart", "status" and
// the dashboard have in common.
//
//	Host, Options ──Load──▶ config.Project ──Session.Engine──▶ engine.Engine   brings it about
//	                                       ──Observe─────────▶ Instance        what runs of it
//
// [Load] reads the project as this machine and the flags have it. [New] decides on top how its login is
// treated, and [Session.Engine] wires an engine that works on it: it derives the model to run, pushes
// the gateway's configuration, copies files where containers see no mount, and forwards ports where the
// engine is on another machine. [Observe] is the one place where commands look at what runs: whatever acts on
// a running project goes through the [Instance] that it returns, and so leaves another clone's alone.
//
// Whatever runs containers is behind [Containers], so that all of it can meet a fake. The package talks
// to a running gateway through one client, which reaches the control socket by running a command in the
// gateway's container: the socket is reachable in no other way.
//
// Functions block until every goroutine that they started has ended, except that of blocking.Call when
// the context ends while a project is read. Nothing is kept in package
// variables, and a Session may be used by one goroutine at a time; the engine that it makes says what
// it allows itself.
package session
