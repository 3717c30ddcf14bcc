package session

import (
	"cmp"
	"net/url"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/engine"
	"sdev/dev/gateway/alb"
	"sdev/dev/gateway/door"
	"sdev/dev/oidc"
)

// newDoor returns the front door of a mode, from the project's settings, its variables and stable defaults; nil in modes
// without one. What depends on the local provider's address is still missing.
func newDoor(p *config.Project, mode dev.Mode) *dev.FrontDoor {
	d := &dev.FrontDoor{Policies: p.Settings.Auth.Policies}
	set := func(name string) string {
		for _, v := range p.Variables() {
			if v.Name == name {
				return v.Value
			}
		}
		return ""
	}
	switch mode {
	case dev.ALBLogin:
		s := p.Settings.Auth.ALB
		// The app's verification code compares with the variables of the compose file, if it sets them.
		s.ARN, s.Pool, s.Client = cmp.Or(s.ARN, set("ALB_ARN")), cmp.Or(s.Pool, set("COGNITO_USER_POOL_ID")), cmp.Or(s.Client, set("COGNITO_CLIENT_ID"), set("ALB_CLIENT_ID"))
		a := s.Apply(dev.NewALB(p.Name, s.Pool))
		d.ALB, d.Client = &a, dev.Client{ID: cmp.Or(s.Client, a.ClientID(p.Name))}
	default:
		return nil
	}
	return d
}

// Explainer decides what happens to a request for a path of somebody, or of nobody (nil).
type Explainer func(path string, who *dev.Person) door.Verdict

// NewExplainer returns how a project decides in a mode: in modes with a front door as that door, and otherwise as the
// project's policies say. mode "" is the mode of the project's settings, or else of its code.
func NewExplainer(p *config.Project, mode dev.Mode) (Explainer, dev.Mode) {
	if mode == "" {
		mode = p.Settings.Auth.Mode
	}
	if mode == "" {
		if found, _, err := inspect(p); err == nil {
			mode, _, _ = LoginMode(found) // without a login, only the policies decide
		}
	}
	d := newDoor(p, mode)
	if d == nil {
		return func(path string, who *dev.Person) door.Verdict {
			return door.Verdict{Verdict: dev.Decide(p.Settings.Auth.Policies, path, who), Headers: map[string]any{}}
		}, mode
	}
	s := loginSetup{mode: mode, door: d}
	last := engine.LastPorts(p.StatePath(), p.WantedPort())
	last.Provider = cmp.Or(last.Provider, engine.FirstProviderPort)
	d = s.doorAt(p, last)
	profile := s.profile(p)
	return func(path string, who *dev.Person) door.Verdict {
		var visitor *door.Visitor
		if who != nil {
			visitor = &door.Visitor{Person: *who, Claims: oidc.UserinfoClaims(profile, *who)}
		}
		return alb.Explain(*d, path, visitor)
	}, mode
}

// doorAt returns the front door with what depends on the local provider's address.
func (s loginSetup) doorAt(p *config.Project, ports engine.Ports) *dev.FrontDoor {
	d := *s.door
	local := dev.Issuer(ports.Provider)
	if d.ALB != nil {
		a := d.ALB.WithProvider(p.Name, local)
		d.ALB = &a
	}
	return &d
}

// addDoor adds the front door to the login: the proxy is a client of the local provider, and its people sign in there.
func (s loginSetup) addDoor(p *config.Project, l *dev.LoginSettings, run runFacts, keys config.LoginKeys) error {
	var err error
	l.Door = s.doorAt(p, run.ports)
	if l.Door.Authority, err = p.Authority(run.now); err != nil {
		return err
	}
	if _, err := p.WriteTrust(run.ca, l.Door.Authority); err != nil {
		return err
	}
	page, origin := run.page, run.page
	if u, err := url.Parse(page); err == nil {
		origin = u.Scheme + "://" + u.Host
	}
	l.Door.Client.Name, l.Door.Client.Secret = p.Name, keys.Client
	l.Mapped = &dev.MappedLogin{Issuers: s.identity.issuers}
	if a := l.Door.ALB; a != nil {
		l.Door.Client.RedirectURIs = []string{origin + "/oauth2/idpresponse"}
		l.Mapped.Issuers = a.Issuers(p.Name)
	}
	l.Door.Client.PostLogout = []string{page, page + "/", origin, origin + "/"}
	l.Clients = append(l.Clients, l.Door.Client)
	return nil
}
