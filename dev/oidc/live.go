package oidc

import (
	"strings"
	"time"
)

// The kinds of tokens, as hints and RFC 7662 name them.
const (
	kindAccess  = "access_token"
	kindRefresh = "refresh_token"
)

// live is a token that is good now, and what it was given for.
type live struct {
	kind    string
	id      string // of an access token its jti, of a refresh token its hash
	grantID string
	grant   grant
	claims  claims // of an access token
	expires time.Time
}

// liveToken finds an access or a refresh token of ours. Of one that has run out, was revoked or used
// up, or was never issued, there is nothing to say but that.
func (p *Provider) liveToken(token string, now time.Time) (live, bool) {
	c, signed := p.read(token)
	p.mu.Lock()
	defer p.mu.Unlock()
	if r, ok := p.data.Refresh[hashed(token)]; ok {
		g, ok := p.data.Grants[r.Grant]
		return live{kind: kindRefresh, id: hashed(token), grantID: r.Grant, grant: g, expires: r.Expires}, ok && !r.Used && now.Before(r.Expires)
	}
	if !signed || c.text("client_id") == "" { // an ID token has none
		return live{}, false
	}
	id := c.text("jti")
	grantID, _, _ := strings.Cut(id, ".")
	g, ok := p.data.Grants[grantID]
	_, revoked := p.data.Revoked[id]
	return live{kind: kindAccess, id: id, grantID: grantID, grant: g, claims: c, expires: c.time("exp")}, ok && !revoked && now.Before(c.time("exp"))
}
