package session

import (
	"context"
	"os"
	"time"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/gateway"
	"sdev/dev/oidc"
)

// Status is the state of a project. "sdev status --json" prints it; its fields are a contract.
type Status struct {
	V        int             `json:"v"`
	Project  string          `json:"project"`
	Dir      string          `json:"dir"`
	Mode     dev.Mode        `json:"mode"`
	URL      string          `json:"url"`
	Issuer   string          `json:"issuer"` // of the local provider; "" if the login is bypassed
	Services []ServiceStatus `json:"services"`
	Reload   ReloadStatus    `json:"reload"`
	Sessions int             `json:"sessions"`
	Auth     AuthStatus      `json:"auth"`
	AWS      AWSStatus       `json:"aws"`
	Engine   EngineStatus    `json:"engine"`
	// Plain is the name in the project's files, if this checkout runs under another one, beside the first; else "".
	Plain string `json:"plain,omitempty"`
	// Gone says that the directory does not exist on this machine, or not any more. Only "status --all" finds such a project.
	Gone bool `json:"gone,omitempty"`
	// Elsewhere is a message if the containers under the project's name belong to another directory; else "".
	Elsewhere string `json:"elsewhere"`

	// The fields below are only for the text output.

	Hint      string           `json:"-"` // the hint for Elsewhere
	Exception dev.AppException `json:"-"` // the last one
	Reloads   int              `json:"-"`
}

// ServiceStatus is the state of a service.
type ServiceStatus struct {
	Name      string   `json:"name"`
	State     string   `json:"state"`
	Health    string   `json:"health"`
	Image     string   `json:"image"`
	Container string   `json:"container"`
	Ports     []string `json:"ports"`
}

// ReloadStatus says how saves reach the app.
type ReloadStatus struct {
	How     dev.ReloadMethod `json:"how"`
	Watches int              `json:"watches"`
	LastMS  int64            `json:"last_ms"`
}

// AuthStatus is the state of the local provider.
type AuthStatus struct {
	Users   int          `json:"users"`
	Current string       `json:"current"` // who signs in without the sign-in page, or is st.user while the login is bypassed
	Faults  []oidc.Fault `json:"faults"`  // those that are set
	// Unmapped are the addresses of real identity providers that the app asked for something; usually none.
	Unmapped []oidc.Unmapped `json:"unmapped,omitempty"`
	// Told is what the front door told the app about each user, the latest request first; missing in modes without one.
	Told []gateway.Told `json:"told,omitempty"`
}

// EngineStatus says which engine runs the containers.
type EngineStatus struct {
	Host    string `json:"host"`
	Context string `json:"context"` // docker context; "" if none names the engine
	Why     string `json:"why"`     // what chose it
	API     string `json:"api"`
}

// Status collects the state of the project. If the gateway does not answer, its fields stay empty.
func (i Instance) Status(ctx context.Context, h Host, r Runner, e EngineStatus) Status {
	s := Status{V: dev.WireVersion, Project: i.Project.Name, Dir: i.Project.Dir, Services: []ServiceStatus{}, Auth: AuthStatus{Faults: []oidc.Fault{}}, AWS: AWSStatus{Source: config.AWSNone}}
	for _, c := range i.Observed.Containers {
		state := "exited"
		if c.Running {
			state = "running"
		}
		ports := c.Ports
		if ports == nil {
			ports = []string{}
		}
		s.Services = append(s.Services, ServiceStatus{Name: c.Service, State: state, Health: c.Health, Image: c.Reference, Container: c.Name, Ports: ports})
	}
	s.Engine = e
	if i.Project.IsSeparate() {
		s.Plain = i.Project.Plain
	}
	_, err := os.Stat(i.Project.Dir)
	s.Gone = os.IsNotExist(err)
	if i.Elsewhere != nil {
		reason := dev.AsError(i.Elsewhere)
		s.Elsewhere, s.Hint = reason.Message, reason.Hint
	}
	if _, ok := i.GatewayConfig(); !ok {
		return s
	}
	s.URL, s.Mode, s.AWS = i.URL(), i.Mode(), i.AWS(h)
	s.Auth.Current = i.Person()
	if g, err := i.GatewayStatus(ctx, r); err == nil {
		s.Reload = ReloadStatus{How: g.How, Watches: g.Watches, LastMS: g.Reload.MS}
		s.Sessions, s.Exception, s.Reloads = g.Sessions, g.Exception, g.Reloads
		if g.Mode.SignsIn() {
			s.Issuer, s.Auth = g.Auth.Issuer, AuthStatus{len(g.Auth.People), g.Auth.Current, g.Auth.Faults, g.Auth.Unmapped, g.Told}
		}
		if s.AWS.Source == config.AWSSession && !g.AWSExpires.IsZero() {
			s.AWS.Expires = g.AWSExpires.UTC().Format(time.RFC3339)
		}
	}
	return s
}
