package oidc

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"

	"sdev/dev"
)

// farewell is a request to sign out that has been read, and whose client and addresses are good.
type farewell struct {
	client dev.Client // without an id where nobody says who asks
	back   string     // where people go afterwards; "" shows them a page
	state  string
	again  bool   // Cognito: they are asked to sign in again
	hint   claims // the ID token that the client shows; nil where it shows none
	mute   bool   // Cognito: there is no way to show one
}

// serveEndSession signs a person out (OpenID Connect RP-Initiated Logout 1.0). Below Cognito's path
// it takes Cognito's parameters and no others. Who cannot be known to have meant it is asked.
func (p *Provider) serveEndSession(x *exchange) error {
	if x.inPassing() || x.inFrame() {
		return notInPassing()
	}
	f, err := x.farewell(x.r.URL.Path)
	if err != nil {
		return err
	}
	if s, ok := x.session(); ok && !x.meant(f, s) {
		return x.askToLeave(f, s)
	}
	return x.leave(f)
}

// serveSignOut takes the form by which somebody says that they want to leave.
func (p *Provider) serveSignOut(x *exchange) error {
	if err := x.checkForm(x.one("request")); err != nil {
		return err
	}
	u, err := url.Parse(x.one("request"))
	if err != nil {
		return refused("invalid_request", "the form is not whole: start again in the app")
	}
	x.form = u.Query()
	f, err := x.farewell(u.Path)
	if err != nil {
		return err
	}
	return x.leave(f)
}

// farewell reads a request to sign out, for the endpoint's path that it was sent to.
func (x *exchange) farewell(path string) (farewell, error) {
	if err := x.once(); err != nil {
		return farewell{}, err
	}
	if x.p.profile.name == "cognito" && path == x.p.base.Path+"/logout" {
		return x.cognitoFarewell()
	}
	f, err := x.leaving()
	if err != nil {
		return farewell{}, err
	}
	f.back, f.state = x.one("post_logout_redirect_uri"), x.one("state")
	if f.back == "" {
		return f, nil
	}
	if f.client.ID == "" {
		return farewell{}, &refusal{Code: "invalid_request", About: "who signs out is not said", Fix: "have the app send client_id or id_token_hint along with post_logout_redirect_uri."}
	}
	return f, checkPostLogout(f.client, f.back)
}

// meant reports whether it is certain that whoever is signed in asks to leave. An ID token of theirs says
// so: the app has it, and no other page. Cognito takes none; there somebody has to have followed a link of
// the app's own page.
func (x *exchange) meant(f farewell, s session) bool {
	if f.hint != nil {
		return f.hint.text("sid") == s.ID || f.hint.text("sub") == x.p.subject(s.Person)
	}
	return f.mute && x.r.Header.Get("Sec-Fetch-User") == "?1" && x.fromPageOf(f.client)
}

// fromPageOf reports whether the page that leads here is one of the client's, by the addresses that it
// has registered.
func (x *exchange) fromPageOf(c dev.Client) bool {
	from, err := url.Parse(x.r.Header.Get("Referer"))
	return err == nil && from.Host != "" && slices.ContainsFunc(slices.Concat(c.RedirectURIs, c.PostLogout), func(uri string) bool {
		u, err := url.Parse(uri)
		return err == nil && u.Scheme == from.Scheme && u.Host == from.Host
	})
}

// askToLeave asks whoever is signed in.
func (x *exchange) askToLeave(f farewell, s session) error {
	if err := x.admit(f.client.ID, s.Person.Email); err != nil {
		return err
	}
	x.page(http.StatusOK, "signout", signOutPage{
		Frame: x.frame("Sign out"), Client: cmp.Or(f.client.Name, f.client.ID), SignedIn: s.Person.Email,
		Action: x.p.base.Path + "/signout", Hidden: x.signOutForm(x.r.URL.Path + "?" + x.form.Encode()),
	})
	return nil
}

// signOutForm is what the form holds by which somebody leaves, as request asked for.
func (x *exchange) signOutForm(request string) []detail {
	return []detail{{"request", request}, {"csrf", x.formToken("/signout", request)}}
}

// leave signs whoever is there out, and sends them back.
func (x *exchange) leave(f farewell) error {
	if err := x.finishLogout(f.client.ID); err != nil {
		return err
	}
	switch {
	case f.again:
		http.Redirect(x.w, x.r, x.p.base.Path+"/oauth2/authorize?"+x.form.Encode(), http.StatusSeeOther)
		return nil
	case f.back == "":
		return x.signedOut(f.client)
	}
	return x.goTo(f.back, map[string]string{"state": f.state})
}

// leaving is the client from which somebody signs out. An ID token that has run out is as good as
// another: it only says who is meant.
func (x *exchange) leaving() (farewell, error) {
	var f farewell
	id := x.one("client_id")
	if hint := x.one("id_token_hint"); hint != "" {
		c, ok := x.p.read(hint)
		if !ok {
			return f, &refusal{Code: "invalid_request", About: "id_token_hint is not a token of this provider", Fix: "sign in again: the provider may have new keys since then."}
		}
		aud := c.text("aud")
		if id != "" && id != aud {
			return f, refused("invalid_request", "client_id is not the client that the id_token_hint was made for")
		}
		id, f.hint = aud, c
	}
	if id == "" {
		return f, nil
	}
	var ok bool
	if f.client, ok = x.p.client(id); !ok {
		return f, x.unknownClient(id)
	}
	x.client = f.client.ID
	return f, nil
}

// cognitoFarewell follows the LOGOUT endpoint of Amazon Cognito: client_id with logout_uri, or with
// redirect_uri and response_type, which leads to the sign-in again. It knows nothing of
// post_logout_redirect_uri.
func (x *exchange) cognitoFarewell() (farewell, error) {
	c, ok := x.p.client(x.one("client_id"))
	if !ok {
		return farewell{}, x.unknownClient(x.one("client_id"))
	}
	x.client = c.ID
	f := farewell{client: c, mute: true}
	logout, redirect := x.one("logout_uri"), x.one("redirect_uri")
	switch {
	case logout != "":
		if !registered(c.PostLogout, c.Loopback, logout) {
			return f, mismatch("logout_uri", logout, c.PostLogout, c.Loopback)
		}
		f.back = logout
		return f, nil
	case redirect != "" && x.one("response_type") != "":
		f.again = true
		return f, checkRedirect(c, redirect)
	}
	return f, &refusal{
		Code: "invalid_request", About: "Cognito signs out with client_id and logout_uri; neither logout_uri nor redirect_uri was sent",
		Fix: "have the app send logout_uri: post_logout_redirect_uri means nothing to Cognito.",
	}
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
