package oidc

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"

	"sdev/dev"
)

// What happens to a used refresh token.
const (
	refreshRotate = "rotate" // a new one replaces it; reuse of the old one revokes the grant
	refreshKeep   = "keep"   // it stays valid, and no new one is issued
	refreshRenew  = "renew"  // a new one is issued, and the old one stays valid
)

// profile describes the paths and claims of an imitated provider.
type profile struct {
	name string
	// paths are an endpoint's additional paths at the imitated provider. Discovery lists the first one; an
	// empty list hides the endpoint.
	paths    map[string][]string
	refresh  string
	offline  bool // refresh tokens are issued without a request for one
	subject  func(email string) string
	shape    func(c claims, person dev.Person) // ID token and userinfo
	access   func(c claims, person dev.Person) // access token
	userinfo func(c claims)                    // userinfo only
	groups   func(c claims, groups []string)   // adds the groups
}

// imitations are the functions that turn the plain profile into each of [dev.Profiles].
func imitations() map[string]func(*profile) {
	return map[string]func(*profile){"plain": func(*profile) {}, "google": google, "cognito": cognito, "keycloak": keycloak, "entra": entra}
}

// profileNamed is one of [dev.Profiles]; "" is the plain one.
func profileNamed(name string) profile {
	p := profile{
		name: cmp.Or(name, dev.Profiles()[0]), refresh: refreshRotate, subject: uuidOf,
		shape:    func(claims, dev.Person) {},
		access:   func(claims, dev.Person) {},
		userinfo: func(claims) {},
		groups:   func(c claims, groups []string) { c["groups"] = groups },
	}
	imitations()[p.name](&p)
	return p
}

// google follows developers.google.com/identity/openid-connect: subjects of 21 digits, hd for people
// of a Workspace domain, no groups, refresh tokens by access_type=offline that stay, and no end_session.
func google(p *profile) {
	p.refresh, p.subject = refreshKeep, dev.GoogleSubject
	p.paths = map[string][]string{
		"authorize":   {"/o/oauth2/v2/auth", "/o/oauth2/auth"},
		"token":       {"/token", "/o/oauth2/token"},
		"userinfo":    {"/v1/userinfo", "/oauth2/v3/userinfo", "/oauth2/v1/userinfo"},
		"jwks":        {"/oauth2/v3/certs"},
		"device":      {"/device/code"},
		"end_session": {}, "introspect": {}, "par": {}, "register": {},
	}
	p.groups = func(claims, []string) {}
	p.shape = func(c claims, person dev.Person) {
		if domain := dev.HostedDomain(person.Email); domain != "" && c["email"] != nil {
			c["hd"] = domain
		}
		delete(c, "preferred_username")
	}
}

// cognito follows the user pool endpoints of docs.aws.amazon.com/cognito: hosted-UI paths, groups
// and user name under cognito:, token_use, and userinfo with booleans as strings.
func cognito(p *profile) {
	p.refresh, p.offline = refreshKeep, true
	p.paths = map[string][]string{
		"authorize":   {"/oauth2/authorize"},
		"token":       {"/oauth2/token"},
		"userinfo":    {"/oauth2/userInfo"},
		"jwks":        {"/.well-known/jwks.json"},
		"end_session": {"/logout"},
		"revoke":      {"/oauth2/revoke"},
		"introspect":  {}, "par": {}, "device": {}, "register": {},
	}
	p.groups = func(c claims, groups []string) { c["cognito:groups"] = groups }
	p.shape = func(c claims, person dev.Person) {
		c["cognito:username"] = uuidOf(person.Email)
		c["token_use"] = "id"
	}
	p.access = func(c claims, person dev.Person) {
		c["token_use"], c["username"], c["version"] = "access", uuidOf(person.Email), 2
		delete(c, "aud") // Cognito has only client_id
		if len(person.Groups) > 0 {
			c["cognito:groups"] = person.Groups
		}
	}
	p.userinfo = func(c claims) {
		c["username"] = c["cognito:username"]
		delete(c, "cognito:username")
		delete(c, "token_use")
		delete(c, "cognito:groups")
		for name, v := range c {
			if b, ok := v.(bool); ok {
				c[name] = strconv.FormatBool(b)
			}
		}
	}
}

