package oidc

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"

	"sdev/dev"
)

// logoutRequest is a parsed logout request with valid client and addresses.
type logoutRequest struct {
	client      dev.Client // empty if the request does not say which
	back        string     // where the browser goes afterwards; "" shows a page
	state       string
	signInAgain bool   // Cognito: the sign-in page follows
	hint        claims // claims of id_token_hint; nil without one
	noHint      bool   // Cognito: the request cannot have a hint
}

// serveEndSession signs a user out (OpenID Connect RP-Initiated Logout 1.0). Under Cognito's path it takes only
// Cognito's parameters. Unless it is certain that the user meant it, it asks.
func (p *Provider) serveEndSession(rc *requestContext) error {
	if rc.isSubresource() || rc.inFrame() {
		return subresourceError()
	}
	req, err := rc.parseLogout(rc.r.URL.Path)
	if err != nil {
		return err
	}
	if s, ok := rc.session(); ok && !rc.isConfirmed(req, s) {
		return rc.confirmLogout(req, s)
	}
	return rc.logOut(req)
}

// serveSignOut handles the form by which a user confirms the logout.
func (p *Provider) serveSignOut(rc *requestContext) error {
	if err := rc.checkForm(rc.param("request")); err != nil {
		return err
	}
	u, err := url.Parse(rc.param("request"))
	if err != nil {
		return newError("invalid_request", "the form is incomplete: start again in the app")
	}
	rc.form = u.Query()
	req, err := rc.parseLogout(u.Path)
	if err != nil {
		return err
	}
	return rc.logOut(req)
}

// parseLogout parses a logout request that was sent to path.
func (rc *requestContext) parseLogout(path string) (logoutRequest, error) {
	if err := rc.checkDuplicates(); err != nil {
		return logoutRequest{}, err
	}
	if rc.p.profile.name == "cognito" && path == rc.p.base.Path+"/logout" {
		return rc.parseCognitoLogout()
	}
	req, err := rc.logoutClient()
	if err != nil {
		return logoutRequest{}, err
	}
	req.back, req.state = rc.param("post_logout_redirect_uri"), rc.param("state")
	if rc.p.cfg.Mapped != nil && req.client.ID == "" {
		req.client = rc.p.cfg.Mapped.Client
	}
	if req.back == "" {
		return req, nil
	}
	if req.client.ID == "" && req.client.Page == "" {
		return logoutRequest{}, &protocolError{Code: "invalid_request", Description: "the request does not say which client signs out", Fix: "have the app send client_id or id_token_hint with post_logout_redirect_uri."}
	}
	return req, checkPostLogout(req.client, req.back)
}

// isConfirmed reports whether it is certain that the signed-in user asked for the logout. Their ID token proves
// it, because only the app has it. Cognito accepts none; there the user must have followed a link on the app's
// own page.
func (rc *requestContext) isConfirmed(req logoutRequest, s session) bool {
	if req.hint != nil {
		return req.hint.text("sid") == s.ID || req.hint.text("sub") == rc.p.subject(s.Person)
	}
	return req.noHint && rc.r.Header.Get("Sec-Fetch-User") == "?1" && rc.fromPageOf(req.client)
}

// fromPageOf reports whether the referring page has the origin of one of the client's registered addresses.
func (rc *requestContext) fromPageOf(c dev.Client) bool {
	from, err := url.Parse(rc.r.Header.Get("Referer"))
	return err == nil && from.Host != "" && slices.ContainsFunc(slices.Concat(c.RedirectURIs, c.PostLogout), func(uri string) bool {
		u, err := url.Parse(uri)
		return err == nil && u.Scheme == from.Scheme && u.Host == from.Host
	})
}

// confirmLogout asks the signed-in user.
func (rc *requestContext) confirmLogout(req logoutRequest, s session) error {
	if err := rc.injectFaults(req.client.ID, s.Person.Email); err != nil {
		return err
	}
	rc.page(http.StatusOK, "signout", signOutPage{
		Frame: rc.frame("Sign out"), Client: cmp.Or(req.client.Name, req.client.ID), SignedIn: s.Person.Email,
		Action: rc.p.base.Path + "/signout", Hidden: rc.signOutForm(rc.r.URL.Path + "?" + rc.form.Encode()),
	})
	return nil
}

// signOutForm is the hidden fields of the form that confirms a logout request.
func (rc *requestContext) signOutForm(request string) []detail {
	return []detail{{"request", request}, {"csrf", rc.formToken("/signout", request)}}
}

