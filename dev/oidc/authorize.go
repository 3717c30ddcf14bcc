package oidc

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sdev/dev"
)

// authRequest is a parsed authorization request (RFC 6749 4.1.1, OpenID Connect Core 3.1.2.1) with valid client
// and redirect_uri.
type authRequest struct {
	Client    dev.Client
	Redirect  string
	Scope     []string
	State     string
	Nonce     string
	Mode      string // response_mode: query or form_post
	Prompt    []string
	MaxAge    time.Duration // -1: any
	LoginHint string
	Subject   string // from id_token_hint; "" is any person
	ACR       string
	Claims    claimsRequest
	Challenge string
	Method    string
	Offline   bool // access_type=offline, as Google has it
	raw       url.Values
}

func (r authRequest) asks(prompt string) bool { return slices.Contains(r.Prompt, prompt) }

// serveAuthorize answers an authorization request, with or without the sign-in page.
func (p *Provider) serveAuthorize(rc *requestContext) error {
	if rc.isSubresource() {
		return subresourceError()
	}
	if rc.redirectedToIssuer() {
		return nil
	}
	form, err := rc.resolvePushed(rc.form)
	if err != nil {
		return err
	}
	req, err := rc.authRequest(form)
	if err != nil {
		return err
	}
	if req.err != nil {
		return rc.respondWithError(req.authRequest, req.err)
	}
	if err := rc.injectFaults(req.Client.ID, ""); err != nil {
		return err
	}
	return rc.decide(req.authRequest)
}

// decide answers at once if the session allows it, and otherwise shows the sign-in page.
func (rc *requestContext) decide(req authRequest) error {
	p := rc.p
	if who, ok := p.currentPerson(); ok {
		return rc.approve(req, who, "current user")
	}
	s, ok := rc.session()
	good := ok && req.accepts(s, rc.now) && p.matchesHint(req, s.Person)
	switch {
	case req.asks("none") && !good:
		return rc.respondWithError(req, newError("login_required", "prompt=none was sent, but no suitable user is signed in"))
	case good && !req.asks("login") && !req.asks("select_account") && !req.asks("consent"):
		return rc.respondWithCode(req, s, "already signed in")
	}
	var last *dev.Person
	if ok {
		last = &s.Person
	}
	return rc.showSignIn(req, last, "")
}

// accepts reports whether a session is recent enough.
func (r authRequest) accepts(s session, now time.Time) bool {
	return r.MaxAge < 0 || now.Sub(s.At) <= r.MaxAge
}

// matchesHint reports whether a person matches the request's hints, if it has any.
func (p *Provider) matchesHint(r authRequest, who dev.Person) bool {
	if r.LoginHint != "" && !strings.EqualFold(r.LoginHint, who.Email) {
		return false
	}
	return r.Subject == "" || r.Subject == p.subject(who)
}

// currentPerson is the person who is signed in without the page.
func (p *Provider) currentPerson() (dev.Person, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.data.Current == "" {
		return dev.Person{}, false
	}
	return personIn(p.data.People, p.data.Current)
}

// approve signs a person in and answers the app.
func (rc *requestContext) approve(req authRequest, who dev.Person, how string) error {
	s, err := rc.startSession(who)
	if err != nil {
		return err
	}
	return rc.respondWithCode(req, s, how)
}

// respondWithCode redirects the browser to the app with a code.
func (rc *requestContext) respondWithCode(req authRequest, s session, how string) error {
	rc.user, rc.client = s.Person.Email, req.Client.ID
	answer := map[string]string{"state": req.State, "iss": rc.p.cfg.Issuer}
	faults := rc.p.takeFaults(rc, atDecision)
	for _, f := range faults {
		f.kind.decision(answer, f.Params)
	}
	if _, denied := answer["error"]; denied {
		rc.p.emit(dev.AuthDenied{User: rc.user, Client: rc.client, Reason: "denied by a fault"})
		return rc.respond(req, answer)
	}
	c, err := rc.issueCode(req, s)
	if full, ok := errors.AsType[*protocolError](err); ok {
		return rc.respondWithError(req, full)
	}
	if err != nil {
		return err
	}
	answer["code"] = c
	rc.p.emit(dev.AuthLogin{User: rc.user, Client: rc.client, Reason: how})
	return rc.respond(req, answer)
}

