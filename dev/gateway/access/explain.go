package access

import (
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// Explanation is a decision, and what the app would get.
type Explanation struct {
	dev.AccessVerdict
	// Headers are the identity headers by their names. The token is shown as its claims in JSON.
	Headers map[string]string
}

// Explain returns what [Door.Admit] decides about a request. base is the app's base path; now is the provider's clock.
func Explain(a dev.Access, policies []dev.Policy, base string, q dev.AccessRequest, now time.Time) (Explanation, error) {
	e := Explanation{AccessVerdict: a.Decide(a.Resolve(policies, base), q), Headers: map[string]string{}}
	if e.Decision != dev.Allowed {
		return e, nil
	}
	for name, values := range edgeHeaders(false, q) {
		if name != "Cf-Ray" { // differs each time
			e.Headers[name] = values[0]
		}
	}
	if e.Bypass {
		return e, nil
	}
	var t token
	var err error
	if e.Service {
		for _, s := range a.Tokens {
			if s.Name == q.Token {
				t = serviceToken(a, s.ID, e.Application.Audience, now, e.Session)
			}
		}
	} else {
		e.Headers[headerEmail] = q.Person.Email
		t, err = personToken(a, *q.Person, "of the session", e.Application.Audience, typeApp, now, e.Session)
	}
	if err != nil {
		return e, err
	}
	claims, err := door.Object(t.members()...)
	e.Headers[headerToken] = string(claims)
	return e, err
}
