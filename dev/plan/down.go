package plan

import "slices"

// Down gives the operations that remove everything of the project, its volumes only if asked.
func Down(have Observed, volumes bool) Plan {
	var p Plan
	for _, c := range have.Containers {
		p = append(p, Operation{Verb: Remove, Kind: ServiceContainer, Name: c.Name, ID: c.ID, Joins: c.Joins, Reason: "down"})
	}
	for _, n := range have.Networks {
		p = append(p, Operation{Verb: Remove, Kind: Network, Name: n.Name, Reason: "down"})
	}
	for _, v := range have.Volumes {
		switch {
		case v.Of != "":
			p = append(p, Operation{Verb: Remove, Kind: Volume, Name: v.Name, Reason: "down"})
		case volumes:
			p = append(p, Operation{Verb: Remove, Kind: Volume, Name: v.Name, Reason: "down --volumes"})
		}
	}
	return p
}

// Undo gives the operations that remove what a plan made, and nothing that was there before.
func Undo(made Plan, have Observed) Plan {
	return slices.DeleteFunc(Down(have, true), func(op Operation) bool {
		return !slices.ContainsFunc(made, func(m Operation) bool { return m.Verb == Create && m.Kind == op.Kind && m.Name == op.Name })
	})
}

// RestartOf gives the operations that restart a service, and after it those that are to restart with it.
// The app restarts with the gateway, in whose network it lives.
func RestartOf(have Observed, service, gateway, app string) Plan {
	var p, followers Plan
	for _, c := range have.Containers {
		op := Operation{Verb: Restart, Kind: ServiceContainer, Name: c.Name, ID: c.ID, Reason: "asked for"}
		switch {
		case c.Service == service:
			p = append(p, op)
		case service == gateway && c.Service == app:
			followers = append(followers, op)
		case c.Running && c.restartsWith(service):
			op.Reason = service + " is restarted, and it is to restart with it"
			followers = append(followers, op)
		}
	}
	for _, op := range followers {
		for _, first := range p {
			op.After = append(op.After, Dependency{first.Name, Started})
		}
		p = append(p, op)
	}
	return p
}