// keycloak follows the endpoints and default mappers of Keycloak 26 below the realm, which is the
// issuer's path.
func keycloak(p *profile) {
	const below = "/protocol/openid-connect"
	p.refresh, p.offline = refreshRenew, true
	p.paths = map[string][]string{
		"authorize":   {below + "/auth"},
		"token":       {below + "/token"},
		"userinfo":    {below + "/userinfo"},
		"jwks":        {below + "/certs"},
		"end_session": {below + "/logout"},
		"revoke":      {below + "/revoke"},
		"introspect":  {below + "/token/introspect"},
		"device":      {below + "/auth/device"},
		"par":         {below + "/ext/par/request"},
		"register":    {"/clients-registrations/openid-connect"},
	}
	p.shape = func(c claims, person dev.Person) {
		c["typ"] = "ID"
		c["realm_access"] = map[string]any{"roles": rolesOf(person)}
	}
	p.access = func(c claims, person dev.Person) {
		c["typ"], c["azp"] = "Bearer", c["client_id"]
		c["realm_access"] = map[string]any{"roles": rolesOf(person)}
		c["preferred_username"], c["email"] = userName(person), person.Email
		if len(person.Groups) > 0 {
			c["groups"] = person.Groups
		}
	}
	p.userinfo = func(c claims) { delete(c, "typ") }
}

// entra follows the v2.0 tokens of learn.microsoft.com/entra/identity-platform: a tenant, an object id, and roles beside
// groups. At Entra, subjects differ by client and person; here by person only.
func entra(p *profile) {
	p.refresh, p.subject = refreshRenew, pairwiseOf
	p.paths = map[string][]string{
		"authorize":   {"/oauth2/v2.0/authorize"},
		"token":       {"/oauth2/v2.0/token"},
		"userinfo":    {"/oidc/userinfo"},
		"jwks":        {"/discovery/v2.0/keys"},
		"end_session": {"/oauth2/v2.0/logout"},
		"device":      {"/oauth2/v2.0/devicecode"},
		"introspect":  {}, "revoke": {}, "par": {}, "register": {},
	}
	p.shape = func(c claims, person dev.Person) {
		c["ver"], c["tid"], c["oid"] = "2.0", uuidOf(domainOf(person.Email)), uuidOf(person.Email)
		c["preferred_username"] = person.Email
		delete(c, "email_verified") // Entra has none
		if len(person.Groups) > 0 {
			c["roles"] = person.Groups
		}
	}
	p.access = func(c claims, person dev.Person) {
		c["ver"], c["tid"], c["oid"] = "2.0", uuidOf(domainOf(person.Email)), uuidOf(person.Email)
		c["azp"], c["scp"] = c["client_id"], c["scope"]
		if len(person.Groups) > 0 {
			c["roles"] = person.Groups
		}
	}
	p.userinfo = func(c claims) {
		for _, name := range []string{"ver", "tid", "oid", "roles", "groups"} {
			delete(c, name)
		}
	}
}

func rolesOf(p dev.Person) []string {
	roles := []string{"offline_access", "uma_authorization"} // every Keycloak user has these
	return append(roles, p.Groups...)
}

func sumOf(s string) [sha256.Size]byte { return sha256.Sum256([]byte(strings.ToLower(s))) }

// uuidOf is the same UUID for the same text, whatever its case.
func uuidOf(s string) string {
	sum := sumOf(s)
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // version 8: of one's own making (RFC 9562)
	h := hex.EncodeToString(sum[:16])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

func pairwiseOf(s string) string {
	sum := sumOf(s)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func domainOf(email string) string {
	return strings.ToLower(email[strings.LastIndexByte(email, '@')+1:])
}

func userName(p dev.Person) string {
	name, _, _ := strings.Cut(p.Email, "@")
	return name
}
