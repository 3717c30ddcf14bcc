package oidc

import "time"

// The kinds of tokens, as RFC 7662 names them.
const (
	kindAccess  = "access_token"
	kindRefresh = "refresh_token"
)

// activeToken is a valid token and its grant.
type activeToken struct {
	kind    string
	id      string // of an access token: its jti
	grantID string // of a refresh token
	grant   grant
	claims  claims // of an access token
	expires time.Time
}

// findToken finds one of our access or refresh tokens. It returns false for one that is expired, revoked, used
// or unknown.
func (p *Provider) findToken(token string, now time.Time) (activeToken, bool) {
	p.mu.Lock()
	r, ok := p.data.Refresh[hash(token)]
	g, granted := p.data.Grants[r.Grant]
	p.mu.Unlock()
	if ok {
		return activeToken{kind: kindRefresh, grantID: r.Grant, grant: g, expires: r.Expires}, granted && !r.Used && now.Before(r.Expires)
	}
	g, c, ok := p.grantOfAccessToken(token)
	if !ok {
		return activeToken{}, false
	}
	return activeToken{kind: kindAccess, id: c.text("jti"), grant: g, claims: c, expires: c.time("exp")}, now.Before(c.time("exp"))
}
