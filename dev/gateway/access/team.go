package access

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

const (
	sessionLifetime = 4 * time.Hour
	// teamPath limits the team's cookies to its own pages: in the browser the team and the app may have the same host name.
	teamPath = "/cdn-cgi/access"
)

// ServeHost serves the team's host inside the app's network namespace.
func (d *Door) ServeHost(w http.ResponseWriter, r *http.Request) {
	if !d.ServeSignIn(w, r) {
		http.NotFound(w, r)
	}
}

// ServeSignIn serves the team's host at the provider's origin.
func (d *Door) ServeSignIn(w http.ResponseWriter, r *http.Request) bool {
	sub, ok := strings.CutPrefix(r.URL.Path, prefix)
	if !ok {
		return false
	}
	host, isLogin := strings.CutPrefix(sub, "login/")
	switch {
	case sub == "certs":
		d.serveCerts(w, r)
	case sub == "get-identity":
		d.serveIdentity(w, d.anyVisitor(r))
	case sub == "callback":
		d.serveCallback(w, r)
	case sub == "logout":
		d.serveTeamLogout(w, r)
	case isLogin:
		d.serveTeamLogin(w, r, host)
	default:
		d.refuse(w, http.StatusNotFound, "Not found", "Access has no such page.", "")
	}
	return true
}

// anyVisitor returns whom the team's cookie names, or else an application's.
func (d *Door) anyVisitor(r *http.Request) *visitor {
	if v := d.memberOf(r); v != nil {
		return v
	}
	return d.visitorOf(r, nil)
}

// memberOf returns who has signed in at the team's host; nil if nobody has.
func (d *Door) memberOf(r *http.Request) *visitor {
	isOrg := func(t token) bool { return t.Type == typeOrg && slices.Contains(t.Audience, d.access.OrgAudience()) }
	for _, c := range r.CookiesNamed(cookieToken) {
		if v := d.holderOf(c.Value, isOrg); v != nil {
			return v
		}
	}
	return nil
}

// loginState is the state parameter of an authorization request.
type loginState struct {
	Session    string    `json:"session"` // hash of the cookie CF_Session
	Audience   string    `json:"audience"`
	Target     string    `json:"target"`
	AppSession string    `json:"app_session"` // hash
	At         time.Time `json:"at"`
}

// loginWindow is how long a person may take to sign in.
const loginWindow = time.Hour

// serveTeamLogin signs somebody in to an application: at once if they have signed in to the team, or else at the provider.
func (d *Door) serveTeamLogin(w http.ResponseWriter, r *http.Request, host string) {
	q := r.URL.Query()
	target := door.LocalTarget(q.Get("redirect_url"))
	if name, _, _ := strings.Cut(d.host, ":"); host != d.host && host != name { // libraries write the name only
		d.refuse(w, http.StatusNotFound, "Not found", "Access has no application for this host.", "")
		return
	}
	var meta struct {
		Type       string `json:"type"`
		Audience   string `json:"aud"`
		Host       string `json:"hostname"`
		Target     string `json:"redirect_url"`
		AppSession string `json:"app_session_hash"`
	}
	err := d.verify(q.Get("meta"), &meta)
	if err != nil || meta.Type != typeMeta || meta.Host != d.host || meta.Audience != q.Get("kid") || meta.Target != q.Get("redirect_url") {
		redirect(w, d.cfg.Origin+prefix+"login?redirect_url="+url.QueryEscape(target)) // a bookmark: from the start
		return
	}
	st := loginState{Audience: meta.Audience, Target: target, AppSession: meta.AppSession, At: d.cfg.Now()}
	if v := d.memberOf(r); v != nil {
		d.authorize(w, r, v.identity, st)
		return
	}
	session := cookieOf(r, cookieSession)
	if session == "" {
		session = newCookieValue()
		d.setTeamCookie(w, cookieSession, session, sessionLifetime)
	}
	st.Session = hash(session)
	sealed, err := d.keys.Seal(purposeLogin, st)
	if err != nil {
		d.fail(w, err)
		return
	}
	// The provider asks who it is, even if it knows somebody: the team remembers people by itself.
	redirect(w, d.login.Address(sealed, url.Values{"prompt": {"select_account"}}))
}

// serveCallback answers the browser when it returns from the provider.
func (d *Door) serveCallback(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var st loginState
	if err := d.keys.Open(purposeLogin, q.Get("state"), &st); err != nil {
		d.invalid(w, "the state parameter is missing or was changed", d.cfg.Origin+"/")
		return
	}
	age := d.cfg.Now().Sub(st.At)
	session := cookieOf(r, cookieSession)
	switch again := d.cfg.Origin + door.LocalTarget(st.Target); {
	case age < 0 || age > loginWindow:
		d.invalid(w, "the sign-in took longer than an hour", again)
	case session == "" || hash(session) != st.Session:
		d.invalid(w, "the cookie "+cookieSession+" is missing, or belongs to another sign-in", again)
	case q.Get("error") != "":
		why := "the provider answered " + dev.Sanitize(q.Get("error"))
		d.cfg.Emit(dev.AuthDenied{Client: d.cfg.Client.ID, Reason: why})
		d.refuse(w, http.StatusForbidden, "Sign-in failed", "The sign-in did not succeed: "+why+".", again)
	case q.Get("code") == "":
		d.invalid(w, "the provider sent no code", again)
	default:
		d.signIn(w, r, q.Get("code"), st)
	}
}

