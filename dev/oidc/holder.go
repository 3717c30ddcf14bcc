package oidc

import (
	"time"

	"sdev/dev"
)

// Now is the provider's time: the real time, plus what [DoClock] has set.
func (p *Provider) Now() time.Time { return p.now() }

// Holder returns the person for whom an access token was issued; ok is false if the token is not valid any more.
func (p *Provider) Holder(accessToken string) (who dev.Person, ok bool) {
	g, c, ok := p.grantOfAccessToken(accessToken)
	if !ok || g.Person == nil || !p.now().Before(c.time("exp")) {
		return dev.Person{}, false
	}
	return *g.Person, true
}

// Person returns the current data of one of the project's people, by e-mail address.
func (p *Provider) Person(email string) (dev.Person, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return personIn(p.data.People, email)
}

// Subject returns the claim sub of a person.
func (p *Provider) Subject(who dev.Person) string { return p.subject(who) }
