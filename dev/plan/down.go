package plan

import "slices"

// Down returns the operations that remove everything of the project; volumes only if requested, and volumes that
// belong to one container always.
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
		case v.ForContainer != "":
			p = append(p, Operation{Verb: Remove, Kind: Volume, Name: v.Name, Reason: "down"})
		case volumes:
			p = append(p, Operation{Verb: Remove, Kind: Volume, Name: v.Name, Reason: "down --volumes"})
		}
	}
	return p
}

// Undo returns the operations that remove the objects that a plan created.
func Undo(made Plan, have Observed) Plan {
	return slices.DeleteFunc(Down(have, true), func(op Operation) bool {
		return !slices.ContainsFunc(made, func(m Operation) bool { return m.Verb == Create && m.Kind == op.Kind && m.Name == op.Name })
	})
}

// RestartOf returns the operations that restart a service and then the running services that must restart with it:
// those that say "restart: true", and the app after its gateway, whose network namespace it uses.
func RestartOf(have Observed, service, gateway, app string) Plan {
	var p, followers Plan
	for _, c := range have.Containers {
		op := Operation{Verb: Restart, Kind: ServiceContainer, Name: c.Name, ID: c.ID, Reason: "requested"}
		switch {
		case c.Service == service:
			p = append(p, op)
		case service == gateway && c.Service == app:
			followers = append(followers, op)
		case c.Running && c.restartsWith(service):
			op.Reason = "it restarts with " + service
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
