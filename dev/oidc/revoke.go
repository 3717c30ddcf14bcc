package oidc

import (
	"net/http"
	"time"

	"sdev/dev"
)

// serveRevoke makes a token worthless (RFC 7009). With a refresh token goes all that was given for
// it; an access token goes alone. A token that is not good, or never was, is no error.
func (p *Provider) serveRevoke(x *exchange) error {
	if err := x.once(); err != nil {
		return err
	}
	client, err := p.revoker(x)
	if err != nil {
		return err
	}
	if x.one("token") == "" {
		return refused("invalid_request", "the parameter token is missing")
	}
	t, good := p.liveToken(x.one("token"), x.now)
	user := ""
	if good && t.grant.Person != nil {
		user = t.grant.Person.Email
	}
	if err := x.admit(client.ID, user); err != nil {
		return err
	}
	switch {
	case !good:
	case client.ID != "" && t.grant.Client != client.ID:
		return refused("unauthorized_client", "the token is another client's")
	default:
		if err := p.revoke(t, x.now); err != nil {
			return err
		}
	}
	x.w.WriteHeader(http.StatusOK)
	return nil
}

// revoker finds out who asks. Google asks nobody: there, whoever has a token may revoke it.
func (p *Provider) revoker(x *exchange) (dev.Client, error) {
	if p.profile.name == "google" && x.r.Header.Get("Authorization") == "" && !x.form.Has("client_id") && !x.form.Has("client_assertion") {
		return dev.Client{}, nil
	}
	return x.authenticate()
}

func (p *Provider) revoke(t live, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.kind == kindRefresh {
		p.revokeLocked(t.grantID)
		return p.saveLocked()
	}
	if err := room(p.data.Revoked, now, itself); err != nil {
		return err
	}
	p.data.Revoked[t.id] = t.expires
	return p.saveLocked()
}
