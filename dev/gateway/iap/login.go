package iap

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// loginWindow is how long a person may take to sign in: the cookie with the nonce has this lifetime. Source: captures of
// real responses.
const loginWindow = 10 * time.Minute

// signInPath is the page on which guests sign in. Google makes such a page as a service of Cloud Run.
const signInPath = dev.AtPath + "iap-gcip-hosted-ui.run.app/"

// The purposes of sealed values.
const (
	purposeState = "iap state"
	purposeToken = "iap redirect token"
)

// state is a sign-in that has begun.
type state struct {
	Nonce    string    `json:"nonce"`
	Audience string    `json:"audience"` // of the resource
	Target   string    `json:"target"`   // path and query of the request that began it
	At       time.Time `json:"at"`
}

// redirectToken leads a browser back to the app after the sign-in.
type redirectToken struct {
	state
	Code  string `json:"code,omitempty"`  // of the local provider, for colleagues
	Guest string `json:"guest,omitempty"` // e-mail address of a guest whose password was right
}

// signIn begins a sign-in. A script gets 401 instead: it could not follow to another origin. prompt is a parameter of
// OpenID Connect for the sign-in page; "" is none.
func (d *Door) signIn(w http.ResponseWriter, r *http.Request, s *resource, target, prompt string) {
	generated(w)
	if door.IsXHR(r) {
		door.Refuse(w, http.StatusUnauthorized, "text/html; charset=UTF-8", "Nobody is signed in. A page can start a session with ?"+modeParameter+"="+modeRefresh+"\n")
		return
	}
	nonce := d.nonce(r)
	state, err := d.keys.Seal(purposeState, state{Nonce: nonce, Audience: s.audience, Target: target, At: d.cfg.Now()})
	if err != nil {
		d.fail(w, err)
		return
	}
	// The browser compares the date with its own clock, which the provider's may differ from.
	d.setCookie(w, http.Cookie{Name: cookieNonce + nonce, Value: "1", Expires: time.Now().Add(loginWindow), HttpOnly: true})
	extra := url.Values{"access_type": {"offline"}} // for a session that lasts as long as the sign-in
	if prompt != "" {
		extra.Set("prompt", prompt)
	}
	to := d.login.Address(state, extra)
	if s.external {
		to = d.guestPage("login", s, state, prompt)
	}
	redirect(w, to)
}

func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusFound)
}

// nonceLength is 16 bytes in base64.
const nonceLength = 22

// nonce returns the nonce of a sign-in: one that the browser already has, or a new one.
func (d *Door) nonce(r *http.Request) string {
	var sent []string
	for _, c := range r.Cookies() {
		if nonce, ok := strings.CutPrefix(c.Name, cookieNonce); ok {
			sent = append(sent, nonce)
		}
	}
	return door.Nonce(sent, nonceLength)
}

// ServeSignIn answers for the proxy's own pages at the provider's origin: the callback address, and the sign-in page of
// guests.
func (d *Door) ServeSignIn(w http.ResponseWriter, r *http.Request) bool {
	switch r.URL.Path {
	case dev.IAPCallback(d.cfg.Client.ID):
		d.serveRedirect(w, r)
	case signInPath:
		d.serveGuestPage(w, r)
	default:
		return false
	}
	return true
}

// serveRedirect leads the browser from the provider back to the app. The proxy redeems the code there, where it can
// compare the browser's cookie.
func (d *Door) serveRedirect(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	st, s, ok := d.openState(q.Get("state"))
	switch {
	case !ok:
		d.refuse(w, http.StatusBadRequest, "the state parameter is missing, too old, or was changed")
	case q.Get("error") != "":
		d.refuse(w, http.StatusUnauthorized, "the provider answered "+dev.Sanitize(q.Get("error")))
	case q.Get("code") == "":
		d.refuse(w, http.StatusBadRequest, "the provider sent no code")
	default:
		d.sendBack(w, s, redirectToken{state: st, Code: q.Get("code")})
	}
}

