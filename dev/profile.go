package dev

import (
	"net/url"
	"path"
	"strings"
)

// profile is an identity provider whose paths and claims the local one can imitate.
type profile struct {
	name string
	// serves reports whether an address is one of the provider's own; nil serves none.
	serves func(host string, u *url.URL) bool
}

// profiles are all of them. The first, which is the default, imitates nobody. What the local provider does for
// each is in package oidc, in a table by these names.
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

// Profiles are the names of the identity providers that the local one can imitate. The first, which is the
// default, imitates nobody.
func Profiles() []string {
	var names []string
	for _, p := range profiles() {
		names = append(names, p.name)
	}
	return names
}

// ProfileAt is the profile of the provider that an address is one of; ok is false where none is known.
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
