package oidc

import "sdev/dev"

// UserinfoClaims returns the claims that the userinfo endpoint of a provider with this profile returns about a person.
func UserinfoClaims(profile string, person dev.Person) map[string]any {
	c := claims(PersonClaims(profile, person))
	profileNamed(profile).userinfo(c)
	return c
}

// PersonClaims returns the claims about a person that an ID token of a provider with this profile holds, without those
// that belong to the token.
func PersonClaims(profile string, person dev.Person) map[string]any {
	p := Provider{profile: profileNamed(profile)}
	return p.personClaims(grant{Person: &person, Scope: []string{"openid", "email", "profile"}}, nil)
}