// openState reads the state of a sign-in, and returns its resource.
func (d *Door) openState(text string) (st state, s *resource, ok bool) {
	if d.keys.Open(purposeState, text, &st) != nil {
		return st, nil, false
	}
	return st, d.resourceFor(st), d.isCurrent(st)
}

func (d *Door) isCurrent(st state) bool {
	age := d.cfg.Now().Sub(st.At)
	return age >= 0 && age <= loginWindow && d.resourceFor(st) != nil
}

func (d *Door) resourceFor(st state) *resource {
	for _, s := range d.resources {
		if s.audience == st.Audience {
			return s
		}
	}
	return nil
}

// sendBack redirects the browser to the app with a redirect token. Source of the parameters: captures of real responses.
func (d *Door) sendBack(w http.ResponseWriter, s *resource, token redirectToken) {
	text, err := d.keys.Seal(purposeToken, token)
	if err != nil {
		d.fail(w, err)
		return
	}
	path, _, _ := strings.Cut(door.LocalTarget(token.Target), "?")
	redirect(w, d.origins[s]+path+"?"+url.Values{modeParameter: {modeAuthenticating}, "redirect_token_v2": {text}}.Encode())
}

// authenticate ends a sign-in at the app's host: it starts a session.
func (d *Door) authenticate(w http.ResponseWriter, r *http.Request, s *resource, in *session) {
	generated(w)
	var token redirectToken
	err := d.keys.Open(purposeToken, r.URL.Query().Get("redirect_token_v2"), &token)
	_, noNonce := r.Cookie(cookieNonce + token.Nonce)
	switch {
	case err != nil || token.Audience != s.audience:
		d.refuse(w, http.StatusBadRequest, "the redirect token is missing, or was changed: error code 9")
	case in != nil && !in.At.Before(token.At): // this very sign-in has ended before: the page was loaded again
		redirect(w, d.origins[s]+door.LocalTarget(token.Target))
	case !d.isCurrent(token.state) || noNonce != nil:
		d.refuse(w, http.StatusBadRequest, "the sign-in took longer than 10 minutes, or began in another browser: error code 9")
	default:
		d.start(w, r, s, token)
	}
}

// start starts the session of somebody who has signed in.
func (d *Door) start(w http.ResponseWriter, r *http.Request, s *resource, token redirectToken) {
	in := &session{ID: door.RandomText(door.Hex, 16), At: d.cfg.Now()}
	if s.external {
		who, known := d.cfg.People.Person(token.Guest)
		if !known {
			d.refuse(w, http.StatusUnauthorized, "the account was removed")
			return
		}
		in.Person = who
	} else if err := d.redeem(r, in, token.Code); err != nil {
		if refusal, ok := errors.AsType[*door.Refusal](err); ok {
			d.refuse(w, http.StatusUnauthorized, refusal.Error())
			return
		}
		d.fail(w, err)
		return
	}
	if err := d.setSession(w, s, in); err != nil {
		d.fail(w, err)
		return
	}
	redirect(w, d.origins[s]+door.LocalTarget(token.Target))
}

// redeem exchanges a code, and sets who signed in.
func (d *Door) redeem(r *http.Request, in *session, code string) error {
	tokens, err := d.login.Exchange(r.Context(), code)
	if err != nil {
		return err
	}
	who, ok := d.cfg.People.Holder(tokens.Access)
	if !ok {
		return errors.New("the access token is no longer valid")
	}
	in.Person, in.Access, in.Refresh, in.Expires = who, tokens.Access, tokens.Refresh, d.expiry(tokens)
	return nil
}

// refuse answers a sign-in that cannot go on, and reports why.
func (d *Door) refuse(w http.ResponseWriter, status int, why string) {
	d.cfg.Emit(dev.AuthDenied{Client: d.cfg.Client.ID, Reason: why})
	generated(w)
	d.pages.serve(w, status, page{Title: "The sign-in did not work", Text: "Open the app's page again to sign in again. What went wrong: " + why + "."})
}
