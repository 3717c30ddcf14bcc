package session

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/detect"
	"sdev/dev/engine"
	"sdev/dev/oidc"
)

// Ids of the local provider's clients: the app, unless its own settings give it another id, and programs outside sdev.
const (
	appClient     = "streamlit"
	OutsideClient = "sdev-outside"
)

// clientParameter is the parameter in which an app finds its OAuth client, unless its code names another one.
const clientParameter = "/streamlit/oauth"

// loginSetup says how a run treats the app's login: it is bypassed, or it runs against the local provider.
type loginSetup struct {
	mode     dev.Mode
	current  string           // e-mail address of the person who signs in without the sign-in page
	found    *detect.Findings // the evidence for the mode and the client; nil if the login is bypassed
	identity identity         // in modes with a login
	door     *dev.FrontDoor   // in modes with a front door; without what depends on the provider
	person   *dev.Person      // who st.user is while the login is bypassed; nil for nobody
	warnings []dev.Warning    // includes assumptions
	host     []dev.Warning    // about the host name of the page
}

// newLoginSetup decides the mode: from the options, else from the project's settings, else from its code.
func newLoginSetup(p *config.Project, o Options) (loginSetup, error) {
	s := loginSetup{mode: dev.Local, current: o.As}
	if o.Auth == "" {
		return newLocalSetup(p, o)
	}
	var err error
	if s.found, _, err = inspect(p); err != nil {
		return s, err
	}
	s.mode = dev.Mode(o.Auth)
	if o.Auth == DetectAuth {
		s.mode = p.Settings.Auth.Mode
	}
	if s.mode == "" {
		var why detect.Fact
		if s.mode, why, err = LoginMode(s.found); err != nil {
			return s, err
		}
		s.assume("login mode "+string(s.mode)+": "+why.Source(), "to keep it, write into the compose file: x-sdev: {auth: {mode: "+string(s.mode)+"}}")
	}
	if s.current != "" {
		person, ok := p.Settings.Auth.Person(s.current)
		if !ok {
			var known []string
			for _, one := range p.Settings.Auth.People() {
				known = append(known, one.Email)
			}
			return s, dev.UsageError("--as is "+strconv.Quote(s.current)+", but the project has no such person", "its people: "+strings.Join(known, ", ")+"; to add one: sdev auth users add EMAIL")
		}
		s.current = person.Email
	}
	s.identity = newIdentity(p, s.found)
	if err := checkDoorVariables(p, s.mode); err != nil {
		return s, err
	}
	s.door = newDoor(p, s.mode)
	s.warnings = append(s.warnings, p.BypassWarnings()...)
	for _, b := range s.found.Login.Bypassed {
		s.warnings = append(s.warnings, dev.Warning{Code: dev.CodeAuthBypass, Message: b.Place() + ": the code sets " + b.Value + " itself, so the login is bypassed in every mode", Hint: "remove it: sdev up --local sets it"})
	}
	s.assumptions(p)
	return s, nil
}

func (s *loginSetup) assume(message, hint string) {
	s.warnings = append(s.warnings, dev.Warning{Code: dev.CodeAssumed, Message: message, Hint: hint})
}

// LoginMode returns the mode that fits the login in the code, and why.
func LoginMode(found *detect.Findings) (dev.Mode, detect.Fact, error) {
	native, hasNative := found.Uses("native")
	i := slices.IndexFunc(found.Auth, func(f detect.Fact) bool { return detect.HandlingOf(f.Value) == detect.HandledApp })
	if i >= 0 && hasNative && detect.IsGeneral(found.Auth[i].Value) {
		i = -1 // packages such as msal have other uses; st.login has none
	}
	door := slices.IndexFunc(found.Auth, isDoor)
	if door >= 0 && hasNative && len(found.Login.Providers) == 0 {
		hasNative = false // the app reads st.user, which Streamlit fills from the proxy's headers, and never calls st.login
	}
	switch {
	case i >= 0 && !hasNative:
		return dev.AppLogin, found.Auth[i], nil
	case hasNative && i < 0:
		return dev.Native, native, nil
	case door >= 0 && !hasNative:
		return dev.Mode(found.Auth[door].Value), found.Auth[door], nil
	}
	e := &dev.Error{Code: dev.CodeAuthMode, Exit: dev.ExitProject, Message: "sdev found no login in the code that --with-auth can run", Hint: "if the app has OAuth code of its own: sdev up --with-auth=app"}
	if hasNative {
		own := found.Auth[i]
		e.Message = "the code has two kinds of login: " + own.Value + ", because " + own.Source() + ", and st.login, because " + native.Source()
		e.Hint = "choose one: sdev up --with-auth=app or --with-auth=native, or in the compose file: x-sdev: {auth: {mode: app}}"
	} else if other := found.Auth[0]; other.Value != "none" {
		e.Message += ": it has " + other.Value + ", because " + other.Source()
		e.Hint = withoutProvider(other.Value)
	}
	return "", detect.Fact{}, e
}