// issueCode stores the grant and returns a code for it.
func (rc *requestContext) issueCode(req authRequest, s session) (string, error) {
	p := rc.p
	c := randomToken()
	g := grant{
		Client: req.Client.ID, Person: &s.Person, Scope: req.Scope, Session: s.ID, At: s.At, Nonce: req.Nonce,
		ACR: req.ACR, Claims: req.Claims,
		Offline: p.profile.offline || req.Offline || slices.Contains(req.Scope, "offline_access"),
	}
	id, err := rc.newGrant(g)
	if err != nil {
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := checkCapacity(p.data.Codes, rc.now, ticket.expires); err != nil {
		return "", err
	}
	p.data.Codes[hash(c)] = ticket{Grant: id, Redirect: req.Redirect, Challenge: req.Challenge, Method: req.Method, Expires: rc.now.Add(codeLifetime)}
	p.joinLocked(s.ID, req.Client.ID)
	delete(p.data.Pushed, req.raw.Get(pushedParam))
	return c, p.awaitSave()
}

// respondWithError redirects the browser to the app with an error (RFC 6749 4.1.2.1).
func (rc *requestContext) respondWithError(req authRequest, e *protocolError) error {
	rc.client = req.Client.ID
	rc.reportDenied(e)
	return rc.respond(req, map[string]string{"error": e.Code, "error_description": e.Description, "state": req.State, "iss": rc.p.cfg.Issuer})
}

// respond sends an answer to the app in the requested response mode.
func (rc *requestContext) respond(req authRequest, answer map[string]string) error {
	to := returnAddress(req.Client, req.Redirect)
	if req.Mode == "form_post" {
		rc.formPost(to, answer)
		return nil
	}
	return rc.redirect(to, answer)
}

// readRequest is an authorization request with valid client and redirect_uri, and the error in the rest of it.
type readRequest struct {
	authRequest
	err *protocolError
}

// authRequest parses an authorization request. It returns an error only for client or redirect_uri: the browser
// shows that one, because there is no safe address to redirect to.
func (rc *requestContext) authRequest(v url.Values) (readRequest, error) {
	c, ok := rc.p.client(v.Get("client_id"))
	if !ok {
		return readRequest{}, rc.unknownClient(v.Get("client_id"))
	}
	rc.client = c.ID
	if err := checkRedirect(c, v.Get("redirect_uri")); err != nil {
		return readRequest{}, err
	}
	req, err := parseAuth(v, rc.p.cfg.PlainPKCE)
	req.Client, req.Redirect, req.raw = c, v.Get("redirect_uri"), v
	if err == nil {
		err = rc.p.checkRequest(&req)
	}
	return readRequest{req, err}, nil
}

func (rc *requestContext) unknownClient(id string) error {
	e := &protocolError{Code: "unauthorized_client", Description: "the client " + printable(id) + " is not registered", Fix: "set the app's client id to one that is registered here."}
	if id == "" {
		e.Code, e.Description = "invalid_request", "the app sent no client_id"
	}
	e.Detail = append(e.Detail, detail{"sent", printable(id)})
	for _, c := range rc.p.cfg.Clients {
		e.Detail = append(e.Detail, detail{"registered", c.ID})
	}
	return e
}

// checkRequest checks what parsing alone cannot.
func (p *Provider) checkRequest(req *authRequest) *protocolError {
	if req.Challenge == "" && public(req.Client) {
		return newError("invalid_request", "a client without a secret must use PKCE: send code_challenge")
	}
	if hint := req.raw.Get("id_token_hint"); hint != "" {
		c, ok := p.verifyToken(hint)
		if !ok {
			return newError("invalid_request", "id_token_hint is not a token of this provider")
		}
		req.Subject = c.text("sub")
	}
	if sub := req.Claims.IDToken["sub"].first(); sub != "" {
		req.Subject = sub
	}
	return nil
}

// parseAuth parses the parameters that do not depend on the client.
func parseAuth(v url.Values, plainPKCE bool) (authRequest, *protocolError) {
	req := authRequest{
		State: v.Get("state"), Nonce: v.Get("nonce"), LoginHint: v.Get("login_hint"), MaxAge: -1, Mode: v.Get("response_mode"),
		Scope: strings.Fields(v.Get("scope")), Prompt: strings.Fields(v.Get("prompt")),
		Challenge: v.Get("code_challenge"), Method: v.Get("code_challenge_method"), Offline: v.Get("access_type") == "offline",
	}
	for name, values := range v {
		if len(values) > 1 && name != "resource" {
			return req, newError("invalid_request", "the request repeats a parameter: "+printable(name))
		}
	}
	if acr := strings.Fields(v.Get("acr_values")); len(acr) > 0 {
		req.ACR = acr[0]
	}
	switch {
	case v.Get("request") != "":
		return req, newError("request_not_supported", "request objects are not supported: send plain parameters")
	case v.Get("request_uri") != "":
		return req, newError("request_uri_not_supported", "request_uri does not refer to a pushed request")
	case v.Get("response_type") == "":
		return req, newError("invalid_request", "no response_type: send response_type=code")
	case v.Get("response_type") != "code":
		return req, newError("unsupported_response_type", "only response_type=code is supported: the others are not safe in a browser")
	case !slices.Contains([]string{"", "query", "form_post"}, req.Mode):
		req.Mode = ""
		return req, newError("invalid_request", "response_mode must be query or form_post")
	case req.asks("none") && len(req.Prompt) > 1:
		return req, newError("invalid_request", "prompt=none cannot be combined with another")
	}
	for _, s := range req.Prompt {
		if !slices.Contains(prompts(), s) {
			return req, newError("invalid_request", "prompt must be one of "+strings.Join(prompts(), ", "))
		}
	}
	if s := v.Get("max_age"); s != "" {
		n, err := strconv.ParseUint(s, 10, 31)
		if err != nil {
			return req, newError("invalid_request", "max_age is not a number of seconds")
		}
		req.MaxAge = time.Duration(n) * time.Second
	}
	if e := checkChallenge(&req, plainPKCE); e != nil {
		return req, e
	}
	requested, err := parseClaimsRequest(v.Get("claims"))
	if err != nil {
		return req, newError("invalid_request", "the parameter claims is not the JSON object of OpenID Connect Core 5.5")
	}
	if req.Claims = requested; req.ACR == "" {
		req.ACR = requested.IDToken["acr"].first()
	}
	return req, nil
}

func prompts() []string { return []string{"none", "login", "consent", "select_account"} }

// checkChallenge checks the PKCE parameters (RFC 7636 4.3).
func checkChallenge(req *authRequest, plain bool) *protocolError {
	switch {
	case req.Challenge == "" && req.Method == "":
		return nil
	case req.Challenge == "":
		return newError("invalid_request", "code_challenge_method without code_challenge")
	case len(req.Challenge) < 43 || len(req.Challenge) > 128:
		return newError("invalid_request", "code_challenge must have 43 to 128 characters")
	case req.Method == "S256":
		return nil
	case (req.Method == "plain" || req.Method == "") && plain:
		req.Method = "plain"
		return nil
	}
	return newError("invalid_request", "code_challenge_method must be S256: anything else protects nothing")
}
