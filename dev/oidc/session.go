package oidc

import (
	"net/http"
	"slices"
	"strings"

	"sdev/dev"
)

// session is whoever is signed in, in the browser that asks.
func (x *exchange) session() (session, bool) {
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	s, _, ok := x.sessionLocked()
	return s, ok
}

// sessionLocked gives the session as well by its key. Of several cookies of the name any may be ours:
// whatever runs on another port of this host can set others, for paths that come before.
func (x *exchange) sessionLocked() (session, string, bool) {
	for _, c := range x.r.CookiesNamed(x.p.cookie("session")) {
		key := hashed(c.Value)
		s, ok := x.p.data.Sessions[key]
		if !ok || !x.now.Before(s.Expires) {
			continue
		}
		if p, ok := personIn(x.p.data.People, s.Person.Email); ok {
			s.Person = p // as the project has them now
		}
		return s, key, true
	}
	return session{}, "", false
}

// signIn begins a session, under a new cookie even where there was one, and with the id of the old
// one where it is the same person.
func (x *exchange) signIn(who dev.Person) (session, error) {
	s := session{ID: secret()[:22], Person: who, At: x.now, Expires: x.now.Add(sessionLife)}
	value := secret()
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	old, key, had := x.sessionLocked()
	if had && strings.EqualFold(old.Person.Email, who.Email) {
		s.ID, s.Clients = old.ID, slices.Clone(old.Clients)
	}
	delete(x.p.data.Sessions, key)
	x.p.data.Sessions[hashed(value)] = s
	x.setCookie("session", value, int(sessionLife.Seconds()))
	return s, x.p.saveLocked()
}

// joinLocked adds a client to those that got tokens in a session.
func (p *Provider) joinLocked(id, client string) {
	for key, held := range p.data.Sessions {
		if held.ID == id && id != "" && !slices.Contains(held.Clients, client) {
			held.Clients = append(slices.Clone(held.Clients), client)
			p.data.Sessions[key] = held
		}
	}
}

// signOut ends the session of this browser, and with it what its apps were granted, but for what
// they may use while nobody is there (OpenID Connect Core 11).
func (x *exchange) signOut() (session, bool, error) {
	s, ok := x.session()
	x.setCookie("session", "", -1)
	if !ok {
		return session{}, false, nil
	}
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	for key, other := range x.p.data.Sessions {
		if other.ID == s.ID {
			delete(x.p.data.Sessions, key)
		}
	}
	for id, g := range x.p.data.Grants {
		if g.Session == s.ID && !slices.Contains(g.Scope, "offline_access") {
			delete(x.p.data.Grants, id)
		}
	}
	return s, true, x.p.saveLocked()
}

// setCookie sets a cookie of the provider's; an age below zero removes it.
func (x *exchange) setCookie(what, value string, age int) {
	http.SetCookie(x.w, &http.Cookie{
		Name: x.p.cookie(what), Value: value, Path: x.p.base.Path + "/", MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: x.p.base.Scheme == "https",
	})
}