// isDoor reports whether a login is that of an identity proxy that sdev can put in front of the app.
func isDoor(f detect.Fact) bool {
	return detect.HandlingOf(f.Value) == detect.HandledDoor && slices.Contains(config.LoginModes(), f.Value)
}

// LoginModes returns every mode with a login that the code has, the one of [LoginMode] first.
func LoginModes(found *detect.Findings) []dev.Mode {
	var modes []dev.Mode
	add := func(m dev.Mode) {
		if m != "" && !slices.Contains(modes, m) {
			modes = append(modes, m)
		}
	}
	first, _, _ := LoginMode(found) // an error means that none comes first
	add(first)
	for _, f := range found.Auth {
		switch detect.HandlingOf(f.Value) {
		case detect.HandledApp:
			if !detect.IsGeneral(f.Value) {
				add(dev.AppLogin)
			}
		case detect.HandledNative:
			add(dev.Native)
		case detect.HandledDoor:
			if isDoor(f) {
				add(dev.Mode(f.Value))
			}
		default: // no mode runs it
		}
	}
	return modes
}

// withoutProvider says what to do about a login that the local provider cannot run.
func withoutProvider(kind string) string {
	switch detect.HandlingOf(kind) {
	case detect.HandledOwn:
		return "it keeps its own list of users and needs no provider: sdev up --local runs it with that list"
	case detect.HandledService, detect.HandledBrowser:
		return "sdev has no counterpart of its service; to run it against the real one: sdev up --with-auth=app"
	case detect.HandledHeaders:
		return "a proxy in front of the deployed app signs people in; to run it without the login: sdev up --local"
	default:
		return "to run it without the login: sdev up --local"
	}
}

// assumptions adds a warning for everything in which the run differs from what the code says.
func (s *loginSetup) assumptions(p *config.Project) {
	if s.mode != dev.AppLogin {
		return
	}
	if mapped := s.identity.text(); mapped != "" {
		s.assume("in this mode these addresses lead to the local provider: "+mapped, "you need not do anything: sdev's start-up shim maps them wherever the app has them from, and the shim does not ship")
	}
	s.warnings = append(s.warnings, unmappedLogins(s.found)...)
	set := p.Variables()
	var unset []string
	for _, v := range s.found.Login.Variables {
		if !slices.ContainsFunc(set, func(have config.Variable) bool { return have.Name == v.Value }) {
			unset = append(unset, v.Value+" ("+v.Place()+")")
		}
	}
	if len(unset) > 0 {
		s.assume("in this mode these variables, which nothing sets, are those of a client of the local provider: "+strings.Join(unset, ", "), "you need not do anything: the local provider takes any client; a deployment needs the real values")
	}
	for _, parameter := range s.found.Login.Parameters {
		if _, known := p.Settings.AWS.Parameters[parameter.Value]; !known && !isClientParameter(parameter.Value) {
			s.assume("the app asks the parameter store for "+parameter.Value+" ("+parameter.Place()+"), but the local parameter store, which this mode uses, does not contain it",
				"add it to the compose file: x-sdev: {aws: {parameters: {"+parameter.Value+": VALUE}}}")
		}
	}
}

// bypassWarnings warns about constants in the code that require the login although it is bypassed, and about a Streamlit
// that is too old.
func (s loginSetup) bypassWarnings(found *detect.Findings) []dev.Warning {
	if s.mode.SignsIn() {
		return nil
	}
	out := append(oldStreamlit(found), localNotes(found, s.person != nil)...)
	for _, r := range found.Login.Required {
		out = append(out, dev.Warning{Code: dev.CodeAuthBypass, Message: r.Place() + ": " + r.Value + " = True requires the login although it is bypassed", Hint: "set it to False, or run: sdev up --with-auth"})
	}
	return out
}

