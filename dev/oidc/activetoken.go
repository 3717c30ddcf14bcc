package oidc

import "time"

// The kinds of tokens, as hints and RFC 7662 name them.
const (
	kindAccess  = "access_token"
	kindRefresh = "refresh_token"
)

// activeToken is a token that is good now, and what it was given for.
type activeToken struct {
	kind    string
	id      string // of an access token: its jti
	grantID string // of a refresh token
	grant   grant
	claims  claims // of an access token
	expires time.Time
}

// findToken finds an access or a refresh token of ours. Of one that has run out, was revoked or used
// up, or was never issued, there is nothing to say but that.
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
