package iap

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// This file is Identity Platform: the page on which guests sign in, at the provider's origin.

// purposeGuest is that of the page's own cookie, by which it knows a guest again, as the real page does by a refresh token
// in the browser.
const purposeGuest = "iap guest"

// guest is what that cookie holds.
type guest struct {
	Email string    `json:"email"`
	At    time.Time `json:"at"`
}

// guestCookie is the name of the page's cookie. It has the form of the provider's own, which the gateway keeps from apps.
func (d *Door) guestCookie() string {
	sum := sha256.Sum256([]byte(d.cfg.Project))
	return "sdev_" + hex.EncodeToString(sum[:4]) + "_iap_guest"
}

// guestPage returns the address of the page. Source of the parameters: gcip-iap 2.0 of Google, the library behind such
// pages.
func (d *Door) guestPage(mode string, s *resource, state, prompt string) string {
	q := url.Values{"apiKey": {"local"}, "mode": {mode}, "state": {state}}
	if s.tenant != "" {
		q.Set("tid", s.tenant)
	}
	if prompt != "" {
		q.Set("prompt", prompt)
	}
	return d.cfg.Issuer + signInPath + "?" + q.Encode()
}

// largestForm limits the body of the form, in bytes.
const largestForm = 16 << 10

// serveGuestPage shows the page, and compares e-mail address and password.
func (d *Door) serveGuestPage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	st, s, ok := d.openState(q.Get("state"))
	switch {
	case !ok || !s.external:
		d.refuse(w, http.StatusBadRequest, "the state parameter is missing, too old, or was changed")
	case r.Method == http.MethodPost:
		r.Body = http.MaxBytesReader(w, r.Body, largestForm)
		d.checkPassword(w, r, s, st)
	case q.Get("mode") == "signout":
		http.SetCookie(w, &http.Cookie{Name: d.guestCookie(), Path: signInPath, MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode})
		d.pages.serve(w, http.StatusOK, page{Title: "You are signed out", Link: d.origins[s] + door.LocalTarget(st.Target), LinkText: "Sign in again"})
	default:
		if email := d.knownGuest(r); email != "" && q.Get("prompt") == "" {
			d.sendBack(w, s, redirectToken{state: st, Guest: email})
			return
		}
		d.pages.serve(w, http.StatusOK, d.form(r, "", ""))
	}
}

// form is the sign-in form.
func (d *Door) form(r *http.Request, email, problem string) page {
	return page{Title: "Sign in", Form: r.URL.RequestURI(), Email: email, Problem: problem, Password: dev.DefaultPassword}
}

// knownGuest returns the guest who has signed in on this page before; "" if there is none. Identity Platform remembers
// people until they sign out.
func (d *Door) knownGuest(r *http.Request) string {
	c, err := r.Cookie(d.guestCookie())
	var g guest
	if err != nil || d.keys.Open(purposeGuest, c.Value, &g) != nil {
		return ""
	}
	if _, known := d.cfg.People.Person(g.Email); !known {
		return ""
	}
	return g.Email
}

// checkPassword answers the form.
func (d *Door) checkPassword(w http.ResponseWriter, r *http.Request, s *resource, st state) {
	email := strings.TrimSpace(r.PostFormValue("email"))
	who, known := d.cfg.People.Person(email)
	if !d.isPassword(email, r.PostFormValue("password")) || !known { // both are always looked at
		d.cfg.Emit(dev.AuthDenied{User: knownEmail(who, known), Client: d.cfg.Client.ID, Reason: "wrong e-mail address or password"})
		d.pages.serve(w, http.StatusUnauthorized, d.form(r, email, "The e-mail address or the password is wrong."))
		return
	}
	d.cfg.Emit(dev.AuthLogin{User: who.Email, Client: d.cfg.Client.ID, Reason: "password"})
	if text, err := d.keys.Seal(purposeGuest, guest{who.Email, d.cfg.Now()}); err == nil {
		http.SetCookie(w, &http.Cookie{Name: d.guestCookie(), Value: text, Path: signInPath, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	d.sendBack(w, s, redirectToken{state: st, Guest: who.Email})
}

// knownEmail is the address for an event: not what somebody has typed, which may be a password in the wrong field.
func knownEmail(who dev.Person, known bool) string {
	if known {
		return who.Email
	}
	return ""
}

// isPassword compares a password with that of one of the people.
func (d *Door) isPassword(email, password string) bool {
	want, set := d.iap.External.Passwords[strings.ToLower(email)]
	if !set {
		want = dev.DefaultPassword
	}
	return subtle.ConstantTimeCompare([]byte(want), []byte(password)) == 1
}
