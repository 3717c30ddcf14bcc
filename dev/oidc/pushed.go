package oidc

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	pushedPrefix = "urn:ietf:params:oauth:request_uri:"
	pushedLife   = 90 * time.Second
	// pushedMark is a parameter of our own with which a pushed request goes through the sign-in page,
	// so that it is used up together with the sign-in and not by a page that is loaded again.
	pushedMark = "sdev_pushed"
)

// pushed is an authorization request that the client sent by itself, by the hash of its request_uri.
type pushed struct {
	Client  string    `json:"client"`
	Form    string    `json:"form"`
	Expires time.Time `json:"expires"`
}

// servePushed takes an authorization request from the client itself (RFC 9126), and with it the
// mistakes that a person would be shown otherwise.
func (p *Provider) servePushed(x *exchange) error {
	if err := x.once("resource"); err != nil {
		return err
	}
	c, err := x.authenticate()
	if err != nil {
		return err
	}
	form := maps.Clone(x.form)
	for _, name := range []string{"client_secret", "client_assertion", "client_assertion_type", pushedMark} {
		form.Del(name)
	}
	if form.Has("request_uri") {
		return refused("invalid_request", "request_uri cannot be part of a pushed request")
	}
	form.Set("client_id", c.ID)
	req, err := x.authRequest(form)
	if err != nil {
		return err
	}
	if req.err != nil {
		return req.err
	}
	if err := x.admit(c.ID, ""); err != nil {
		return err
	}
	uri := pushedPrefix + secret()
	if err := p.push(hashed(uri), pushed{Client: c.ID, Form: form.Encode(), Expires: x.now.Add(pushedLife)}, x.now); err != nil {
		return err
	}
	return x.reply(http.StatusCreated, map[string]any{"request_uri": uri, "expires_in": int(pushedLife.Seconds())})
}

func (p *Provider) push(key string, r pushed, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := room(p.data.Pushed, now, pushed.expires); err != nil {
		return err
	}
	p.data.Pushed[key] = r
	return p.saveLocked()
}

// pulled gives the parameters of an authorization request: those in the address or, where it refers
// to a pushed request, those and no others.
func (x *exchange) pulled(v url.Values) (url.Values, error) {
	uri := v.Get("request_uri")
	v.Del(pushedMark)
	if !strings.HasPrefix(uri, pushedPrefix) {
		return v, nil
	}
	x.p.mu.Lock()
	held, ok := x.p.data.Pushed[hashed(uri)]
	x.p.mu.Unlock()
	if !ok || !x.now.Before(held.Expires) || held.Client != v.Get("client_id") {
		return nil, &refusal{
			Code: "invalid_request_uri", About: "the pushed request is unknown, was used, has run out, or is another client's",
			Fix: "start again in the app.",
		}
	}
	form, err := url.ParseQuery(held.Form)
	if err != nil {
		return nil, err
	}
	form.Set(pushedMark, hashed(uri))
	return form, nil
}
