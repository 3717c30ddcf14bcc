package oidc

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"sdev/dev"
)

// Token exchange (RFC 8693): its grant type and token types.
const (
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	typePrefix    = "urn:ietf:params:oauth:token-type:"
	typeAccess    = typePrefix + "access_token"
	typeRefresh   = typePrefix + "refresh_token"
	typeID        = typePrefix + "id_token"
	typeJWT       = typePrefix + "jwt"
)

// redeemExchange exchanges a user's token for one with which a client calls another service on their behalf.
// The new token grants no more than the old one.
func (rc *requestContext) redeemExchange(c dev.Client) error {
	if public(c) {
		return newError("unauthorized_client", "a client without a secret or key cannot exchange tokens")
	}
	wanted := rc.param("requested_token_type")
	if wanted == "" {
		wanted = typeAccess
	}
	if !slices.Contains([]string{typeAccess, typeJWT, typeID}, wanted) {
		return newError("invalid_request", "requested_token_type must be access_token, jwt or id_token, each with "+typePrefix)
	}
	g, ok := rc.grantOfParam("subject_token")
	if !ok {
		return newError("invalid_request", "subject_token is missing, invalid, or does not match subject_token_type")
	}
	user := ""
	if g.Person != nil {
		user = g.Person.Email
	}
	g, err := rc.exchangedGrant(g, c, wanted)
	if err != nil {
		return err
	}
	if err := rc.injectFaults(c.ID, user); err != nil {
		return err
	}
	return rc.replyExchanged(g, wanted)
}

// exchangedGrant is the grant of the new token: the old one, limited to this client, audience, actor and scope.
func (rc *requestContext) exchangedGrant(old grant, c dev.Client, wanted string) (grant, error) {
	g := grant{Client: c.ID, Person: old.Person, Scope: old.Scope, Session: old.Session, At: old.At, ACR: old.ACR}
	targets := slices.Concat(rc.form["audience"], rc.form["resource"])
	for _, r := range rc.form["resource"] {
		if u, err := url.Parse(r); err != nil || !u.IsAbs() || u.Fragment != "" {
			return grant{}, newError("invalid_target", "resource must be a full URL without #")
		}
	}
	if len(targets) > 1 {
		return grant{}, newError("invalid_target", "only one audience per token is supported")
	}
	if len(targets) == 1 {
		g.Audience = targets[0]
	}
	if wanted == typeID && (g.Person == nil || !slices.Contains(old.Scope, "openid")) {
		return grant{}, newError("invalid_request", "an ID token needs a user's subject_token with the scope openid")
	}
	if s := rc.param("scope"); s != "" {
		g.Scope = strings.Fields(s)
		for _, one := range g.Scope {
			if !slices.Contains(old.Scope, one) {
				return grant{}, newError("invalid_scope", "the scope exceeds that of the subject_token: "+printable(one))
			}
		}
	}
	if rc.form.Has("actor_token") {
		actor, ok := rc.grantOfParam("actor_token")
		if !ok {
			return grant{}, newError("invalid_request", "actor_token is invalid, or does not match actor_token_type")
		}
		if g.Actor = actor.Client; actor.Person != nil {
			g.Actor = rc.p.subject(*actor.Person)
		}
	}
	return g, nil
}

// grantOfParam is the grant of the token in a parameter.
func (rc *requestContext) grantOfParam(param string) (grant, bool) {
	token, kind := rc.param(param), rc.param(param+"_type")
	if kind == typeID {
		return rc.p.grantOfIDToken(token, rc)
	}
	t, good := rc.p.findToken(token, rc.now)
	fits := t.kind == kindAccess && (kind == typeAccess || kind == typeJWT) || t.kind == kindRefresh && kind == typeRefresh
	return t.grant, good && fits
}

// grantOfIDToken derives a grant from an ID token.
func (p *Provider) grantOfIDToken(token string, rc *requestContext) (grant, bool) {
	c, ok := p.verifyToken(token)
	if !ok || c.text("client_id") != "" || c["events"] != nil || !rc.now.Before(c.time("exp")) {
		return grant{}, false
	}
	p.mu.Lock()
	people := slices.Clone(p.data.People)
	for _, s := range p.data.Sessions {
		people = append(people, s.Person)
	}
	p.mu.Unlock()
	i := slices.IndexFunc(people, func(who dev.Person) bool { return p.subject(who) == c.text("sub") })
	if i < 0 {
		return grant{}, false
	}
	return grant{Client: c.text("aud"), Person: &people[i], Scope: []string{"openid", "email", "profile"}, Session: c.text("sid"), At: c.time("auth_time")}, true
}

func (rc *requestContext) replyExchanged(g grant, wanted string) error {
	id, err := rc.newGrant(g)
	if err != nil {
		return err
	}
	answer, err := rc.issue(id, g, g, false)
	if err != nil {
		return err
	}
	answer.IssuedType = wanted
	if wanted == typeID {
		// RFC 8693 2.2.1: a token of any type is returned as access_token.
		answer.AccessToken, answer.TokenType = answer.IDToken, "N_A"
	}
	answer.IDToken = ""
	return rc.reply(http.StatusOK, answer)
}
