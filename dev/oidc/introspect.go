package oidc

import (
	"maps"
	"net/http"
	"strings"
)

// serveIntrospect reports whether a token is active, and what it grants (RFC 7662). A public client learns only
// about its own tokens, so that nobody can probe found tokens.
func (p *Provider) serveIntrospect(rc *requestContext) error {
	if err := rc.checkDuplicates(); err != nil {
		return err
	}
	client, err := rc.authenticate()
	if err != nil {
		return err
	}
	if rc.param("token") == "" {
		return newError("invalid_request", "the parameter token is missing")
	}
	t, good := p.findToken(rc.param("token"), rc.now)
	if client.Secret == "" && len(client.Keys) == 0 && t.grant.Client != client.ID {
		good = false
	}
	user := ""
	if good && t.grant.Person != nil {
		user = t.grant.Person.Email
	}
	if err := rc.injectFaults(client.ID, user); err != nil {
		return err
	}
	if !good {
		return rc.reply(http.StatusOK, claims{"active": false})
	}
	return rc.reply(http.StatusOK, p.introspected(t))
}

func (p *Provider) introspected(t activeToken) claims {
	c := claims{"sub": t.grant.Client, "scope": strings.Join(t.grant.Scope, " "), "client_id": t.grant.Client,
		"iss": p.cfg.Issuer, "exp": t.expires.Unix()}
	if t.grant.Person != nil {
		c["sub"], c["username"] = p.subject(*t.grant.Person), t.grant.Person.Email
	}
	maps.Copy(c, t.claims)
	c["active"] = true
	if t.kind == kindAccess {
		c["token_type"] = "Bearer"
	}
	return c
}
