package cli

// How a project's login is treated in a run: bypassed, or tried at the local provider.

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/detect"
	"sdev/dev/engine"
	"sdev/dev/oidc"
)

// detected is the value of --with-auth that leaves the mode to the project.
const detected = "detect"

// appClient and outsideClient are the local provider's clients: the app, where its own settings give
// it no other id, and programs outside sdev.
const (
	appClient     = "streamlit"
	outsideClient = "sdev-outside"
)

// clientParameter is where an app finds its OAuth client, unless its code says otherwise.
const clientParameter = "/streamlit/oauth"

// signIn is how a project's login is treated, and what that was concluded from.
type signIn struct {
	mode     dev.Mode
	current  string // e-mail of who signs in without being asked
	found    *detect.Findings
	warnings []dev.Warning // also what was assumed
}

// newSignIn settles the mode: as asked for, else as the project's files say, else as its code has it.
func newSignIn(p *config.Project, o runOptions) (signIn, error) {
	s := signIn{mode: dev.Local, current: o.as}
	if o.auth == "" {
		return s, nil
	}
	var err error
	if s.found, err = look(p.Dir); err != nil {
		return s, err
	}
	s.mode = dev.Mode(o.auth)
	if o.auth == detected {
		s.mode = p.Settings.Auth.Mode
	}
	if s.mode == "" {
		var why detect.Fact
		if s.mode, why, err = modeOf(s.found); err != nil {
			return s, err
		}
		s.assume("login mode "+string(s.mode)+": "+why.Source(), "say it for good in the compose file: x-sdev: {auth: {mode: "+string(s.mode)+"}}")
	}
	if s.current != "" {
		person, ok := p.Settings.Auth.Person(s.current)
		if !ok {
			var known []string
			for _, one := range p.Settings.Auth.People() {
				known = append(known, one.Email)
			}
			return s, usage("--as is "+quote(s.current)+", who is none of the people of this project", "there are "+strings.Join(known, ", ")+"; sdev auth users add adds somebody")
		}
		s.current = person.Email
	}
	s.warnings = append(s.warnings, p.BypassWarnings()...)
	for _, b := range s.found.Login.Bypassed {
		s.warnings = append(s.warnings, dev.Warning{Code: dev.CodeAuthBypass, Message: b.Place() + ": the code sets " + b.Value + " itself, so that the login is bypassed in every mode", Hint: "take it out: sdev up --local sets it"})
	}
	s.assumptions(p)
	return s, nil
}

func (s *signIn) assume(message, hint string) {
	s.warnings = append(s.warnings, dev.Warning{Code: dev.CodeAssumed, Message: message, Hint: hint})
}

// modeOf is the mode that fits the login of the code.
func modeOf(found *detect.Findings) (dev.Mode, detect.Fact, error) {
	own, hasOwn := found.Uses("streamlit-oauth")
	native, hasNative := found.Uses("native")
	switch {
	case hasOwn && !hasNative:
		return dev.AppLogin, own, nil
	case hasNative && !hasOwn:
		return dev.Native, native, nil
	}
	e := &dev.Error{Code: dev.CodeAuthMode, Exit: dev.ExitProject, Message: "the code has no login that --with-auth knows", Hint: "if it has OAuth code of its own: sdev up --with-auth=app"}
	if hasOwn {
		e.Message = "the code has two kinds of login: streamlit-oauth, since " + own.Source() + ", and st.login, since " + native.Source()
		e.Hint = "say which: sdev up --with-auth=app or --with-auth=native, or in the compose file: x-sdev: {auth: {mode: app}}"
	} else if other := found.Auth[0]; other.Value != "none" {
		e.Message += ": it has " + other.Value + ", since " + other.Source()
		e.Hint = "sdev up --local runs it without"
	}
	return "", detect.Fact{}, e
}

