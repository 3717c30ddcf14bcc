package oidc

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	pushedPrefix   = "urn:ietf:params:oauth:request_uri:"
	pushedLifetime = 90 * time.Second
	// pushedParam is our own parameter that carries a pushed request through the sign-in page: the sign-in
	// uses the request up, and a reload of the page does not.
	pushedParam = "sdev_pushed"
)

// pushedRequest is an authorization request that the client sent directly, stored under the hash of its
// request_uri.
type pushedRequest struct {
	Client  string    `json:"client"`
	Form    string    `json:"form"`
	Expires time.Time `json:"expires"`
}

// servePushed accepts an authorization request from the client itself (RFC 9126) and reports errors to it that
// otherwise the browser would show.
func (p *Provider) servePushed(rc *requestContext) error {
	if err := rc.checkDuplicates("resource"); err != nil {
		return err
	}
	c, err := rc.authenticate()
	if err != nil {
		return err
	}
	form := maps.Clone(rc.form)
	for _, name := range []string{"client_secret", "client_assertion", "client_assertion_type", pushedParam} {
		form.Del(name)
	}
	if form.Has("request_uri") {
		return newError("invalid_request", "request_uri cannot be part of a pushed request")
	}
	form.Set("client_id", c.ID)
	req, err := rc.authRequest(form)
	if err != nil {
		return err
	}
	if req.err != nil {
		return req.err
	}
	if err := rc.injectFaults(c.ID, ""); err != nil {
		return err
	}
	uri := pushedPrefix + randomToken()
	if err := p.storePushed(hash(uri), pushedRequest{Client: c.ID, Form: form.Encode(), Expires: rc.now.Add(pushedLifetime)}, rc.now); err != nil {
		return err
	}
	return rc.reply(http.StatusCreated, map[string]any{"request_uri": uri, "expires_in": int(pushedLifetime.Seconds())})
}

func (p *Provider) storePushed(key string, r pushedRequest, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := checkCapacity(p.data.Pushed, now, pushedRequest.expires); err != nil {
		return err
	}
	p.data.Pushed[key] = r
	return p.awaitSave()
}

// resolvePushed returns the parameters of an authorization request: those of the pushed request that it refers
// to, or else its own.
func (rc *requestContext) resolvePushed(v url.Values) (url.Values, error) {
	uri := v.Get("request_uri")
	v.Del(pushedParam)
	if !strings.HasPrefix(uri, pushedPrefix) {
		return v, nil
	}
	rc.p.mu.Lock()
	stored, ok := rc.p.data.Pushed[hash(uri)]
	rc.p.mu.Unlock()
	if !ok || !rc.now.Before(stored.Expires) || stored.Client != v.Get("client_id") {
		return nil, &protocolError{
			Code: "invalid_request_uri", Description: "the pushed request is unknown, used, expired, or another client's",
			Fix: "start again in the app.",
		}
	}
	form, err := url.ParseQuery(stored.Form)
	if err != nil {
		return nil, err
	}
	form.Set(pushedParam, hash(uri))
	return form, nil
}
