package oidc

import (
	"maps"
	"net/http"
	"strings"
)

// serveIntrospect says whether a token is good, and what it is good for (RFC 7662). A client without
// a secret is told of its own tokens alone, or anybody could try out what they found.
func (p *Provider) serveIntrospect(x *exchange) error {
	if err := x.once(); err != nil {
		return err
	}
	client, err := x.authenticate()
	if err != nil {
		return err
	}
	if x.one("token") == "" {
		return refused("invalid_request", "the parameter token is missing")
	}
	t, good := p.liveToken(x.one("token"), x.now)
	if client.Secret == "" && len(client.Keys) == 0 && t.grant.Client != client.ID {
		good = false
	}
	user := ""
	if good && t.grant.Person != nil {
		user = t.grant.Person.Email
	}
	if err := x.admit(client.ID, user); err != nil {
		return err
	}
	if !good {
		return x.reply(http.StatusOK, claims{"active": false})
	}
	return x.reply(http.StatusOK, p.introspected(t))
}

func (p *Provider) introspected(t live) claims {
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