// assumptions tell what of the code is treated in another way than it says.
func (s *signIn) assumptions(p *config.Project) {
	if s.mode != dev.AppLogin {
		return
	}
	if mapped := s.mapped(); mapped != "" {
		s.assume("addresses in the code are the local provider's in this mode: "+mapped, "nothing needs to be done: the start-up shim sees to it, and it does not ship")
	}
	for _, asked := range s.found.Login.Parameters {
		if _, given := p.Settings.AWS.Parameters[asked.Value]; !given && !isClientParameter(asked.Value) {
			s.assume("the app asks the parameter store for "+asked.Value+" ("+asked.Place()+"), and in this mode the local one has it not",
				"add it to the compose file: x-sdev: {aws: {parameters: {"+asked.Value+": VALUE}}}")
		}
	}
}

// stubborn tells of constants in the code that ask for the login though it is to be bypassed. It reads
// the code for that, which takes a moment.
func (s signIn) stubborn(dir string) []dev.Warning {
	if s.mode.SignsIn() {
		return nil
	}
	found, err := look(dir)
	if err != nil {
		return nil // what cannot be read says nothing
	}
	var out []dev.Warning
	for _, r := range found.Login.Required {
		out = append(out, dev.Warning{Code: dev.CodeAuthBypass, Message: r.Place() + ": " + r.Value + " = True asks for the login although it is bypassed", Hint: "set it to False, or run: sdev up --with-auth"})
	}
	return out
}

// mapped are the addresses of OAuth providers in the code, in words; "" where it has none.
func (s signIn) mapped() string {
	var list []string
	for _, e := range s.found.Login.Endpoints {
		list = append(list, fmt.Sprintf("%s (%s)", e.Value, e.Place()))
	}
	return strings.Join(list, ", ")
}

// isClientParameter tells by its name whether a parameter holds the app's OAuth client.
func isClientParameter(name string) bool {
	lower := strings.ToLower(name)
	return slices.ContainsFunc([]string{"oauth", "oidc", "google"}, func(s string) bool { return strings.Contains(lower, s) })
}

// surroundings is what an overlay has to know of the login.
func (s signIn) surroundings(p *config.Project, ports engine.Ports) config.LoginSetup {
	if !s.mode.SignsIn() {
		return config.LoginSetup{}
	}
	return config.LoginSetup{Endpoints: endpoints(dev.Issuer(ports.Identity)), Mapped: s.mapped(), Secrets: p.SecretsPath()}
}

// login is what the gateway is told. In native mode the app's secrets are written on the way.
func (s signIn) login(p *config.Project, ports engine.Ports, page string) (dev.Login, error) {
	if !s.mode.SignsIn() {
		return dev.Login{Mode: s.mode}, nil
	}
	keys, err := p.LoginKeys()
	if err != nil {
		return dev.Login{}, err
	}
	l := dev.Login{Mode: s.mode, Issuer: dev.Issuer(ports.Identity), Profile: s.profile(p), People: p.Settings.Auth.People(), Current: s.current}
	component := page + "/component/streamlit_oauth.authorize_button"
	app := dev.Client{ID: appClient, Name: p.Name, Secret: keys.Client,
		RedirectURIs: []string{component + "/index.html", component, page + "/oauth2callback", page + "/", page}, PostLogout: []string{page + "/oauth2callback", page + "/", page}}
	ids := []string{app.ID}
	if s.mode == dev.Native {
		n := config.NativeLogin{RedirectURI: page + "/oauth2callback", Metadata: l.Issuer + "/.well-known/openid-configuration", ClientID: appClient, Keys: keys}
		for _, provider := range s.found.Login.Providers {
			n.Providers = append(n.Providers, provider.Value)
		}
		l.Cookies = keys.Cookie
		if ids, err = p.WriteSecrets(n); err != nil {
			return dev.Login{}, err
		}
	}
	for _, id := range ids {
		app.ID = id
		l.Clients = append(l.Clients, app)
	}
	l.Clients = append(l.Clients, dev.Client{ID: outsideClient, Name: "a program outside sdev", Secret: keys.Outside, Loopback: true})
	if s.mode == dev.AppLogin {
		if err := s.parameters(p, &l, app); err != nil {
			return l, err
		}
	}
	return l, accepted(p.Name, l)
}

