package dev

import (
	"cmp"
	"net"
	"net/url"
	"strings"
	"sync"

	"sdev/dev/pattern"
)

// IdentityMap tells the app's start-up shim which addresses of identity providers lead to the local one. The shim turns
// https://HOST/PATH into At + HOST/PATH, and the local provider finds out from host and path what was meant.
type IdentityMap struct {
	At    string   `json:"at"`    // "http://localhost:8601/at/"
	Page  string   `json:"page"`  // the app's page, to which people return whatever address of its deployment the app sends
	Hosts string   `json:"hosts"` // regular expression: hosts that only serve identities
	Mixed string   `json:"mixed"` // regular expression: hosts that serve identities among other things
	Own   []string `json:"own"`   // further hosts, from the project's own settings
	// Paths are the addresses at these hosts that the local provider answers, in order: the first match counts.
	Paths []IdentityPath `json:"paths"`
}

// IdentityPath says what an address of an identity provider is for. The expressions match as a whole, ignore the case,
// and are valid in Go and in Python.
type IdentityPath struct {
	Role string `json:"role"` // name of an endpoint of the local provider: "authorize", "token", …
	Host string `json:"host"` // "" is any host
	Path string `json:"path"` // without the slash at the end
}

// AtPath is the path below which the local provider answers for the addresses of others.
const AtPath = "/at/"

// identityHosts only serve identities: a request to one of them belongs to a login. Sources: the providers' own
// documentation of their OAuth and OpenID endpoints.
const identityHosts = `accounts\.google\.com|(oauth2|openidconnect|identitytoolkit|securetoken)\.googleapis\.com|` +
	`login\.microsoftonline\.(com|us)|login\.microsoft\.com|(login|sts)\.windows\.net|login\.live\.com|.+\.(b2clogin|ciamlogin)\.com|` +
	`.+\.(okta|oktapreview|okta-emea|auth0|onelogin)\.com|.+\.amazoncognito\.com|cognito-idp\.[a-z0-9-]+\.amazonaws\.com(\.cn)?|appleid\.apple\.com|id\.twitch\.tv`

// mixedHosts serve identities among other things: only the addresses in identityPaths belong to a login.
const mixedHosts = `(www|people)\.googleapis\.com|(api\.)?github\.com|graph\.microsoft\.com|gitlab\.com|(www|api)\.linkedin\.com|(www|graph)\.facebook\.com|discord\.com`

// identityPaths are the addresses that the local provider answers.
func identityPaths() []IdentityPath {
	return []IdentityPath{
		{"discovery", "", `.*/\.well-known/(openid-configuration|oauth-authorization-server)`},
		{"userinfo", `graph\.microsoft\.com`, `/(v1\.0|beta)/me`},
		{"userinfo", `api\.github\.com`, `/user(/emails)?`},
		{"userinfo", `graph\.facebook\.com`, `(/v[0-9.]+)?/me`},
		{"userinfo", `people\.googleapis\.com`, `/v1/people/me`},
		{"userinfo", `discord\.com`, `/api(/v[0-9]+)?/users/@me`},
		{"instances", `login\.microsoftonline\.(com|us)`, `/common/discovery/instance`},
		{"certificates", `www\.googleapis\.com`, `/oauth2/v1/certs`},
		{"authorize", `.+\.amazoncognito\.com`, `/(login|signup)`},
		{"authorize", "", `.*/(authorize|o/oauth2/(v2/)?auth|openid-connect/auth|oauth/v2/authorization|dialog/oauth)`},
		{"jwks", "", `.*/(jwks|jwks\.json|openid-connect/certs|discovery/(v2\.0/)?keys|v1/keys|v[0-9]/certs)`},
		{"userinfo", "", `.*/(userinfo(/v2/me)?|oauth2/v[0-9]/userinfo)`},
		{"introspect", "", `.*/introspect`},
		{"revoke", "", `.*/revoke`},
		{"end_session", "", `.*/(logout|end_session|endsession)`},
		{"token", "", `.*/(token|access_token|accesstoken)`},
	}
}

// NewIdentityMap returns the map that leads to the local provider. own are hosts that the project's settings
// name.
func NewIdentityMap(issuer, page string, own []string) IdentityMap {
	return IdentityMap{At: issuer + AtPath, Page: page, Hosts: identityHosts, Mixed: mixedHosts, Own: own, Paths: identityPaths()}
}

// IdentityRole returns the name of the local endpoint that answers for an address of another provider; "" for none. The
// caller has decided that the host belongs to a provider.
func IdentityRole(host, path string) string {
	path = strings.TrimRight(path, "/")
	for _, p := range rolePatterns() {
		if p.host.MatchString(host) && p.path.MatchString(path) {
			return p.role
		}
	}
	return ""
}

// rolePattern is an [IdentityPath] whose expressions are patterns.
type rolePattern struct {
	role       string
	host, path *pattern.Pattern
}

// The expressions above as patterns.
var (
	identityHost = whole(identityHosts)
	mixedHost    = whole(mixedHosts)
	rolePatterns = sync.OnceValue(pathPatterns)
)

func pathPatterns() []rolePattern {
	var out []rolePattern
	for _, p := range identityPaths() {
		out = append(out, rolePattern{p.Role, whole(cmp.Or(p.Host, ".*")), whole(p.Path)})
	}
	return out
}

func whole(expression string) *pattern.Pattern {
	return pattern.New(`(?is)^(?:` + expression + `)$`)
}

// IsIdentityHost reports whether a host only serves identities.
func IsIdentityHost(host string) bool { return identityHost.MatchString(host) }

// IsMixedHost reports whether a host serves identities among other things.
func IsMixedHost(host string) bool { return mixedHost.MatchString(host) }

// IsIdentityAddress reports whether an https address belongs to a login: at a host that only serves identities, or at
// another host with the path of an endpoint where people sign in. Addresses of this machine, and of the project's own
// containers, are nobody else's.
func IsIdentityAddress(address string) bool {
	u, err := url.Parse(address)
	if err != nil || !strings.EqualFold(u.Scheme, "https") || !isPublicHost(u.Hostname()) {
		return false
	}
	host := u.Hostname()
	role := IdentityRole(host, u.Path)
	switch {
	case IsIdentityHost(host):
		return true
	case IsMixedHost(host):
		return role == "authorize" || role == "token" || role == "certificates"
	}
	// A path such as /token occurs elsewhere too, so at unknown hosts it needs another sign.
	lower := strings.ToLower(u.Path)
	return role == "discovery" || role == "authorize" ||
		role != "" && (strings.Contains(lower, "/oauth") || strings.Contains(lower, "/openid-connect/") || strings.Contains(lower, "/oidc/"))
}

// isPublicHost reports whether a host is a full domain name: no address, and no name of this machine or of a container.
func isPublicHost(host string) bool {
	return strings.Contains(host, ".") && net.ParseIP(host) == nil && !strings.HasSuffix(strings.ToLower(host), ".localhost") && !strings.HasSuffix(strings.ToLower(host), ".internal")
}
