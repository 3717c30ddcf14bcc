// Package session runs a project for one sdev process: it holds what "sdev up", "restart", "status" and the dashboard
// have in common.
//
//	Host, Options ──Load──▶ config.Project ──Session.Engine──▶ engine.Engine   starts, changes and removes containers
//	                                       ──Observe─────────▶ Instance        reads the state of the containers
//
// [Load] reads the project with the environment of this machine and the flags of the command. [New] also decides
// whether the app's login is bypassed or runs. [Session.Engine] makes an engine for the project: it derives the model to
// run, sends the gateway its configuration, copies files to containers that see no mounts, and forwards ports if the
// container engine is on another machine.
//
// Several checkouts of a project have one name in their files, and an engine knows projects by name. The first "up" in a
// directory claims a name for it, and the directory keeps that name (checkout.go). [Load] reads the project under it.
//
// Commands look at containers only through [Observe] and [ObserveAll]. A command that acts on a running project uses the [Instance] that
// Observe returns, so it leaves the containers of a clone in another directory alone.
//
// Everything that runs containers is behind the interfaces in [Containers], so tests use a fake. Requests to a running
// gateway go through one client. It runs a command in the gateway's container, because the control socket can only be
// reached from there.
//
// Functions block until every goroutine that they started has ended. There is one exception: if the context ends while
// a project is read, the goroutine that reads it may outlive the call, see package blocking. The package has no mutable
// variables. A Session may be used by one goroutine at a time; package engine says what its engine allows.
package session
