package oidc

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"sdev/dev"
)

// claims are the claims of a token or of userinfo.
type claims map[string]any

// claimsRequest is the parameter "claims" (OpenID Connect Core 5.5).
type claimsRequest struct {
	IDToken  map[string]*claimRequest `json:"id_token,omitempty"`
	Userinfo map[string]*claimRequest `json:"userinfo,omitempty"`
}

// claimRequest is the request for one claim; nil requests it without conditions.
type claimRequest struct {
	Essential bool  `json:"essential,omitempty"`
	Value     any   `json:"value,omitempty"`
	Values    []any `json:"values,omitempty"`
}

func parseClaimsRequest(s string) (claimsRequest, error) {
	var c claimsRequest
	if s == "" {
		return c, nil
	}
	if err := json.Unmarshal([]byte(s), &c); err != nil {
		return claimsRequest{}, newError("invalid_request", "the parameter claims is not the JSON object of OpenID Connect Core 5.5")
	}
	return c, nil
}

// first is the requested value, if it is text: value, or the first of values.
func (r *claimRequest) first() string {
	if r == nil {
		return ""
	}
	for _, v := range append([]any{r.Value}, r.Values...) {
		if s, ok := v.(string); ok {
			return s
		}
	}
	return ""
}

// personClaims are the claims of a person that the scopes allow, plus those requested by name. Groups and the
// project's own claims are always included, because real providers are configured to send what the app reads,
// and Streamlit reads only the ID token.
func (p *Provider) personClaims(g grant, requested map[string]*claimRequest) claims {
	person := *g.Person
	all := profileClaims(person)
	c := claims{"sub": p.profile.subject(person.Email)}
	for name, scope := range scopeOf {
		_, byName := requested[name]
		if v, ok := all[name]; ok && (byName || hasScope(g.Scope, scope)) {
			c[name] = v
		}
	}
	if len(person.Groups) > 0 {
		p.profile.groups(c, person.Groups)
	}
	p.profile.shape(c, person)
	for name, v := range person.Claims {
		if c[name] = v; v == nil {
			delete(c, name)
		}
	}
	return c
}

// hasScope reports whether a scope is among those granted, under its own name or one that other providers have for it.
func hasScope(granted []string, scope string) bool {
	return slices.ContainsFunc(granted, func(g string) bool { return g == scope || slices.Contains(scopeAliases[g], scope) })
}

// scopeAliases are other providers' scopes that include standard ones. Sources: Google's list of OAuth scopes, GitHub's
// "Scopes for OAuth apps", and the permissions reference of Microsoft Graph.
var scopeAliases = map[string][]string{
	"https://www.googleapis.com/auth/userinfo.email": {"email"}, "https://www.googleapis.com/auth/userinfo.profile": {"profile"},
	"user": {"email", "profile"}, "read:user": {"profile"}, "user:email": {"email", "profile"},
	"User.Read": {"email", "profile"}, "https://graph.microsoft.com/User.Read": {"email", "profile"},
}

// scopeOf maps a standard claim to the scope that includes it (OpenID Connect Core 5.4).
var scopeOf = map[string]string{
	"email": "email", "email_verified": "email",
	"name": "profile", "given_name": "profile", "family_name": "profile", "preferred_username": "profile", "locale": "profile",
}

func profileClaims(p dev.Person) claims {
	name := p.Name
	if name == "" {
		name = userName(p)
	}
	c := claims{
		"email": p.Email, "email_verified": true,
		"name": name, "given_name": name, "preferred_username": userName(p), "locale": "en",
	}
	if i := strings.LastIndexByte(name, ' '); i > 0 {
		c["given_name"], c["family_name"] = name[:i], name[i+1:]
	}
	return c
}

// idClaims are the claims of an ID token.
func (rc *requestContext) idClaims(g grant, accessToken, alg string) claims {
	c := rc.p.stableClaims(g)
	c["iss"] = rc.issuer()
	c["iat"], c["exp"] = rc.now.Unix(), rc.now.Add(tokenLifetime).Unix()
	c["jti"], c["at_hash"] = randomToken()[:22], halfHash(accessToken)
	if g.Nonce != "" {
		c["nonce"] = g.Nonce
	}
	if g.Session != "" {
		c["sid"] = g.Session
	}
	return c
}

// stableClaims are the claims that all ID tokens of a grant share. They hold no secret.
func (p *Provider) stableClaims(g grant) claims {
	c := p.personClaims(g, g.Claims.IDToken)
	c["iss"], c["aud"], c["auth_time"] = p.cfg.Issuer, g.Client, g.At.Unix()
	if p.profile.name != "cognito" && p.profile.name != "entra" {
		c["azp"] = g.Client
	}
	if g.ACR != "" {
		c["acr"] = g.ACR
	}
	c["amr"] = []string{"pwd"}
	return c
}

// accessClaims are the claims of an access token, a JWT as in RFC 9068.
func (rc *requestContext) accessClaims(id string, g grant) claims {
	c := claims{
		"iss": rc.issuer(), "aud": g.Client, "client_id": g.Client, "scope": strings.Join(g.Scope, " "),
		"iat": rc.now.Unix(), "exp": rc.now.Add(tokenLifetime).Unix(), "jti": id + "." + randomToken()[:16],
	}
	if g.Audience != "" {
		c["aud"] = g.Audience
	}
	if g.Actor != "" {
		c["act"] = claims{"sub": g.Actor} // RFC 8693 4.1
	}
	if g.Person == nil {
		c["sub"] = g.Client
		return c
	}
	c["sub"], c["auth_time"] = rc.p.subject(*g.Person), g.At.Unix()
	rc.p.profile.access(c, *g.Person)
	return c
}

// subject is the claim sub of a person.
func (p *Provider) subject(person dev.Person) string {
	if s, ok := person.Claims["sub"].(string); ok {
		return s
	}
	return p.profile.subject(person.Email)
}

// time is a claim that holds a time.
func (c claims) time(name string) time.Time {
	n, _ := c[name].(float64)
	return time.Unix(int64(n), 0)
}

func (c claims) text(name string) string {
	s, _ := c[name].(string)
	return s
}