// logOut signs the user out and redirects the browser.
func (rc *requestContext) logOut(req logoutRequest) error {
	if err := rc.finishLogout(req.client.ID); err != nil {
		return err
	}
	switch {
	case req.signInAgain:
		http.Redirect(rc.w, rc.r, rc.p.base.Path+"/oauth2/authorize?"+rc.form.Encode(), http.StatusSeeOther)
		return nil
	case req.back == "":
		return rc.signedOut(req.client)
	}
	return rc.redirect(returnAddress(req.client, req.back), map[string]string{"state": req.state})
}

// logoutClient finds the client that a logout comes from. An expired ID token is accepted: it only identifies
// client and user.
func (rc *requestContext) logoutClient() (logoutRequest, error) {
	var req logoutRequest
	id := rc.param("client_id")
	if hint := rc.param("id_token_hint"); hint != "" {
		c, ok := rc.p.verifyToken(hint)
		if !ok {
			return req, &protocolError{Code: "invalid_request", Description: "id_token_hint is not a token of this provider", Fix: "sign in again: the provider may have changed its keys."}
		}
		aud := c.text("aud")
		if id != "" && id != aud {
			return req, newError("invalid_request", "client_id is not the client that got the id_token_hint")
		}
		id, req.hint = aud, c
	}
	if id == "" {
		return req, nil
	}
	var ok bool
	if req.client, ok = rc.p.client(id); !ok {
		return req, rc.unknownClient(id)
	}
	rc.client = req.client.ID
	return req, nil
}

// parseCognitoLogout follows the LOGOUT endpoint of Amazon Cognito: client_id with logout_uri, or with
// redirect_uri and response_type, which leads to the sign-in page. It ignores post_logout_redirect_uri.
func (rc *requestContext) parseCognitoLogout() (logoutRequest, error) {
	c, ok := rc.p.client(rc.param("client_id"))
	if !ok {
		return logoutRequest{}, rc.unknownClient(rc.param("client_id"))
	}
	rc.client = c.ID
	req := logoutRequest{client: c, noHint: true}
	logout, redirect := rc.param("logout_uri"), rc.param("redirect_uri")
	switch {
	case logout != "":
		if !registered(c.PostLogout, c.Loopback, logout) {
			return req, mismatch("logout_uri", logout, c.PostLogout, c.Loopback)
		}
		req.back = logout
		return req, nil
	case redirect != "" && rc.param("response_type") != "":
		req.signInAgain = true
		return req, checkRedirect(c, redirect)
	}
	return req, &protocolError{
		Code: "invalid_request", Description: "Cognito needs client_id and logout_uri; the app sent neither logout_uri nor redirect_uri",
		Fix: "have the app send logout_uri: Cognito ignores post_logout_redirect_uri.",
	}
}

func (rc *requestContext) finishLogout(client string) error {
	s, _ := rc.session()
	if err := rc.injectFaults(client, s.Person.Email); err != nil {
		return err
	}
	ended, was, err := rc.endSession()
	if err != nil {
		return err
	}
	if was {
		rc.notifyClients(rc.r.Context(), ended)
		rc.p.emit(dev.AuthLogout{User: s.Person.Email, Client: client, Reason: "signed out"})
	}
	return nil
}

// redirect sends the browser to an address that was checked to be registered.
func (rc *requestContext) redirect(address string, query map[string]string) error {
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
		u.RawQuery += "&" // the registered query stays
	}
	u.RawQuery += q.Encode()
	status := http.StatusFound
	if rc.r.Method == http.MethodPost {
		status = http.StatusSeeOther // a 302 may be followed by a second POST
	}
	rc.w.Header().Set("Location", u.String())
	rc.w.WriteHeader(status)
	return nil
}

// signedOut shows the page after a logout, with a link to the client if it has registered one.
func (rc *requestContext) signedOut(c dev.Client) error {
	page := signedOutPage{Frame: rc.frame("Signed out"), Client: c.Name}
	if i := slices.IndexFunc(c.PostLogout, func(s string) bool {
		u, err := url.Parse(s)
		return err == nil && (u.Scheme == "http" || u.Scheme == "https")
	}); i >= 0 {
		page.Back = c.PostLogout[i]
	}
	rc.page(http.StatusOK, "signedout", page)
	return nil
}
