package oidc

import (
	"net/http"
	"slices"
	"strings"

	"sdev/dev"
)

// redeemRefresh exchanges a refresh token for new tokens (RFC 6749 6). The settings or the profile decide
// whether it stays valid.
func (rc *requestContext) redeemRefresh(c dev.Client) error {
	key := hash(rc.param("refresh_token"))
	found, g, err := rc.findRefresh(key, c)
	if err != nil {
		return err
	}
	user := ""
	if g.Person != nil {
		user = g.Person.Email
	}
	if err := rc.admit(c.ID, user); err != nil {
		return err
	}
	policy := rc.p.refreshPolicy()
	if policy == refreshRotate {
		if err := rc.spendRefresh(key, found); err != nil {
			return err
		}
	}
	narrow := g
	if s := rc.param("scope"); s != "" {
		narrow.Scope = strings.Fields(s)
	}
	narrow.Nonce = "" // it belonged to the sign-in (OpenID Connect Core 12.2)
	answer, err := rc.tokens(found.Grant, narrow)
	if err != nil {
		return err
	}
	if err := rc.storeGrant(found.Grant, g, &answer, policy != refreshKeep); err != nil {
		return err
	}
	return rc.reply(http.StatusOK, answer)
}

func (p *Provider) refreshPolicy() string {
	if p.cfg.Refresh != "" {
		return p.cfg.Refresh
	}
	return p.profile.refresh
}

// findRefresh finds a refresh token and its grant, and checks that this client may use it.
func (rc *requestContext) findRefresh(key string, c dev.Client) (refresh, grant, error) {
	p := rc.p
	p.mu.Lock()
	defer p.mu.Unlock()
	found, ok := p.data.Refresh[key]
	g, granted := p.data.Grants[found.Grant]
	if granted && g.Person != nil {
		rc.user = g.Person.Email
		if now, ok := personIn(p.data.People, g.Person.Email); ok {
			g.Person = &now // the project's current data
		}
	}
	why := ""
	switch {
	case rc.param("refresh_token") == "":
		return refresh{}, grant{}, newError("invalid_request", "no refresh_token")
	case !ok || !rc.now.Before(found.Expires):
		why = "the refresh token is unknown, revoked or expired"
	case granted && g.Client != c.ID:
		why = "the refresh token was given to another client"
	case found.Used:
		p.revokeLocked(found.Grant)
		if err := p.saveLocked(); err != nil {
			return refresh{}, grant{}, err
		}
		why = "the refresh token was replaced by a newer one; all tokens of the grant are revoked now"
	case !granted:
		why = "the refresh token is no longer valid: the user has signed out"
	}
	if why != "" {
		return refresh{}, grant{}, newError("invalid_grant", why)
	}
	for _, s := range strings.Fields(rc.param("scope")) {
		if !slices.Contains(g.Scope, s) {
			return refresh{}, grant{}, newError("invalid_scope", "the scope exceeds what was granted: "+printable(s))
		}
	}
	p.touchLocked(found.Grant, rc.now)
	return found, g, nil
}

// spendRefresh marks a refresh token as replaced, unless another request was faster.
func (rc *requestContext) spendRefresh(key string, found refresh) error {
	p := rc.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.data.Refresh[key].Used {
		p.revokeLocked(found.Grant)
		return newError("invalid_grant", "the refresh token was replaced by a newer one; all tokens of the grant are revoked now")
	}
	found.Used = true
	p.data.Refresh[key] = found
	return nil // saved together with the tokens
}
