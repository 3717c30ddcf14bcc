package oidc

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"sdev/dev"
)

// Token exchange (RFC 8693): its grant, and the kinds of tokens as it names them.
const (
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	typePrefix    = "urn:ietf:params:oauth:token-type:"
	typeAccess    = typePrefix + "access_token"
	typeRefresh   = typePrefix + "refresh_token"
	typeID        = typePrefix + "id_token"
	typeJWT       = typePrefix + "jwt"
)

// redeemExchange trades somebody's token for one with which a client calls another program on their
// behalf. The new token can do no more than the old one.
func (x *exchange) redeemExchange(c dev.Client) error {
	if public(c) {
		return refused("unauthorized_client", "a client that cannot prove who it is cannot exchange tokens")
	}
	wanted := x.one("requested_token_type")
	if wanted == "" {
		wanted = typeAccess
	}
	if !slices.Contains([]string{typeAccess, typeJWT, typeID}, wanted) {
		return refused("invalid_request", "requested_token_type must be access_token, jwt or id_token, each with "+typePrefix)
	}
	g, ok := x.bearerOf("subject_token")
	if !ok {
		return refused("invalid_request", "subject_token is missing, not good, or not of its subject_token_type")
	}
	user := ""
	if g.Person != nil {
		user = g.Person.Email
	}
	g, err := x.narrowed(g, c, wanted)
	if err != nil {
		return err
	}
	if err := x.admit(c.ID, user); err != nil {
		return err
	}
	return x.replySwapped(g, wanted)
}

// narrowed is the grant of the new token: the old one's, for this client, audience, actor and scope.
func (x *exchange) narrowed(old grant, c dev.Client, wanted string) (grant, error) {
	g := grant{Client: c.ID, Person: old.Person, Scope: old.Scope, Session: old.Session, At: old.At, ACR: old.ACR}
	targets := slices.Concat(x.form["audience"], x.form["resource"])
	for _, r := range x.form["resource"] {
		if u, err := url.Parse(r); err != nil || !u.IsAbs() || u.Fragment != "" {
			return grant{}, refused("invalid_target", "resource is not a whole address without #")
		}
	}
	if len(targets) > 1 {
		return grant{}, refused("invalid_target", "a token is for one audience here")
	}
	if len(targets) == 1 {
		g.Audience = targets[0]
	}
	if wanted == typeID && (g.Person == nil || !slices.Contains(old.Scope, "openid")) {
		return grant{}, refused("invalid_request", "an ID token needs a subject_token of a person, with the scope openid")
	}
	if s := x.one("scope"); s != "" {
		g.Scope = strings.Fields(s)
		for _, one := range g.Scope {
			if !slices.Contains(old.Scope, one) {
				return grant{}, refused("invalid_scope", "more is asked for than the subject_token has: "+printable(one))
			}
		}
	}
	if x.form.Has("actor_token") {
		actor, ok := x.bearerOf("actor_token")
		if !ok {
			return grant{}, refused("invalid_request", "actor_token is not good, or not of its actor_token_type")
		}
		if g.Actor = actor.Client; actor.Person != nil {
			g.Actor = x.p.subject(*actor.Person)
		}
	}
	return g, nil
}

// bearerOf finds what the token in a parameter was given for.
func (x *exchange) bearerOf(param string) (grant, bool) {
	token, kind := x.one(param), x.one(param+"_type")
	if kind == typeID {
		return x.p.grantOfIDToken(token, x)
	}
	t, good := x.p.liveToken(token, x.now)
	fits := t.kind == kindAccess && (kind == typeAccess || kind == typeJWT) || t.kind == kindRefresh && kind == typeRefresh
	return t.grant, good && fits
}

// grantOfIDToken reads an ID token back: it says who, and for which client.
func (p *Provider) grantOfIDToken(token string, x *exchange) (grant, bool) {
	c, ok := p.read(token)
	if !ok || c.text("client_id") != "" || c["events"] != nil || !x.now.Before(c.time("exp")) {
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

func (x *exchange) replySwapped(g grant, wanted string) error {
	id, err := x.begin(g)
	if err != nil {
		return err
	}
	answer, err := x.tokens(id, g)
	if err != nil {
		return err
	}
	if err := x.keep(id, g, &answer, false); err != nil {
		return err
	}
	answer.IssuedType = wanted
	if wanted == typeID {
		// RFC 8693 2.2.1: whatever the kind, it is told as access_token.
		answer.AccessToken, answer.TokenType = answer.IDToken, "N_A"
	}
	answer.IDToken = ""
	return x.reply(http.StatusOK, answer)
}
