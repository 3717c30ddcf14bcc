package oidc

import (
	"net/http"
	"slices"
	"strings"

	"sdev/dev"
)

// session is whoever is signed in, in the browser that asks.
func (rc *requestContext) session() (session, bool) {
	rc.p.mu.Lock()
	defer rc.p.mu.Unlock()
	s, _, ok := rc.sessionLocked()
	return s, ok
}

// sessionLocked gives the session as well by its key. Of several cookies of the name any may be ours:
// whatever runs on another port of this host can set others, for paths that come before.
func (rc *requestContext) sessionLocked() (session, string, bool) {
	for _, c := range rc.r.CookiesNamed(rc.p.cookie("session")) {
		key := hash(c.Value)
		s, ok := rc.p.data.Sessions[key]
		if !ok || !rc.now.Before(s.Expires) {
			continue
		}
		if p, ok := personIn(rc.p.data.People, s.Person.Email); ok {
			s.Person = p // as the project has them now
		}
		return s, key, true
	}
	return session{}, "", false
}

// startSession begins a session, under a new cookie even where there was one, and with the id of the old
// one where it is the same person.
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
	return s, rc.p.saveLocked()
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

// endSession ends the session of this browser, and with it what its apps were granted, but for what
// they may use while nobody is there (OpenID Connect Core 11).
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
	return s, true, rc.p.saveLocked()
}

// setCookie sets a cookie of the provider's; an age below zero removes it.
func (rc *requestContext) setCookie(what, value string, age int) {
	http.SetCookie(rc.w, &http.Cookie{
		Name: rc.p.cookie(what), Value: value, Path: rc.p.base.Path + "/", MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: rc.p.base.Scheme == "https",
	})
}
