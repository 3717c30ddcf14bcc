package oidc

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"sdev/dev"
)

// refreshPrefix marks refresh tokens of this provider. The app's start-up shim sends those here and leaves the tokens of
// real providers alone.
const refreshPrefix = "sdev-"

// discovered is the path element between the issuer's path and the endpoint's in the addresses that discovery
// documents for other providers list.
const discovered = "/~"

// mappedAddress is an address of another provider that the app asked for and that leads here. Its tokens name that
// provider as their issuer, so that code which compares the issuer with a constant accepts them. It is empty in requests
// to the provider's own addresses.
type mappedAddress struct {
	host, path string
	issuer     string
}

// newMappedAddress reads what follows [dev.AtPath] in a path.
func newMappedAddress(under string, issuers map[string]string) mappedAddress {
	host, path, _ := strings.Cut(under, "/")
	at := mappedAddress{host: strings.ToLower(host), path: "/" + path}
	if prefix, rest, ok := strings.Cut(at.path, discovered+"/"); ok {
		at.path, at.issuer = "/"+rest, "https://"+at.host+prefix
		if strings.HasSuffix(at.host, ".auth0.com") {
			at.issuer += "/"
		}
		return at
	}
	at.issuer = issuerAt(at.host, at.path, issuers)
	return at
}

// issuerAt derives a provider's issuer from one of its addresses. issuers are known ones, by host.
func issuerAt(host, path string, issuers map[string]string) string {
	segments := strings.Split(strings.Trim(path, "/"), "/")
	prefix, _, wellKnown := strings.Cut(path, "/.well-known/")
	protocol, _, keycloak := strings.Cut(path, "/protocol/openid-connect/")
	switch {
	case issuers[host] != "":
		return issuers[host]
	case host == "accounts.google.com" || strings.HasSuffix(host, ".googleapis.com"):
		return "https://accounts.google.com"
	case strings.HasPrefix(host, "login.microsoftonline."):
		return "https://" + host + "/" + segments[0] + "/v2.0"
	case strings.HasPrefix(host, "cognito-idp."):
		return "https://" + host + "/" + segments[0]
	case strings.HasSuffix(host, ".auth0.com"):
		return "https://" + host + "/"
	case wellKnown:
		return "https://" + host + prefix
	case keycloak:
		return "https://" + host + protocol
	case len(segments) > 3 && segments[0] == "oauth2" && segments[2] == "v1": // Okta's /oauth2/default/v1/token
		return "https://" + host + "/oauth2/" + segments[1]
	}
	return "https://" + host
}

// serveMapped answers for another provider's address.
func (p *Provider) serveMapped(under string, w http.ResponseWriter, r *http.Request) {
	at := newMappedAddress(under, p.cfg.Mapped.Issuers)
	role := dev.IdentityRole(at.host, at.path)
	i := slices.IndexFunc(p.endpoints, func(e endpoint) bool { return e.name == role })
	if i < 0 {
		p.countUnmapped("https://" + at.host + at.path)
		http.Error(w, "the local provider has no counterpart of https://"+printable(at.host+at.path), http.StatusNotFound)
		return
	}
	e := &p.endpoints[i]
	own := r.Clone(r.Context())
	own.URL.Path, own.URL.RawPath = p.base.Path+e.path, ""
	if err := p.adapt(e, own, at); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.serve(e, w, own, at)
}

// adapt turns what other providers accept into what this one accepts.
func (p *Provider) adapt(e *endpoint, r *http.Request, at mappedAddress) error {
	switch e.name {
	case "authorize":
		q := r.URL.Query()
		// There, no scope means all of the client's, and openid alone all attributes that the client may read.
		if scope := q.Get("scope"); (scope == "" || scope == "openid") && strings.HasSuffix(at.host, ".amazoncognito.com") {
			q.Set("scope", "openid email phone profile")
		}
		if q.Get("response_type") == "" { // GitHub needs none
			q.Set("response_type", "code")
		}
		if q.Get("redirect_uri") == "" { // nor this: its client has a default
			q.Set("redirect_uri", p.cfg.Mapped.Client.Page)
		}
		r.URL.RawQuery = q.Encode()
	case "end_session":
		q := r.URL.Query()
		for _, name := range []string{"logout_uri", "returnTo", "redirect_uri"} { // Cognito, Auth0, Cognito and old Keycloak
			if uri := q.Get(name); uri != "" && q.Get("post_logout_redirect_uri") == "" {
				q.Set("post_logout_redirect_uri", uri)
			}
		}
		r.URL.RawQuery = q.Encode()
	case "token", "revoke", "introspect":
		return adaptForm(r)
	}
	return nil
}

