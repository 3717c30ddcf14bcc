package oidc

import (
	"net/http"
	"net/url"
	"slices"

	"sdev/dev"
)

// serveEndSession signs a person out (OpenID Connect RP-Initiated Logout 1.0). Below Cognito's path
// it takes Cognito's parameters and no others.
func (p *Provider) serveEndSession(x *exchange) error {
	if err := x.once(); err != nil {
		return err
	}
	if p.profile.name == "cognito" && x.r.URL.Path == p.base.Path+"/logout" {
		return x.cognitoLogout()
	}
	c, named, err := x.leaving()
	if err != nil {
		return err
	}
	back := x.one("post_logout_redirect_uri")
	if back != "" {
		if !named {
			return &refusal{Code: "invalid_request", About: "who signs out is not said", Fix: "have the app send client_id or id_token_hint along with post_logout_redirect_uri."}
		}
		if err := checkPostLogout(c, back); err != nil {
			return err
		}
	}
	if err := x.finishLogout(c.ID); err != nil {
		return err
	}
	if back == "" {
		return x.signedOut(c)
	}
	return x.goTo(back, map[string]string{"state": x.one("state")})
}

// leaving is the client from which somebody signs out. An ID token that has run out is as good as
// another: it only says who is meant.
func (x *exchange) leaving() (dev.Client, bool, error) {
	id := x.one("client_id")
	if hint := x.one("id_token_hint"); hint != "" {
		c, ok := x.p.read(hint)
		if !ok {
			return dev.Client{}, false, &refusal{Code: "invalid_request", About: "id_token_hint is not a token of this provider", Fix: "sign in anew: the keys of the provider may have been made anew since."}
		}
		aud := c.text("aud")
		if id != "" && id != aud {
			return dev.Client{}, false, refused("invalid_request", "client_id is not the client that the id_token_hint was made for")
		}
		id = aud
	}
	if id == "" {
		return dev.Client{}, false, nil
	}
	c, ok := x.p.client(id)
	if !ok {
		return dev.Client{}, false, x.unknownClient(id)
	}
	x.client = c.ID
	return c, true, nil
}

// cognitoLogout follows the LOGOUT endpoint of Amazon Cognito: client_id with logout_uri, or with
// redirect_uri and response_type, which leads to the sign-in again. It knows nothing of
// post_logout_redirect_uri.
func (x *exchange) cognitoLogout() error {
	c, ok := x.p.client(x.one("client_id"))
	if !ok {
		return x.unknownClient(x.one("client_id"))
	}
	x.client = c.ID
	logout, redirect := x.one("logout_uri"), x.one("redirect_uri")
	switch {
	case logout != "":
		if !registered(c.PostLogout, c.Loopback, logout) {
			return mismatch("logout_uri", logout, c.PostLogout, c.Loopback)
		}
	case redirect != "" && x.one("response_type") != "":
		if err := checkRedirect(c, redirect); err != nil {
			return err
		}
	default:
		return &refusal{
			Code: "invalid_request", About: "Cognito signs out with client_id and logout_uri; neither logout_uri nor redirect_uri was sent",
			Fix: "have the app send logout_uri: post_logout_redirect_uri means nothing to Cognito.",
		}
	}
	if err := x.finishLogout(c.ID); err != nil {
		return err
	}
	if logout != "" {
		return x.goTo(logout, nil)
	}
	http.Redirect(x.w, x.r, x.p.base.Path+"/oauth2/authorize?"+x.form.Encode(), http.StatusSeeOther)
	return nil
}

func (x *exchange) finishLogout(client string) error {
	s, _ := x.session()
	if err := x.admit(client, s.Person.Email); err != nil {
		return err
	}
	ended, was, err := x.signOut()
	if err != nil {
		return err
	}
	if was {
		x.tellClients(x.r.Context(), ended)
		x.p.emit(dev.AuthLogout{User: s.Person.Email, Client: client, Reason: "signed out"})
	}
	return nil
}

// goTo sends the browser to an address that is known to be registered.
func (x *exchange) goTo(address string, query map[string]string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	q := make(url.Values)
	for name, v := range query {
		if v != "" {
			q.Set(name, v)
		}
	}
	if u.RawQuery != "" && len(q) > 0 {
		u.RawQuery += "&" // what was registered stays as it is
	}
	u.RawQuery += q.Encode()
	status := http.StatusFound
	if x.r.Method == http.MethodPost {
		status = http.StatusSeeOther // a 302 may be followed by a second POST
	}
	x.w.Header().Set("Location", u.String())
	x.w.WriteHeader(status)
	return nil
}

// signedOut says that somebody has left, with a way back where the client has one.
func (x *exchange) signedOut(c dev.Client) error {
	page := signedOutPage{Frame: x.frame("Signed out"), Client: c.Name}
	if i := slices.IndexFunc(c.PostLogout, func(s string) bool {
		u, err := url.Parse(s)
		return err == nil && (u.Scheme == "http" || u.Scheme == "https")
	}); i >= 0 {
		page.Back = c.PostLogout[i]
	}
	x.page(http.StatusOK, "signedout", page)
	return nil
}
