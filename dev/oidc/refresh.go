package oidc

import (
	"net/http"
	"slices"
	"strings"

	"sdev/dev"
)

// redeemRefresh trades a refresh token for new tokens (RFC 6749 6). What becomes of it is the
// profile's, or the settings', to say.
func (x *exchange) redeemRefresh(c dev.Client) error {
	key := hashed(x.one("refresh_token"))
	held, g, err := x.findRefresh(key, c)
	if err != nil {
		return err
	}
	user := ""
	if g.Person != nil {
		user = g.Person.Email
	}
	if err := x.admit(c.ID, user); err != nil {
		return err
	}
	policy := x.p.refreshPolicy()
	if policy == refreshRotate {
		if err := x.spendRefresh(key, held); err != nil {
			return err
		}
	}
	narrow := g
	if s := x.one("scope"); s != "" {
		narrow.Scope = strings.Fields(s)
	}
	narrow.Nonce = "" // it belonged to the sign-in (OpenID Connect Core 12.2)
	answer, err := x.tokens(held.Grant, narrow)
	if err != nil {
		return err
	}
	if err := x.keep(held.Grant, g, &answer, policy != refreshKeep); err != nil {
		return err
	}
	return x.reply(http.StatusOK, answer)
}

func (p *Provider) refreshPolicy() string {
	if p.cfg.Refresh != "" {
		return p.cfg.Refresh
	}
	return p.profile.refresh
}

// findRefresh finds a refresh token and its grant, and checks that it is this client's to use.
func (x *exchange) findRefresh(key string, c dev.Client) (refresh, grant, error) {
	p := x.p
	p.mu.Lock()
	defer p.mu.Unlock()
	held, ok := p.data.Refresh[key]
	g, granted := p.data.Grants[held.Grant]
	if granted && g.Person != nil {
		x.user = g.Person.Email
		if now, ok := personIn(p.data.People, g.Person.Email); ok {
			g.Person = &now // as the project has them now
		}
	}
	why := ""
	switch {
	case x.one("refresh_token") == "":
		return refresh{}, grant{}, refused("invalid_request", "no refresh_token")
	case !ok || !x.now.Before(held.Expires):
		why = "the refresh token is unknown, revoked, or has run out"
	case granted && g.Client != c.ID:
		why = "the refresh token was given to another client"
	case held.Used:
		p.revokeLocked(held.Grant)
		if err := p.saveLocked(); err != nil {
			return refresh{}, grant{}, err
		}
		why = "the refresh token was replaced by a newer one; all that came from it is revoked"
	case !granted:
		why = "the refresh token is no longer good: its person has signed out"
	}
	if why != "" {
		return refresh{}, grant{}, refused("invalid_grant", why)
	}
	for _, s := range strings.Fields(x.one("scope")) {
		if !slices.Contains(g.Scope, s) {
			return refresh{}, grant{}, refused("invalid_scope", "more is asked for than was granted: "+printable(s))
		}
	}
	p.touchLocked(held.Grant, x.now)
	return held, g, nil
}

// spendRefresh marks a refresh token as replaced, unless another request was faster.
func (x *exchange) spendRefresh(key string, held refresh) error {
	p := x.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.data.Refresh[key].Used {
		p.revokeLocked(held.Grant)
		return refused("invalid_grant", "the refresh token was replaced by a newer one; all that came from it is revoked")
	}
	held.Used = true
	p.data.Refresh[key] = held
	return nil // saved together with the tokens
}
