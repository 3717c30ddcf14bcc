package iap

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// modeParameter is the parameter of the query with which a page addresses the proxy, on any path.
const modeParameter = "gcp-iap-mode"

// Its values. Sources: Google Cloud documentation, "Using query parameters and headers", "Managing IAP sessions" and
// "Managing sessions with external identities"; for FORCE_LOGIN and AUTHENTICATING, captures of real responses.
const (
	modeIdentity       = "IDENTITY"           // who has signed in, as JSON
	modeClear          = "CLEAR_LOGIN_COOKIE" // ends the session of the proxy, and not that of the provider
	modeRefresh        = "DO_SESSION_REFRESH" // signs in again, without a page if the provider knows the person
	modeRefresher      = "SESSION_REFRESHER"  // a page that does so again and again
	modeForce          = "FORCE_LOGIN"        // shows the sign-in page
	modeSignOut        = "GCIP_SIGNOUT"       // ends the session of a guest, here and at Identity Platform
	modeAuthenticating = "AUTHENTICATING"     // the way back from the sign-in
	modeTokenTest      = "SECURE_TOKEN_TEST"  // passes the request on with a token that is wrong
)

// clearPath is the older address of modeClear.
const clearPath = "/_gcp_iap/clear_login_cookie"

// modeOf returns the mode of a request; "" if it has none.
func modeOf(r *http.Request) string {
	switch {
	case r.URL.Path == clearPath:
		return modeClear
	case !strings.Contains(r.URL.RawQuery, modeParameter):
		return ""
	}
	return r.URL.Query().Get(modeParameter)
}

// serveMode answers a request with a mode. It returns false if the request goes on like any other.
func (d *Door) serveMode(w http.ResponseWriter, r *http.Request, s *resource, in *session, mode string) bool {
	switch mode {
	case modeAuthenticating:
		d.authenticate(w, r, s, in)
	case modeClear:
		if in != nil {
			d.cfg.Emit(dev.AuthLogout{User: in.Person.Email, Client: d.cfg.Client.ID, Reason: modeClear})
		}
		generated(w)
		d.clearCookies(w, r)
		redirect(w, d.origins[s]+d.withoutMode(r))
	case modeForce:
		d.signIn(w, r, s, d.withoutMode(r), "login")
	case modeRefresh:
		d.signIn(w, r, s, r.URL.EscapedPath()+"?"+modeParameter+"="+modeRefresher, "")
	case modeRefresher:
		if in == nil {
			return false
		}
		generated(w)
		d.pages.serve(w, http.StatusOK, page{Title: "The session is fresh", Text: "This page keeps the session alive while it is open.",
			Again: d.origins[s] + r.URL.EscapedPath() + "?" + modeParameter + "=" + modeRefresh})
	case modeIdentity:
		if in == nil {
			return false
		}
		d.serveIdentity(w, s, in)
	case modeSignOut:
		if !s.external {
			return false
		}
		d.signOut(w, r, s, in)
	default:
		return false
	}
	return true
}

// withoutMode is the path and query of a request without the proxy's own part.
func (d *Door) withoutMode(r *http.Request) string {
	if r.URL.Path == clearPath {
		return d.cfg.Base + "/"
	}
	q := r.URL.Query()
	q.Del(modeParameter)
	to := url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: q.Encode()}
	return door.LocalTarget(to.RequestURI())
}

// serveIdentity says who has signed in, whether or not the person has access.
func (d *Door) serveIdentity(w http.ResponseWriter, s *resource, in *session) {
	b, err := json.Marshal(map[string]string{"email": s.prefix + in.Person.Email, "sub": s.prefix + s.id(in.Person)})
	if err != nil {
		d.fail(w, err)
		return
	}
	generated(w)
	door.Refuse(w, http.StatusOK, "application/json", string(b))
}

// signOut ends the session of a guest, and leads to the sign-in page, which ends its own.
func (d *Door) signOut(w http.ResponseWriter, r *http.Request, s *resource, in *session) {
	if in != nil {
		d.cfg.Emit(dev.AuthLogout{User: in.Person.Email, Client: d.cfg.Client.ID, Reason: modeSignOut})
	}
	generated(w)
	d.clearCookies(w, r)
	nonce := d.nonce(r)
	text, err := d.keys.Seal(purposeState, state{Nonce: nonce, Audience: s.audience, Target: d.withoutMode(r), At: d.cfg.Now()})
	if err != nil {
		d.fail(w, err)
		return
	}
	redirect(w, d.guestPage("signout", s, text, ""))
}
