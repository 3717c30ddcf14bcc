package oidc

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"sdev/dev"
)

// clientLifetime is how long a client that registered itself is kept.
const clientLifetime = 30 * 24 * time.Hour

// registeredClient is a client that registered itself.
type registeredClient struct {
	Client  dev.Client `json:"client"`
	Expires time.Time  `json:"expires"`
}

// metadata is the request and the answer of a client registration (RFC 7591 2 and 3.2.1). Other members are
// ignored, as the RFC says.
type metadata struct {
	ID          string          `json:"client_id,omitempty"`
	Secret      string          `json:"client_secret,omitempty"`
	Issued      int64           `json:"client_id_issued_at,omitempty"` // seconds since 1970
	Expires     *int64          `json:"client_secret_expires_at,omitempty"`
	Name        string          `json:"client_name,omitempty"`
	Redirects   []string        `json:"redirect_uris"`
	PostLogout  []string        `json:"post_logout_redirect_uris,omitempty"`
	Auth        string          `json:"token_endpoint_auth_method"`
	Grants      []string        `json:"grant_types"`
	Responses   []string        `json:"response_types"`
	Keys        json.RawMessage `json:"jwks,omitempty"`
	KeysURI     string          `json:"jwks_uri,omitempty"`
	Alg         string          `json:"id_token_signed_response_alg,omitempty"`
	BackChannel string          `json:"backchannel_logout_uri,omitempty"`
}

// serveRegister lets a program on this machine register itself as a client (RFC 7591). It needs no permission,
// and therefore accepts only redirect addresses of this machine.
func (p *Provider) serveRegister(rc *requestContext) error {
	if err := rc.injectFaults("", ""); err != nil {
		return err
	}
	m := metadata{Auth: "client_secret_basic", Grants: []string{"authorization_code"}, Responses: []string{"code"}}
	b, err := io.ReadAll(rc.r.Body)
	if err != nil || json.Unmarshal(b, &m) != nil {
		return newError("invalid_client_metadata", "the body is not a JSON object that describes a client")
	}
	if err := p.checkMetadata(m); err != nil {
		return err
	}
	if m.Redirects == nil {
		m.Redirects = []string{}
	}
	var forever int64
	m.ID, m.Issued, m.Secret, m.Expires = "dyn-"+randomToken()[:16], rc.now.Unix(), "", nil
	if m.Auth == "client_secret_basic" || m.Auth == "client_secret_post" {
		m.Secret, m.Expires = randomToken(), &forever
	}
	rc.client = m.ID
	if err := p.storeClient(m, rc.now); err != nil {
		return err
	}
	return rc.reply(http.StatusCreated, m)
}

// storeClient stores a client that registered itself.
func (p *Provider) storeClient(m metadata, now time.Time) error {
	c := dev.Client{ID: m.ID, Name: m.Name, Secret: m.Secret, RedirectURIs: m.Redirects, PostLogout: m.PostLogout, BackChannel: m.BackChannel}
	if m.Auth == "private_key_jwt" {
		c.Keys = m.Keys
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.data.Registered[m.ID] = registeredClient{Client: c, Expires: now.Add(clientLifetime)}
	return p.awaitSave()
}

// checkMetadata refuses what the provider does not support, rather than to substitute something else.
func (p *Provider) checkMetadata(m metadata) error {
	bad := func(about string) error { return newError("invalid_client_metadata", about) }
	code := slices.Contains(m.Grants, "authorization_code")
	switch {
	case !slices.Contains(authMethods(), m.Auth):
		return bad("token_endpoint_auth_method " + printable(m.Auth) + " is not listed in the discovery document")
	case m.KeysURI != "":
		return bad("jwks_uri is not supported: send the keys as jwks")
	case m.Auth == "private_key_jwt" && !validKeys(m.Keys):
		return bad("private_key_jwt needs public keys in jwks")
	case m.Alg != "" && m.Alg != p.alg():
		return bad("this provider signs ID tokens with " + p.alg())
	case slices.ContainsFunc(m.Responses, func(r string) bool { return r != "code" }):
		return bad("the only supported response type is code")
	case code && len(m.Redirects) == 0:
		return newError("invalid_redirect_uri", "authorization_code needs redirect_uris")
	}
	for _, g := range m.Grants {
		if _, ok := p.grants[g]; !ok {
			return bad("the grant type " + printable(g) + " is not supported")
		}
	}
	for _, uri := range slices.Concat(m.Redirects, m.PostLogout) {
		if !onThisMachine(uri) {
			return newError("invalid_redirect_uri", printable(uri)+" is not an http address of this machine (localhost, 127.0.0.1 or [::1])")
		}
	}
	if m.BackChannel != "" && !onThisMachine(m.BackChannel) {
		return bad("backchannel_logout_uri is not an http address of this machine (localhost, 127.0.0.1 or [::1])")
	}
	return nil
}

// onThisMachine reports whether an address can only lead to this machine.
func onThisMachine(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || !validRedirect(uri) {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// validKeys reports whether raw is a JWK set of valid public keys.
func validKeys(raw json.RawMessage) bool {
	var set jose.JSONWebKeySet
	if json.Unmarshal(raw, &set) != nil || len(set.Keys) == 0 {
		return false
	}
	return !slices.ContainsFunc(set.Keys, func(k jose.JSONWebKey) bool { return !k.Valid() || !k.IsPublic() })
}
