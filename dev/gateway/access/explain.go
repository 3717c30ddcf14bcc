package access

import (
	"net/netip"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// Explain says what Access does with a request for a path: of somebody who has signed in, or of nobody (nil). The client's
// address and country are those of the settings. Of the token it shows the claims that are the same at each sign-in.
func Explain(d dev.FrontDoor, target string, who *door.Visitor) door.Verdict {
	a := *d.Access
	q := dev.AccessRequest{Path: target, Country: a.Country}
	if who != nil {
		q.Person = &who.Person
	}
	q.IP, _ = netip.ParseAddr(a.From) // checked when it was read; without one, no rule about addresses matches
	decided := a.Decide(a.Resolve(d.Policies), q)
	v := door.Verdict{Verdict: decided.Verdict, Headers: map[string]any{}}
	if decided.Decision == dev.Allowed && !decided.Bypass {
		v.Headers = map[string]any{headerToken: stableClaims(a, who.Person, decided.Application.Audience), headerEmail: who.Person.Email}
	}
	return v
}

// stableClaims are the claims of a person's token without those that differ from sign-in to sign-in.
func stableClaims(a dev.Access, who dev.Person, audience string) map[string]any {
	claims := map[string]any{"aud": []string{audience}, "email": who.Email, "iss": a.Issuer(), "type": typeApp, "sub": a.UserID(who.Email), "country": a.Country}
	if custom := fields(claimsOf(a, who)); len(custom) > 0 {
		claims["custom"] = custom
	}
	return claims
}
