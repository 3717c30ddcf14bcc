package iap

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// session is what the session cookie holds.
type session struct {
	ID     string     `json:"id"`
	Person dev.Person `json:"person"`
	At     time.Time  `json:"at"` // when the person signed in, by the provider's clock
	// Of the sign-in at the local provider; a guest has none.
	Access  string    `json:"access,omitempty"`
	Refresh string    `json:"refresh,omitempty"`
	Expires time.Time `json:"expires,omitzero"` // of the access token
}

// guestLifetime is how long the session of a guest lasts. Source: Google Cloud documentation, "Managing sessions with
// external identities".
const guestLifetime = time.Hour

// checkEvery is how long a change of the sign-in at the local provider may remain unnoticed. Source: Google Cloud
// documentation, "Managing IAP sessions": a couple of minutes.
const checkEvery = time.Minute

// Names of cookies. Source: captures of real responses.
const (
	cookieSession = "GCP_IAP_AUTH_TOKEN_"
	cookieUID     = "GCP_IAP_UID" // who it is, readable for scripts of the page
	cookieNonce   = "GCP_IAP_XSRF_NONCE_"
)

// largestCookie is how many bytes browsers keep of a cookie, name and value together.
const largestCookie = 4096

// errTooLarge is the error of a session that no cookie can hold.
var errTooLarge = errors.New("the claims about the person are too large for the session cookie")

func purposeOf(s *resource) string { return "iap session " + s.audience }

func (d *Door) cookieName(s *resource) string {
	name := cookieSession + s.cookie
	if d.cfg.Secure() {
		name = "__Host-" + name
	}
	return name
}

// setCookie sets a cookie of the proxy. Google sets them as Secure, which browsers accept over TLS only.
func (d *Door) setCookie(w http.ResponseWriter, c http.Cookie) {
	c.Path, c.SameSite = "/", http.SameSiteLaxMode
	if d.cfg.Secure() {
		c.Secure, c.SameSite = true, http.SameSiteNoneMode
	}
	http.SetCookie(w, &c)
}

// setSession sends a session to the browser. The data of the project's people are looked up with every request, so the
// cookie has only their addresses.
func (d *Door) setSession(w http.ResponseWriter, s *resource, in *session) error {
	kept := *in
	if _, known := d.cfg.People.Person(in.Person.Email); known {
		kept.Person = dev.Person{Email: in.Person.Email}
	}
	name := d.cookieName(s)
	text, err := d.keys.Seal(purposeOf(s), kept)
	if err == nil && len(name)+len("=")+len(text) > largestCookie {
		kept.Access, kept.Refresh = "", "" // it then lasts until the browser or the proxy ends it
		text, err = d.keys.Seal(purposeOf(s), kept)
	}
	if err == nil && len(name)+len("=")+len(text) > largestCookie {
		err = errTooLarge
	}
	if err != nil {
		return err
	}
	d.setCookie(w, http.Cookie{Name: name, Value: text, HttpOnly: true})
	uid := s.id(in.Person)
	if s.external {
		uid = s.prefix + uid
	}
	d.setCookie(w, http.Cookie{Name: cookieUID, Value: uid})
	return nil
}

// clearCookies removes all cookies of the proxy that a request carries.
func (d *Door) clearCookies(w http.ResponseWriter, r *http.Request) {
	for _, c := range r.Cookies() {
		if IsCookie(c.Name) {
			d.setCookie(w, http.Cookie{Name: c.Name, MaxAge: -1, HttpOnly: c.Name != cookieUID})
		}
	}
}

// IsCookie reports whether a cookie is one of the proxy's.
func IsCookie(name string) bool {
	return strings.HasPrefix(strings.TrimPrefix(name, "__Host-"), "GCP_IAP_")
}

// session returns the session of a request, with the current data of the person; nil if nobody has signed in. It may
// replace the cookie.
func (d *Door) session(w http.ResponseWriter, r *http.Request, s *resource) *session {
	in := d.open(r, s)
	if in == nil {
		return nil
	}
	if s.external && d.cfg.Now().Sub(in.At) >= guestLifetime {
		return nil
	}
	if in = d.current(w, r, s, in); in == nil {
		return nil
	}
	if who, known := d.cfg.People.Person(in.Person.Email); known {
		in.Person = who
	} else if s.external {
		return nil // the account was removed
	}
	return in
}

// open reads the session cookie; nil if there is none of this proxy. Any of several cookies of the name may be its own:
// servers on other ports of this host can set others, for longer paths.
func (d *Door) open(r *http.Request, s *resource) *session {
	name := d.cookieName(s)
	for _, c := range r.CookiesNamed(name) {
		in := &session{}
		if d.keys.Open(purposeOf(s), c.Value, in) == nil {
			return in
		}
		if c.Value != "" {
			d.warnOfForeignCookie(name)
		}
	}
	return nil
}

// current ends a session whose sign-in at the local provider has ended, and refreshes one whose access token has expired.
func (d *Door) current(w http.ResponseWriter, r *http.Request, s *resource, in *session) *session {
	now := d.cfg.Now()
	if in.Access == "" {
		return in
	}
	if !in.Expires.IsZero() && !now.Before(in.Expires) {
		return d.refresh(w, r, s, in)
	}
	d.mu.Lock()
	last, known := d.checked[in.ID]
	d.mu.Unlock()
	if age := now.Sub(last); known && age >= 0 && age < checkEvery {
		return in
	}
	if _, ok := d.cfg.People.Holder(in.Access); !ok {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, at := range d.checked {
		if age := now.Sub(at); age < 0 || age >= checkEvery {
			delete(d.checked, id)
		}
	}
	d.checked[in.ID] = now
	return in
}

// refresh gets new tokens for a session, as the real proxy does while the person is signed in at Google. It returns nil if
// the provider refuses: the person has to sign in again.
func (d *Door) refresh(w http.ResponseWriter, r *http.Request, s *resource, in *session) *session {
	if in.Refresh == "" {
		return nil
	}
	fresh, err := d.refreshing.Do(in.ID, func() (*session, error) {
		// Other requests wait for this one, so it goes on if its own browser leaves.
		tokens, err := d.login.Refresh(context.WithoutCancel(r.Context()), in.Refresh)
		if err != nil {
			return nil, err
		}
		next := *in
		next.ID, next.Access, next.Refresh, next.Expires = door.RandomText(door.Hex, 16), tokens.Access, tokens.Refresh, d.expiry(tokens)
		return &next, nil
	})
	if err != nil || d.setSession(w, s, fresh) != nil {
		return nil
	}
	own := *fresh
	return &own
}

// expiry returns when an access token expires, by the provider's clock; zero if the provider does not say.
func (d *Door) expiry(t door.Tokens) time.Time {
	if t.Expires.IsZero() {
		return time.Time{}
	}
	return d.cfg.Now().Add(time.Until(t.Expires))
}

// warnOfForeignCookie warns once that the browser sends a session cookie which this proxy did not set.
func (d *Door) warnOfForeignCookie(name string) {
	if d.reports.First("cookie") {
		d.cfg.Emit(dev.Warning{Code: dev.CodeAuthCookies, Message: "the browser sent a cookie " + dev.Sanitize(name) + " that this project did not set, so it counts as not signed in",
			Hint: "all projects on one host name share cookies: sign in to one of them at a time, or set x-sdev.auth.iap.audience or x-sdev.host to another value"})
	}
}
