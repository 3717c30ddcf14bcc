package session

import (
	"cmp"
	"net/url"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/engine"
)

// checkDoorVariables returns an error if a variable of the app from which the front door takes a setting has the wrong form.
func checkDoorVariables(p *config.Project, mode dev.Mode) error {
	checks := map[dev.Mode]map[string]func(string) error{
		dev.ALBLogin: {"ALB_ARN": config.CheckALBARN}, dev.IAPLogin: {"IAP_AUDIENCE": dev.CheckIAPAudience},
	}
	for _, v := range p.Variables() {
		check := checks[mode][v.Name]
		if check == nil {
			continue
		}
		if err := check(v.Value); err != nil {
			return &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Message: v.Place + ": " + v.Name + ": " + err.Error(),
				Hint: "correct it, or remove it: sdev then sets it to the front door of this machine"}
		}
	}
	return nil
}

// newDoor returns the front door of a mode, from the project's settings, its variables and stable defaults; nil in modes
// without one. What depends on the local provider's address is still missing.
func newDoor(p *config.Project, mode dev.Mode) *dev.FrontDoor {
	d := &dev.FrontDoor{Policies: p.Settings.Auth.Policies}
	if !mode.HasDoor() {
		return nil
	}
	variables := p.Variables()
	set := func(name string) string {
		for _, v := range variables {
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
	case dev.IAPLogin:
		i := p.Settings.IdentityAwareProxy()
		i.Audience = cmp.Or(i.Audience, set("IAP_AUDIENCE"))
		i = i.WithDefaults(p.Name)
		d.IAP, d.Client = &i, dev.Client{ID: i.ClientID()}
	case dev.AccessLogin:
		a := dev.Access{}
		if p.Settings.Auth.Access != nil {
			a = *p.Settings.Auth.Access
		}
		a = a.Adopt(set("CF_TEAM"), set("CF_AUD")).WithDefaults(p.Name)
		a.Base = p.BasePath()
		d.Access, d.Client = &a, dev.Client{ID: "cloudflare-access"}
	default:
		return nil
	}
	return d
}

// DoorHosts returns the public hosts for which the gateway answers in a mode; none in modes without a front door.
func DoorHosts(p *config.Project, mode dev.Mode) []string {
	if d := doorOf(p, mode); d != nil {
		return d.Hosts()
	}
	return nil
}

// DoorEnvironment returns the variables by which the app knows the front door of a mode; none in modes without one.
func DoorEnvironment(p *config.Project, mode dev.Mode) map[string]string {
	if d := doorOf(p, mode); d != nil {
		return d.Environment()
	}
	return nil
}

// doorOf returns the front door of a mode with the ports of the last run; nil in modes without one.
func doorOf(p *config.Project, mode dev.Mode) *dev.FrontDoor {
	s := loginSetup{mode: mode, door: newDoor(p, mode)}
	if s.door == nil {
		return nil
	}
	last := engine.LastPorts(p.StatePath(), p.WantedPort())
	last.Provider = cmp.Or(last.Provider, engine.FirstProviderPort)
	return s.doorAt(p, last)
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
		l.Mapped.Issuers = a.Issuers(p.Name)
	}
	l.Door.Client.RedirectURIs = []string{l.Door.RedirectURI(origin, l.Issuer)}
	l.Door.Client.PostLogout = []string{page, page + "/", origin, origin + "/"}
	l.Clients = append(l.Clients, l.Door.Client)
	return nil
}
