package session

import (
	"encoding/json"
	"maps"
	"slices"

	"sdev/dev"
	"sdev/dev/config"
)

// parameters fills the parameter store: what the project says, and the app's client wherever the
// code looks for one. A client that the project itself gives is known to the provider too.
func (s loginSetup) parameters(p *config.Project, l *dev.LoginSettings, app dev.Client) error {
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

func newGoogleClient(project string, l dev.LoginSettings, app dev.Client) googleClient {
	to := endpoints(l.Issuer)
	return googleClient{ClientID: app.ID, ProjectID: project, AuthURI: to.Authorize, TokenURI: to.Token, CertURL: l.Issuer + "/jwks", ClientSecret: app.Secret,
		RedirectURIs: app.RedirectURIs, Issuer: l.Issuer, JWKSURI: l.Issuer + "/jwks"}
}

func endpoints(issuer string) config.Endpoints {
	return config.Endpoints{Authorize: issuer + "/authorize", Token: issuer + "/token", Revoke: issuer + "/revoke"}
}
