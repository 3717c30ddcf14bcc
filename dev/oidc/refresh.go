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
	found, g, err := rc.findRefresh(c)
	if err != nil {
		return err
	}
	user := ""
	if g.Person != nil {
		user = g.Person.Email
	}
	if err := rc.injectFaults(c.ID, user); err != nil {
		return err
	}
	policy := rc.p.refreshPolicy()
	if policy == refreshRotate {
		if err := rc.useRefresh(found); err != nil {
			return err
		}
	}
	narrow := g
	if s := rc.param("scope"); s != "" {
		narrow.Scope = strings.Fields(s)
	}
	narrow.Nonce = "" // it belonged to the sign-in (OpenID Connect Core 12.2)
	answer, err := rc.issue(found.Grant, g, narrow, policy != refreshKeep)
	if err != nil {
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

// findRefresh finds the refresh token of the request and its grant, and checks that this client may use it.
func (rc *requestContext) findRefresh(c dev.Client) (ticket, grant, error) {
	p := rc.p
	p.mu.Lock()
	defer p.mu.Unlock()
	found, g, err := rc.findTicketLocked(p.refreshTokensLocked(), c)
	if err != nil {
		return ticket{}, grant{}, err
	}
	for _, s := range strings.Fields(rc.param("scope")) {
		if !slices.Contains(g.Scope, s) {
			return ticket{}, grant{}, newError("invalid_scope", "the scope exceeds what was granted: "+printable(s))
		}
	}
	if g.Person != nil {
		if now, ok := personIn(p.data.People, g.Person.Email); ok {
			g.Person = &now // the project's current data
		}
	}
	p.touchLocked(found.Grant, rc.now)
	return found, g, nil
}

func (rc *requestContext) useRefresh(found ticket) error {
	rc.p.mu.Lock()
	defer rc.p.mu.Unlock()
	return rc.useTicketLocked(rc.p.refreshTokensLocked(), found)
}
