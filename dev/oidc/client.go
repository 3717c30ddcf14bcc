package oidc

import (
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"sdev/dev"
)

// client finds a registered client.
func (p *Provider) client(id string) (dev.Client, bool) {
	for _, c := range p.cfg.Clients {
		if c.ID == id {
			return c, true
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, ok := p.data.Registered[id]; ok || p.cfg.Mapped == nil || id == "" {
		return c.Client, ok
	}
	c := p.cfg.Mapped.Client
	c.ID = id
	return c, true
}

// public reports whether a client has neither secret nor key.
func public(c dev.Client) bool { return c.Secret == "" && len(c.Keys) == 0 && !c.AnySecret }

// authenticate identifies and authenticates the client: by client_secret_basic, client_secret_post or
// private_key_jwt, or not at all if it is public (RFC 6749 2.3).
func (rc *requestContext) authenticate() (dev.Client, error) {
	if rc.form.Has("client_assertion") {
		return rc.authenticateByAssertion()
	}
	id, secrets, basic, err := credentials(rc.r.Header.Get("Authorization"), rc.form)
	if err != nil {
		return dev.Client{}, err
	}
	rc.client = printable(id)
	refuse := &protocolError{Status: http.StatusUnauthorized, Code: "invalid_client"}
	if basic {
		refuse.Auth = `Basic realm="sdev"`
	}
	c, ok := rc.p.client(id)
	switch {
	case id == "":
		refuse.Description = "no client_id: send it, with the secret, as HTTP Basic or in the form"
	case !ok:
		refuse.Description = "the client " + printable(id) + " is not registered"
	case c.AnySecret:
		return c, nil
	case len(c.Keys) > 0:
		refuse.Description = "the client authenticates with a key: send a client_assertion (private_key_jwt)"
	case c.Secret == "" && !hasSecret(secrets):
		return c, nil
	case c.Secret == "":
		refuse.Description = "the client has no secret, so it must not send one"
	case !hasSecret(secrets):
		refuse.Description = "the client's secret was not sent"
	case !matches(c.Secret, secrets):
		refuse.Description = "the client's secret is wrong"
	default:
		return c, nil
	}
	return dev.Client{}, refuse
}

func hasSecret(secrets []string) bool { return len(secrets) > 0 && secrets[0] != "" }

func matches(want string, sent []string) bool {
	ok := 0
	for _, s := range sent {
		ok |= subtle.ConstantTimeCompare([]byte(want), []byte(s))
	}
	return ok == 1
}

// credentials reads the client's id and secret. RFC 6749 2.3.1 form-encodes both in a Basic header, but many
// clients do not: so there may be two readings of the secret, and either is accepted.
func credentials(header string, form url.Values) (id string, secrets []string, basic bool, err error) {
	scheme, rest, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return form.Get("client_id"), form["client_secret"], false, nil
	}
	bad := &protocolError{Status: http.StatusUnauthorized, Code: "invalid_client", Description: "the Authorization header is malformed", Auth: `Basic realm="sdev"`}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
	if err != nil {
		return "", nil, true, bad
	}
	id, secret, ok := strings.Cut(string(b), ":")
	if !ok || len(b) > 4096 {
		return "", nil, true, bad
	}
	secrets = []string{secret}
	if s, err := url.QueryUnescape(secret); err == nil && s != secret {
		secrets = append(secrets, s)
	}
	if s, err := url.QueryUnescape(id); err == nil {
		id = s
	}
	if other := form.Get("client_id"); other != "" && other != id {
		return "", nil, true, newError("invalid_request", "client_id in the form is not the one in the Authorization header")
	}
	if form.Has("client_secret") {
		return "", nil, true, newError("invalid_request", "the client's secret is in the header and in the form: send it once")
	}
	return id, secrets, true, nil
}
