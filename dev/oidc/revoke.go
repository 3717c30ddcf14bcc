package oidc

import (
	"net/http"
	"time"

	"sdev/dev"
)

// serveRevoke revokes a token (RFC 7009). A refresh token takes its whole grant with it; an access token only
// itself. An invalid token is no error.
func (p *Provider) serveRevoke(rc *requestContext) error {
	if err := rc.checkDuplicates(); err != nil {
		return err
	}
	client, err := p.revoker(rc)
	if err != nil {
		return err
	}
	if rc.param("token") == "" {
		return newError("invalid_request", "the parameter token is missing")
	}
	t, good := p.findToken(rc.param("token"), rc.now)
	user := ""
	if good && t.grant.Person != nil {
		user = t.grant.Person.Email
	}
	if err := rc.injectFaults(client.ID, user); err != nil {
		return err
	}
	switch {
	case !good:
	case client.ID != "" && t.grant.Client != client.ID:
		return newError("unauthorized_client", "the token is another client's")
	default:
		if err := p.revoke(t, rc.now); err != nil {
			return err
		}
	}
	rc.w.WriteHeader(http.StatusOK)
	return nil
}

// revoker authenticates the client. With the profile google it need not: there, whoever has a token may
// revoke it.
func (p *Provider) revoker(rc *requestContext) (dev.Client, error) {
	if p.profile.name == "google" && rc.r.Header.Get("Authorization") == "" && !rc.form.Has("client_id") && !rc.form.Has("client_assertion") {
		return dev.Client{}, nil
	}
	return rc.authenticate()
}

func (p *Provider) revoke(t activeToken, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.kind == kindRefresh {
		p.revokeLocked(t.grantID)
		return p.awaitSave()
	}
	if err := checkCapacity(p.data.Revoked, now, unchanged); err != nil {
		return err
	}
	p.data.Revoked[t.id] = t.expires
	return p.awaitSave()
}
