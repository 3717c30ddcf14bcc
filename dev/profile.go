package dev

import (
	"net/url"
	"path"
	"strings"
)

// profile is an identity provider that the local one can imitate: its paths and claims.
type profile struct {
	name string
	// serves reports whether an address belongs to the provider; nil matches none.
	serves func(host string, u *url.URL) bool
}

// profiles returns all of them. The first is the default and imitates nobody. Package oidc has a table, by the same
// names, of what the local provider does for each.
func profiles() []profile {
	return []profile{
		{name: "plain"},
		{"google", func(host string, _ *url.URL) bool {
			return host == "accounts.google.com" || strings.HasSuffix(host, ".googleapis.com")
		}},
		{"cognito", func(host string, _ *url.URL) bool { return strings.HasSuffix(host, ".amazoncognito.com") }},
		{"keycloak", func(_ string, u *url.URL) bool { return path.Base(path.Dir(u.Path)) == "openid-connect" }},
		{"entra", func(host string, _ *url.URL) bool { return strings.HasPrefix(host, "login.microsoftonline.") }},
	}
}

// Profiles returns the names of the identity providers that the local one can imitate. The first is the default and
// imitates nobody.
func Profiles() []string {
	var names []string
	for _, p := range profiles() {
		names = append(names, p.name)
	}
	return names
}

// ProfileAt returns the profile of the provider to which an address belongs; ok is false if none is known.
func ProfileAt(address string) (name string, ok bool) {
	u, err := url.Parse(address)
	if err != nil {
		return "", false
	}
	for _, p := range profiles() {
		if p.serves != nil && p.serves(u.Hostname(), u) {
			return p.name, true
		}
	}
	return "", false
}
