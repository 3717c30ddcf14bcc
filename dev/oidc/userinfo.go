package oidc

import (
	"net/http"
	"strings"
)

// serveUserinfo returns the claims of an access token's person (OpenID Connect Core 5.3).
func (p *Provider) serveUserinfo(rc *requestContext) error {
	g, err := rc.bearer()
	if err != nil {
		return err
	}
	if err := rc.injectFaults(g.Client, g.Person.Email); err != nil {
		return err
	}
	g.Scope = rc.at.scopes(g.Scope)
	c := p.personClaims(g, g.Claims.Userinfo)
	p.profile.userinfo(c)
	for _, f := range p.takeFaults(rc, atClaims) {
		f.kind.claims(c, f.Params)
	}
	return rc.reply(http.StatusOK, rc.at.shape(c))
}

// bearer finds the grant of the access token that a request carries (RFC 6750 2).
func (rc *requestContext) bearer() (grant, error) {
	scheme, token, _ := strings.Cut(rc.r.Header.Get("Authorization"), " ")
	refuse := func(code, about string, status int) error {
		challenge := `Bearer realm="sdev"`
		if token != "" { // RFC 6750 3.1: without a token there are no details
			challenge += `, error="` + code + `", error_description="` + about + `"`
		}
		return &protocolError{Status: status, Code: code, Description: about, Auth: challenge}
	}
	if gitHub := rc.at.host != "" && strings.EqualFold(scheme, "token"); !gitHub && !strings.EqualFold(scheme, "Bearer") {
		if token = ""; rc.r.Method == http.MethodPost {
			token = rc.param("access_token")
		}
	}
	if token == "" {
		return grant{}, refuse("invalid_request", "no access token: send it as Authorization: Bearer", http.StatusUnauthorized)
	}
	g, c, ok := rc.p.grantOfAccessToken(strings.TrimSpace(token))
	if g.Client != "" {
		rc.client = g.Client
	}
	switch {
	case !ok || !rc.now.Before(c.time("exp")):
		return grant{}, refuse("invalid_token", "the access token is unknown, revoked or expired", http.StatusUnauthorized)
	case g.Person == nil:
		return grant{}, refuse("insufficient_scope", "the access token belongs to a client, not to a user", http.StatusForbidden)
	}
	return g, nil
}

// grantOfAccessToken finds the grant of an access token. The caller checks the expiry.
func (p *Provider) grantOfAccessToken(token string) (grant, claims, bool) {
	c, ok := p.verifyToken(token)
	if !ok {
		return grant{}, nil, false
	}
	id, _, isAccess := strings.Cut(c.text("jti"), ".")
	p.mu.Lock()
	defer p.mu.Unlock()
	g, ok := p.data.Grants[id]
	if _, revoked := p.data.Revoked[c.text("jti")]; revoked || !ok || !isAccess {
		return grant{}, nil, false
	}
	g.Scope = strings.Fields(c.text("scope")) // a refresh may have narrowed it
	if g.Person != nil {
		if now, ok := personIn(p.data.People, g.Person.Email); ok {
			g.Person = &now // the project's current data
		}
	}
	return g, c, true
}
