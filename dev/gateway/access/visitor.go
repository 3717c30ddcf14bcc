package access

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"sdev/dev"
)

// The headers and cookies of Access. Source: Cloudflare, "Authorization cookie".
const (
	headerToken = "Cf-Access-Jwt-Assertion"
	headerEmail = "Cf-Access-Authenticated-User-Email"
	// headerOwnToken carries a token that a program got by "cloudflared access token".
	headerOwnToken = "Cf-Access-Token"

	cookieToken      = "CF_Authorization" // of an application, and of the team
	cookieAppSession = "CF_AppSession"    // ties a sign-in to the browser that began it
	cookieSession    = "CF_Session"       // the same at the team's host
	cookieBinding    = "CF_Binding"       // ties a token to the browser that got it
)

// visitor is whoever sent a valid token.
type visitor struct {
	raw        string
	token      token
	fromCookie bool
	who        dev.Person              // of a person
	identity   identity                // of a person
	service    *dev.AccessServiceToken // nil for a person
}

func (v *visitor) email() string {
	if v == nil {
		return ""
	}
	return v.who.Email
}

func (v *visitor) person() *dev.Person {
	if v == nil || v.service != nil {
		return nil
	}
	return &v.who
}

// visitorOf returns who makes a request of an application; nil if nobody has signed in to it. Several cookies have the
// same name: one for each application's path, and that of the team. An app of nil means any.
func (d *Door) visitorOf(r *http.Request, app *dev.AccessApplication) *visitor {
	fits := func(t token) bool {
		return t.Type == typeApp && slices.ContainsFunc(d.apps, func(a dev.AccessApplication) bool {
			return (app == nil || a.Audience == app.Audience) && slices.Contains(t.Audience, a.Audience)
		})
	}
	for _, c := range r.CookiesNamed(cookieToken) {
		if v := d.holderOf(c.Value, fits); v != nil && d.isBound(r, v) {
			v.fromCookie = true
			return v
		}
	}
	if raw := r.Header.Get(headerOwnToken); raw != "" {
		return d.holderOf(raw, fits)
	}
	return nil
}

// holderOf returns whom a token is about; nil if it is not valid or does not fit.
func (d *Door) holderOf(raw string, fits func(token) bool) *visitor {
	v := &visitor{raw: raw}
	if err := d.verify(raw, &v.token); err != nil {
		if errors.Is(err, errForeign) {
			d.warnOfForeignCookie()
		}
		return nil
	}
	if !fits(v.token) {
		return nil
	}
	if v.token.CommonName != "" {
		i := slices.IndexFunc(d.access.Tokens, func(s dev.AccessServiceToken) bool { return s.ID == v.token.CommonName })
		if i < 0 || !d.access.Lenient {
			return nil
		}
		v.service = &d.access.Tokens[i]
		return v
	}
	var ok bool
	if v.identity, ok = d.known.find(v.token.Nonce); !ok {
		return nil
	}
	v.who = d.current(v.identity.Person)
	return v
}

// current returns the current data of a person; of somebody who is not of the project, that of the sign-in.
func (d *Door) current(who dev.Person) dev.Person {
	if now, ok := d.cfg.People.Person(who.Email); ok {
		return now
	}
	return who
}

// isBound reports whether the browser also sends the binding cookie of the token, if the settings ask for it.
func (d *Door) isBound(r *http.Request, v *visitor) bool {
	if !d.access.Cookie.Binding {
		return true
	}
	for _, c := range r.CookiesNamed(cookieBinding) {
		var bound string
		if d.keys.Open(purposeBinding, c.Value, &bound) == nil && bound == hash(v.raw) {
			return true
		}
	}
	return false
}

// appSessionOf returns the value of the cookie that ties sign-ins to the browser; "" if it has none of the right form.
func appSessionOf(r *http.Request) string { return cookieOf(r, cookieAppSession) }

// cookieOf returns a cookie's value if it has the form of newCookieValue.
func cookieOf(r *http.Request, name string) string {
	for _, c := range r.CookiesNamed(name) {
		if len(c.Value) == cookieValueSize && isHex(c.Value) {
			return c.Value
		}
	}
	return ""
}

func isHex(s string) bool {
	for _, c := range s {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// warnOfForeignCookie warns once that the browser sends a token which this project did not sign.
func (d *Door) warnOfForeignCookie() {
	if d.reports.First("cookie") {
		d.cfg.Emit(dev.Warning{Code: dev.CodeAuthCookies, Message: fmt.Sprintf("the browser sent a cookie %s that this project did not set, so it counts as not signed in", cookieToken),
			Hint: "all projects on one host name share cookies: sign in to one of them at a time, or give the project a host of its own: x-sdev.host: NAME.localhost"})
	}
}