// signIn redeems a code, and signs somebody in to the team.
func (d *Door) signIn(w http.ResponseWriter, r *http.Request, code string, st loginState) {
	tokens, err := d.login.Exchange(r.Context(), code)
	if refused, ok := errors.AsType[*door.Refusal](err); ok {
		d.cfg.Emit(dev.AuthDenied{Client: d.cfg.Client.ID, Reason: refused.Error()})
		d.refuse(w, http.StatusForbidden, "Sign-in failed", "The sign-in did not succeed: "+refused.Error()+".", d.cfg.Origin+door.LocalTarget(st.Target))
		return
	}
	if err != nil {
		d.fail(w, err)
		return
	}
	who, ok := d.cfg.People.Holder(tokens.Access)
	if !ok {
		d.fail(w, errors.New("the provider's token is no longer valid"))
		return
	}
	d.keep(d.rotateIfDue())
	id := identity{Nonce: door.RandomText(alphabet, 16), Person: who, At: d.cfg.Now(), IP: d.sourceOf(r).String(), Country: d.access.Country}
	t, err := personToken(d.access, who, id.Nonce, d.access.OrgAudience(), typeOrg, id.At, d.access.Global)
	if err == nil {
		var raw string
		if raw, err = sign(d.keys.Signing(), t.members()); err == nil {
			d.setTeamCookie(w, cookieToken, raw, d.access.Global)
		}
	}
	if err != nil {
		d.fail(w, err)
		return
	}
	d.keep(d.known.add(id))
	d.authorize(w, r, id, st)
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// authorize sends the browser to the edge with the permission to get the application's token, or refuses.
func (d *Door) authorize(w http.ResponseWriter, r *http.Request, id identity, st loginState) {
	who := d.current(id.Person)
	target, err := url.Parse(door.LocalTarget(st.Target))
	if err != nil {
		target = &url.URL{Path: "/"}
	}
	v := d.access.Decide(d.apps, dev.AccessRequest{Path: target.Path, Person: &who, IP: d.sourceOf(r), Country: d.access.Country})
	if v.Decision != dev.Allowed {
		d.deny(who.Email, v.Path, v.Rule+": "+v.Why)
		d.refuse(w, http.StatusForbidden, "Forbidden", "The account "+who.Email+" does not have access.", d.signOutAddress(st.Target))
		return
	}
	a := authorized{Nonce: door.RandomText(alphabet, 16), Identity: id.Nonce, Audience: st.Audience, Target: st.Target, AppSession: st.AppSession, At: d.cfg.Now()}
	sealed, err := d.keys.Seal(purposeAuthorized, a)
	if err != nil {
		d.fail(w, err)
		return
	}
	redirect(w, d.cfg.Origin+prefix+"authorized?nonce="+a.Nonce+"&state="+sealed)
}

// serveTeamLogout signs out of the team, and so of all applications. returnTo may name a page of the app.
func (d *Door) serveTeamLogout(w http.ResponseWriter, r *http.Request) {
	if v := d.anyVisitor(r); v != nil && v.service == nil {
		d.signOut(v.identity)
	}
	d.setTeamCookie(w, cookieToken, "", 0)
	d.setTeamCookie(w, cookieSession, "", 0)
	to := r.URL.Query().Get("returnTo")
	if to == d.cfg.Origin || strings.HasPrefix(to, d.cfg.Origin+"/") {
		redirect(w, to)
		return
	}
	d.refuse(w, http.StatusOK, "Signed out", "You have signed out of all applications.", d.cfg.Origin+d.cfg.Base+"/")
}

// signOutAddress leads somebody who has no access to the sign-in page, and then back.
func (d *Door) signOutAddress(target string) string {
	return d.cfg.Issuer + prefix + "logout?returnTo=" + url.QueryEscape(d.cfg.Origin+door.LocalTarget(target))
}

// setTeamCookie sets a cookie of the team; a lifetime of 0 removes it.
func (d *Door) setTeamCookie(w http.ResponseWriter, name, value string, lifetime time.Duration) {
	c := &http.Cookie{Name: name, Value: value, Path: teamPath, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(d.cfg.Issuer, "https:"), MaxAge: int(lifetime / time.Second)}
	if lifetime == 0 {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}
