package oidc

import "time"

// The kinds of tokens, as hints and RFC 7662 name them.
const (
	kindAccess  = "access_token"
	kindRefresh = "refresh_token"
)

// live is a token that is good now, and what it was given for.
type live struct {
	kind    string
	id      string // of an access token: its jti
	grantID string // of a refresh token
	grant   grant
	claims  claims // of an access token
	expires time.Time
}

// liveToken finds an access or a refresh token of ours. Of one that has run out, was revoked or used
// up, or was never issued, there is nothing to say but that.
func (p *Provider) liveToken(token string, now time.Time) (live, bool) {
	p.mu.Lock()
	r, ok := p.data.Refresh[hashed(token)]
	g, granted := p.data.Grants[r.Grant]
	p.mu.Unlock()
	if ok {
		return live{kind: kindRefresh, grantID: r.Grant, grant: g, expires: r.Expires}, granted && !r.Used && now.Before(r.Expires)
	}
	g, c, ok := p.granted(token)
	if !ok {
		return live{}, false
	}
	return live{kind: kindAccess, id: c.text("jti"), grant: g, claims: c, expires: c.time("exp")}, now.Before(c.time("exp"))
}
