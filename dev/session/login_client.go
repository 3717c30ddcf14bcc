package session

import (
	"encoding/json"
	"maps"
	"slices"

	"sdev/dev"
	"sdev/dev/config"
)

// parameters fills the local parameter store of a login: with the parameters in the project's settings, and with the
// app's OAuth client under each name at which the code looks for one. If the settings contain a client, parameters
// registers it with the provider.
func (s loginSetup) parameters(p *config.Project, l *dev.LoginSettings, app dev.Client) error {
	l.Parameters = maps.Clone(p.Settings.AWS.Parameters)
	if l.Parameters == nil {
		l.Parameters = map[string]dev.Parameter{}
	}
	names := []string{clientParameter}
	for _, parameter := range s.found.Login.Parameters {
		if isClientParameter(parameter.Value) {
			names = append(names, parameter.Value)
		}
	}
	client, err := json.Marshal(map[string]googleClient{"web": newGoogleClient(p.Name, *l, app)})
	if err != nil {
		return err
	}
	for _, name := range names {
		own, configured := l.Parameters[name]
		if !configured {
			l.Parameters[name] = dev.Parameter{Value: string(client), Secure: true}
			continue
		}
		var file struct{ Web googleClient }
		registered := func(c dev.Client) bool { return c.ID == file.Web.ClientID }
		if json.Unmarshal([]byte(own.Value), &file) == nil && file.Web.ClientID != "" && !slices.ContainsFunc(l.Clients, registered) {
			client := app
			client.ID, client.Secret = file.Web.ClientID, file.Web.ClientSecret
			client.RedirectURIs = append(slices.Clone(app.RedirectURIs), file.Web.RedirectURIs...)
			l.Clients = append(l.Clients, client)
		}
	}
	return nil
}

// googleClient is the member "web" of the client file that Google's console offers for download. Issuer and JWKSURI are
// additions, for code that also verifies ID tokens of other providers.
type googleClient struct {
	ClientID     string   `json:"client_id"`
	ProjectID    string   `json:"project_id"`
	AuthURI      string   `json:"auth_uri"`
	TokenURI     string   `json:"token_uri"`
	CertURL      string   `json:"auth_provider_x509_cert_url"`
	ClientSecret string   `json:"client_secret"`
	RedirectURIs []string `json:"redirect_uris"` // the app's page comes last, because some code takes the last one
	Issuer       string   `json:"issuer"`
	JWKSURI      string   `json:"jwks_uri"`
}

func newGoogleClient(project string, l dev.LoginSettings, app dev.Client) googleClient {
	return googleClient{ClientID: app.ID, ProjectID: project, AuthURI: l.Issuer + "/authorize", TokenURI: l.Issuer + "/token", CertURL: l.Issuer + "/jwks", ClientSecret: app.Secret,
		RedirectURIs: app.RedirectURIs, Issuer: l.Issuer, JWKSURI: l.Issuer + "/jwks"}
}
