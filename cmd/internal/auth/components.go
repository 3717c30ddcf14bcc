package auth

import (
	"context"

	"sdev/cmd/internal/console"
	"sdev/dev/config"
	"sdev/dev/session"
)

// components are those of the running app.
type components struct {
	isolated bool // those with a frame of their own are
	all      []session.Component
	unread   error // why those of the packages are unknown
}

func inspectComponents(ctx context.Context, r console.Running) components {
	c := components{isolated: r.Project.Settings.Components == config.ComponentsIsolate}
	app, err := r.RequireContainer(r.Project.App)
	if err != nil {
		c.unread = err
		return c
	}
	if gateway, ok := r.GatewayConfig(); ok {
		c.isolated = gateway.Isolate // the setting may have changed since
	}
	c.all, c.unread = session.InspectComponents(ctx, r.Engine.Exec, r.Project, app.Name)
	return c
}

// reach is what a component reaches that has the app's origin.
const reach = "cookies and storage of the app's origin, the page itself, and the app as the user who is signed in"

// framed lists the components that have a frame of their own.
func (c components) framed() finding {
	f := finding{ID: "components.frame", OK: true, Evidence: "no component has a frame of its own"}
	list := session.InPage(c.all, false)
	switch {
	case len(list) == 0:
	case !c.isolated:
		f.Evidence = "components in frames reach " + reach + "; x-sdev.components can withhold that: " + session.ListComponents(list)
	default:
		f.Evidence = "components in frames are isolated from the app's origin: " + session.ListComponents(list)
		if needs := session.ListNeeds(list); needs != "" {
			f.OK, f.Evidence = false, f.Evidence+". Files of their packages name what they do not have: "+needs
			f.Fix = "if one does not work, and you trust it: x-sdev: {components: trust}"
		}
	}
	if c.unread != nil {
		f.OK, f.Evidence = false, f.Evidence+"; those of the installed packages are unknown: "+c.unread.Error()
	}
	return f
}

// inPage lists the components that run in the app's page, which nothing isolates.
func (c components) inPage() finding {
	f := finding{ID: "components.page", OK: true, Evidence: "no component runs in the app's page"}
	list := session.InPage(c.all, true)
	if len(list) > 0 {
		f.OK = !c.isolated // only who isolates components relies on it
		f.Evidence = "components in the app's page (st.components.v2) reach " + reach + ", and nothing isolates them: " + session.ListComponents(list)
	}
	if !f.OK {
		f.Fix = "keep only those that you trust"
	}
	return f
}
