package session

import (
	"maps"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/oidc"
)

// newLocalSetup is the setup of a run with the login bypassed. With a person, st.user is that person without a sign-in.
func newLocalSetup(p *config.Project, o Options) (loginSetup, error) {
	s := loginSetup{mode: dev.Local}
	if o.As == "" {
		return s, nil
	}
	if err := config.CheckEmail(o.As); err != nil {
		return s, dev.UsageError("--as: "+err.Error(), "for example: sdev up --local --as admin@example.com")
	}
	found, _, err := inspect(p)
	if err != nil {
		return s, err
	}
	if _, ok := found.Uses("native"); !ok {
		return s, &dev.Error{Code: dev.CodeAuthMode, Exit: dev.ExitUsage, Message: "--local --as needs an app that reads st.user, and no code of this one does",
			Hint: "leave --as out; for a login with the app's own code: sdev up --with-auth --as " + o.As}
	}
	person, ok := p.Settings.Auth.Person(o.As)
	if !ok {
		person = dev.Person{Email: o.As}
	}
	s.person = &person
	return s, nil
}

// personClaims returns what st.user is while the login is bypassed; nil for nobody.
func (s loginSetup) personClaims(p *config.Project) map[string]any {
	if s.person == nil {
		return nil
	}
	claims := maps.Clone(oidc.PersonClaims(p.Settings.Auth.Profile, *s.person))
	claims["is_logged_in"] = true
	return claims
}
