package oidc

import (
	"net/http"
	"slices"
	"strings"

	"sdev/dev"
)

// session is the session of the browser that makes the request.
func (rc *requestContext) session() (session, bool) {
	rc.p.mu.Lock()
	defer rc.p.mu.Unlock()
	s, _, ok := rc.sessionLocked()
	return s, ok
}

// sessionLocked also returns the session's key. Any of several cookies of the name may be ours: servers on other
// ports of this host can set others, for longer paths.
func (rc *requestContext) sessionLocked() (session, string, bool) {
	for _, c := range rc.r.CookiesNamed(rc.p.cookie("session")) {
		key := hash(c.Value)
		s, ok := rc.p.data.Sessions[key]
		if !ok || !rc.now.Before(s.Expires) {
			continue
		}
		if p, ok := personIn(rc.p.data.People, s.Person.Email); ok {
			s.Person = p // the project's current data
		}
		return s, key, true
	}
	return session{}, "", false
}

// startSession creates a session with a new cookie. It keeps the id of the old session if that was the same
// person's.
func (rc *requestContext) startSession(who dev.Person) (session, error) {
	s := session{ID: randomToken()[:22], Person: who, At: rc.now, Expires: rc.now.Add(sessionLifetime)}
	value := randomToken()
	rc.p.mu.Lock()
	defer rc.p.mu.Unlock()
	old, key, had := rc.sessionLocked()
	if had && strings.EqualFold(old.Person.Email, who.Email) {
		s.ID, s.Clients = old.ID, slices.Clone(old.Clients)
	}
	delete(rc.p.data.Sessions, key)
	rc.p.data.Sessions[hash(value)] = s
	rc.setCookie("session", value, int(sessionLifetime.Seconds()))
	return s, rc.p.awaitSave()
}

// joinLocked adds a client to those that got tokens in a session.
func (p *Provider) joinLocked(id, client string) {
	for key, s := range p.data.Sessions {
		if s.ID == id && id != "" && !slices.Contains(s.Clients, client) {
			s.Clients = append(slices.Clone(s.Clients), client)
			p.data.Sessions[key] = s
		}
	}
}

// endSession ends the session of this browser and the grants of its apps, except those with offline access
// (OpenID Connect Core 11).
func (rc *requestContext) endSession() (session, bool, error) {
	s, ok := rc.session()
	rc.setCookie("session", "", -1)
	if !ok {
		return session{}, false, nil
	}
	rc.p.mu.Lock()
	defer rc.p.mu.Unlock()
	for key, other := range rc.p.data.Sessions {
		if other.ID == s.ID {
			delete(rc.p.data.Sessions, key)
		}
	}
	for id, g := range rc.p.data.Grants {
		if g.Session == s.ID && !slices.Contains(g.Scope, "offline_access") {
			delete(rc.p.data.Grants, id)
		}
	}
	return s, true, rc.p.awaitSave()
}

// setCookie sets one of the provider's cookies; a negative age removes it.
func (rc *requestContext) setCookie(what, value string, age int) {
	http.SetCookie(rc.w, &http.Cookie{
		Name: rc.p.cookie(what), Value: value, Path: rc.p.base.Path + "/", MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: rc.p.base.Scheme == "https",
	})
}