// accepted asks a provider of this process whether the gateway's is going to take a login: before
// anything is touched is the time to know.
func accepted(project string, l dev.Login) error {
	_, err := oidc.New(oidc.Config{Issuer: l.Issuer, Project: project, Profile: l.Profile, People: l.People, Clients: l.Clients, Current: l.Current})
	return err
}

// parameters fills the parameter store: what the project says, and the app's client wherever the
// code looks for one. A client that the project itself gives is known to the provider too.
func (s signIn) parameters(p *config.Project, l *dev.Login, app dev.Client) error {
	l.Parameters = maps.Clone(p.Settings.AWS.Parameters)
	if l.Parameters == nil {
		l.Parameters = map[string]dev.Parameter{}
	}
	names := []string{clientParameter}
	for _, asked := range s.found.Login.Parameters {
		if isClientParameter(asked.Value) {
			names = append(names, asked.Value)
		}
	}
	client, err := json.Marshal(map[string]googleClient{"web": newGoogleClient(p.Name, *l, app)})
	if err != nil {
		return err
	}
	for _, name := range names {
		own, given := l.Parameters[name]
		if !given {
			l.Parameters[name] = dev.Parameter{Value: string(client), Secure: true}
			continue
		}
		var file struct{ Web googleClient }
		known := func(c dev.Client) bool { return c.ID == file.Web.ClientID }
		if json.Unmarshal([]byte(own.Value), &file) == nil && file.Web.ClientID != "" && !slices.ContainsFunc(l.Clients, known) {
			theirs := app
			theirs.ID, theirs.Secret = file.Web.ClientID, file.Web.ClientSecret
			theirs.RedirectURIs = append(slices.Clone(app.RedirectURIs), file.Web.RedirectURIs...)
			l.Clients = append(l.Clients, theirs)
		}
	}
	return nil
}

// googleClient is a client as Google's console gives it to download, in the file's member "web".
// Issuer and JWKSURI are additions, for code that verifies ID tokens of other providers too.
type googleClient struct {
	ClientID     string   `json:"client_id"`
	ProjectID    string   `json:"project_id"`
	AuthURI      string   `json:"auth_uri"`
	TokenURI     string   `json:"token_uri"`
	CertURL      string   `json:"auth_provider_x509_cert_url"`
	ClientSecret string   `json:"client_secret"`
	RedirectURIs []string `json:"redirect_uris"` // the app's page comes last, which is what some code takes
	Issuer       string   `json:"issuer"`
	JWKSURI      string   `json:"jwks_uri"`
}

func newGoogleClient(project string, l dev.Login, app dev.Client) googleClient {
	to := endpoints(l.Issuer)
	return googleClient{ClientID: app.ID, ProjectID: project, AuthURI: to.Authorize, TokenURI: to.Token, CertURL: l.Issuer + "/jwks", ClientSecret: app.Secret,
		RedirectURIs: app.RedirectURIs, Issuer: l.Issuer, JWKSURI: l.Issuer + "/jwks"}
}

func endpoints(issuer string) config.Endpoints {
	return config.Endpoints{Authorize: issuer + "/authorize", Token: issuer + "/token", Revoke: issuer + "/revoke"}
}

// profile is the provider to imitate: the one that the project names, else the one whose address the
// code has.
func (s signIn) profile(p *config.Project) string {
	if p.Settings.Auth.Profile != "" {
		return p.Settings.Auth.Profile
	}
	for _, e := range s.found.Login.Endpoints {
		u, err := url.Parse(e.Value)
		if err != nil {
			continue
		}
		switch host := u.Hostname(); {
		case host == "accounts.google.com", strings.HasSuffix(host, ".googleapis.com"):
			return "google"
		case strings.HasPrefix(host, "login.microsoftonline."):
			return "entra"
		case strings.HasSuffix(host, ".amazoncognito.com"):
			return "cognito"
		case path.Base(path.Dir(u.Path)) == "openid-connect":
			return "keycloak"
		}
	}
	return config.AuthProfiles()[0]
}