// adaptForm accepts a JSON body, as Auth0 does, parameters in the query, as GitHub does, and a secret that is sent twice.
func adaptForm(r *http.Request) error {
	b, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return err
	}
	form := url.Values{}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		var fields map[string]any
		if err := json.Unmarshal(b, &fields); err != nil {
			return fmt.Errorf("the body is not JSON: %w", err)
		}
		for name, v := range fields {
			form.Set(name, fmt.Sprint(v))
		}
	} else if form, err = url.ParseQuery(string(b)); err != nil {
		return fmt.Errorf("the body is not a form: %w", err)
	}
	for name, v := range r.URL.Query() {
		if !form.Has(name) {
			form[name] = v
		}
	}
	if r.Header.Get("Authorization") != "" {
		form.Del("client_secret")
	}
	if form.Get("code") != "" && form.Get("grant_type") == "" { // GitHub has no other grant
		form.Set("grant_type", grantCode)
	}
	encoded := form.Encode()
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(encoded)), int64(len(encoded))
	r.Header = r.Header.Clone()
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Method = http.MethodPost
	return nil
}

// issuer is the issuer that the app knows the provider by.
func (rc *requestContext) issuer() string {
	if rc.at.issuer != "" {
		return rc.at.issuer
	}
	return rc.p.cfg.Issuer
}

// address is an endpoint's URL in the discovery document; "" leaves it out. In another provider's document it is an https
// address there, which leads here like any other, because some libraries accept nothing else (msal 1.39, authority.py).
func (rc *requestContext) address(e endpoint) string {
	if rc.at.host == "" {
		return rc.p.address(e)
	}
	if dev.IdentityRole(rc.at.host, e.path) != e.name {
		return ""
	}
	return strings.TrimRight(rc.at.issuer, "/") + discovered + e.path
}

// scopes are the scopes that count for userinfo. The user addresses of services that are more than a provider need none
// of OpenID Connect.
func (at mappedAddress) scopes(granted []string) []string {
	if at.host == "" || dev.IsIdentityHost(at.host) {
		return granted
	}
	return append(slices.Clone(granted), "email", "profile")
}

// shape turns userinfo into what the address returns in place of it. Sources: "Get the authenticated user" of GitHub's
// REST API, "Get a user" of Microsoft Graph, "people.get" of Google's People API, and the discovery document of Google's
// OAuth2 API v2.
func (at mappedAddress) shape(c claims) any {
	sub, email, name := c.text("sub"), c.text("email"), c.text("name")
	switch {
	case at.host == "api.github.com" && strings.HasSuffix(at.path, "/emails"):
		return []claims{{"email": email, "primary": true, "verified": true, "visibility": "public"}}
	case at.host == "api.github.com":
		login, _, _ := strings.Cut(email, "@")
		return claims{"login": login, "id": numberOf(email), "type": "User", "name": name, "email": email, "avatar_url": "", "html_url": "https://github.com/" + login}
	case at.host == "graph.microsoft.com" && strings.HasSuffix(at.path, "/me"):
		return claims{"id": uuidOf(email), "displayName": name, "mail": email, "userPrincipalName": email, "givenName": c["given_name"], "surname": c["family_name"]}
	case at.host == "people.googleapis.com":
		about := claims{"primary": true, "verified": true, "source": claims{"type": "PROFILE", "id": sub}}
		person := claims{"resourceName": "people/" + sub, "names": []claims{{"metadata": about, "displayName": name, "givenName": c["given_name"], "familyName": c["family_name"]}}}
		if email != "" {
			person["emailAddresses"] = []claims{{"metadata": about, "value": email}}
		}
		return person
	case at.host == "discord.com":
		return claims{"id": sub, "username": name, "global_name": name, "email": email, "verified": true}
	case strings.HasSuffix(at.host, "facebook.com"):
		return claims{"id": sub, "name": name, "email": email}
	case strings.HasSuffix(at.host, ".googleapis.com") && !strings.Contains(at.path, "v3"):
		c["id"], c["verified_email"] = sub, true
	}
	return c
}

// numberOf is the same number for the same text.
func numberOf(s string) int {
	sum := sumOf(s)
	return int(sum[0])<<16 | int(sum[1])<<8 | int(sum[2])
}

// leadsToPage reports whether a client's people may return to an address because the browser goes to the app's page in
// place of it.
func leadsToPage(c dev.Client, uri string) bool { return c.Page != "" && validRedirect(uri) }

// isSameReturn reports whether a token request at another provider's address names the address to which the browser
// returned: none at all, as GitHub allows, or that of the deployment, while the shim sent the browser to the page here.
func (rc *requestContext) isSameReturn(c dev.Client, sent, used string) bool {
	return rc.at.host != "" && (sent == "" || returnAddress(c, sent) == returnAddress(c, used))
}

// returnAddress is where the browser goes if the app sent an address. Addresses that are not registered are those of the
// app's deployment: the browser goes to the same path of the page on this machine.
func returnAddress(c dev.Client, uri string) string {
	if !leadsToPage(c, uri) || slices.Contains(c.RedirectURIs, uri) || slices.Contains(c.PostLogout, uri) {
		return uri
	}
	page, err := url.Parse(c.Page)
	sent, errSent := url.Parse(uri)
	if err != nil || errSent != nil {
		return c.Page
	}
	to := url.URL{Scheme: page.Scheme, Host: page.Host, Path: sent.Path, RawPath: sent.RawPath, RawQuery: sent.RawQuery}
	if !strings.HasPrefix(sent.Path, page.Path) {
		to.Path, to.RawPath = page.Path+sent.Path, ""
	}
	if to.Path == "" {
		to.Path = "/"
	}
	return to.String()
}