// isClientParameter reports whether a parameter contains the app's OAuth client, judging by its name.
func isClientParameter(name string) bool {
	lower := strings.ToLower(name)
	return slices.ContainsFunc([]string{"oauth", "oidc", "google"}, func(s string) bool { return strings.Contains(lower, s) })
}

// overlay returns the login's part of the inputs of [config.Overlay].
func (s loginSetup) overlay(p *config.Project, ports engine.Ports) config.LoginParts {
	if !s.mode.SignsIn() {
		return config.LoginParts{Person: s.personClaims(p)}
	}
	parts := config.LoginParts{Hosts: s.identity.hosts(), Mapped: s.identity.text(), Secrets: p.SecretsPath()}
	if s.door != nil {
		parts.Door, parts.Trust = s.doorAt(p, ports), p.TrustPath()
	}
	for _, v := range s.found.Login.Variables {
		parts.Client = append(parts.Client, v.Value)
	}
	return parts
}

// runFacts are the facts about a run that a login depends on.
type runFacts struct {
	ports engine.Ports
	page  string    // address of the app
	tls   bool      // it is https
	ca    config.CA // this machine's extra certificate authority
	now   time.Time
}

// provider returns the settings of the local provider. In native mode it also writes the app's secrets file, which
// contains the provider's address; in modes with a front door the certificates that the app trusts.
func (s loginSetup) provider(p *config.Project, run runFacts) (dev.LoginSettings, error) {
	page, l := run.page, dev.LoginSettings{Mode: s.mode}
	if run.tls {
		a, err := p.Authority(run.now)
		if err != nil {
			return l, err
		}
		l.Page = &a
	}
	if !s.mode.SignsIn() {
		return l, nil
	}
	keys, err := p.LoginKeys()
	if err != nil {
		return dev.LoginSettings{}, err
	}
	l.Issuer, l.Profile, l.People, l.Current = dev.Issuer(run.ports.Provider), s.profile(p), p.Settings.Auth.People(), s.current
	component := page + "/component/streamlit_oauth.authorize_button"
	app := dev.Client{ID: appClient, Name: p.Name, Secret: keys.Client,
		RedirectURIs: []string{component + "/index.html", component, page + "/oauth2callback", page + "/", page}, PostLogout: []string{page + "/oauth2callback", page + "/", page}}
	ids := []string{app.ID}
	if s.door != nil {
		if err := s.addDoor(p, &l, run, keys); err != nil {
			return l, err
		}
	}
	if s.mode == dev.Native {
		n := config.NativeLogin{RedirectURI: page + "/oauth2callback", Metadata: l.Issuer + "/.well-known/openid-configuration", ClientID: appClient, Keys: keys}
		for _, provider := range s.found.Login.Providers {
			n.Providers = append(n.Providers, provider.Value)
		}
		l.Cookies = keys.Cookie
		if ids, err = p.WriteSecrets(n); err != nil {
			return dev.LoginSettings{}, err
		}
	}
	for _, id := range ids {
		app.ID = id
		l.Clients = append(l.Clients, app)
	}
	l.Clients = append(l.Clients, dev.Client{ID: OutsideClient, Name: "a program outside sdev", Secret: keys.Outside, Loopback: true})
	if s.mode == dev.AppLogin {
		l.Mapped = &dev.MappedLogin{Client: dev.Client{Name: p.Name, AnySecret: true, Page: page}, Issuers: s.identity.issuers}
		if err := s.parameters(p, &l, app); err != nil {
			return l, err
		}
	}
	return l, checkProvider(p.Name, l)
}

// checkProvider returns the error with which the gateway's provider would refuse these settings. It makes a provider in
// this process, so that the error comes before anything has changed.
func checkProvider(project string, l dev.LoginSettings) error {
	_, err := oidc.New(oidc.Config{Issuer: l.Issuer, Project: project, Profile: l.Profile, People: l.People, Clients: l.Clients, Current: l.Current, Mapped: l.Mapped})
	return err
}

// profile returns the name of the provider to imitate: the one in the project's settings, else the one whose address is
// in the code.
func (s loginSetup) profile(p *config.Project) string {
	if p.Settings.Auth.Profile != "" {
		return p.Settings.Auth.Profile
	}
	switch {
	case s.door == nil:
	case s.door.IAP != nil:
		return "google"
	case s.door.ALB != nil && s.door.ALB.Action == dev.ALBCognito:
		return "cognito"
	}
	return cmp.Or(s.identity.profile(), dev.Profiles()[0])
}
