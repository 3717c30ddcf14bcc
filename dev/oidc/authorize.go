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

// authRequest is an authorization request (RFC 6749 4.1.1, OpenID Connect Core 3.1.2.1) that has
// been read, and whose client and redirect_uri are known to be good.
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
	Subject   string // of id_token_hint; "" is anybody
	ACR       string
	Claims    claimsRequest
	Challenge string
	Method    string
	Offline   bool // access_type=offline, which is Google's way to ask
	raw       url.Values
}

func (r authRequest) asks(prompt string) bool { return slices.Contains(r.Prompt, prompt) }

// serveAuthorize decides whether somebody has to be asked who they are.
func (p *Provider) serveAuthorize(x *exchange) error {
	if x.inPassing() {
		return notInPassing()
	}
	if x.elsewhere() {
		return nil
	}
	form, err := x.pulled(x.form)
	if err != nil {
		return err
	}
	req, err := x.authRequest(form)
	if err != nil {
		return err
	}
	if req.err != nil {
		return x.sendBack(req.authRequest, req.err)
	}
	if err := x.admit(req.Client.ID, ""); err != nil {
		return err
	}
	return x.decide(req.authRequest)
}

// decide answers at once where nobody needs to be asked, and shows the sign-in page otherwise.
func (x *exchange) decide(req authRequest) error {
	p := x.p
	if who, ok := p.current(); ok {
		return x.approve(req, who, "current user")
	}
	s, ok := x.session()
	good := ok && req.accepts(s, x.now) && p.same(req, s.Person)
	switch {
	case req.asks("none") && !good:
		return x.sendBack(req, refused("login_required", "nobody is signed in who could be taken without asking"))
	case good && !req.asks("login") && !req.asks("select_account") && !req.asks("consent"):
		return x.grantTo(req, s, "already signed in")
	}
	var last *dev.Person
	if ok {
		last = &s.Person
	}
	return x.ask(req, last, "")
}

// accepts reports whether a session is fresh enough.
func (r authRequest) accepts(s session, now time.Time) bool {
	return r.MaxAge < 0 || now.Sub(s.At) <= r.MaxAge
}

// same reports whether a person is the one who is hinted at, if anybody is.
func (p *Provider) same(r authRequest, who dev.Person) bool {
	if r.LoginHint != "" && !strings.EqualFold(r.LoginHint, who.Email) {
		return false
	}
	return r.Subject == "" || r.Subject == p.subject(who)
}

// current is who signs in without being asked.
func (p *Provider) current() (dev.Person, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.data.Current == "" {
		return dev.Person{}, false
	}
	return personIn(p.data.People, p.data.Current)
}

// approve signs a person in and sends them back.
func (x *exchange) approve(req authRequest, who dev.Person, how string) error {
	s, err := x.signIn(who)
	if err != nil {
		return err
	}
	return x.grantTo(req, s, how)
}

// grantTo sends the person of a session back with a code.
func (x *exchange) grantTo(req authRequest, s session, how string) error {
	x.user, x.client = s.Person.Email, req.Client.ID
	answer := map[string]string{"state": req.State, "iss": x.p.cfg.Issuer}
	faults := x.p.take(x, atDecision)
	for _, f := range faults {
		f.kind.decision(answer, f.Params)
	}
	if _, denied := answer["error"]; denied {
		x.p.emit(dev.AuthDenied{User: x.user, Client: x.client, Reason: "denied by a fault"})
		return x.deliver(req, answer)
	}
	c, err := x.issueCode(req, s)
	if full, ok := errors.AsType[*refusal](err); ok {
		return x.sendBack(req, full)
	}
	if err != nil {
		return err
	}
	answer["code"] = c
	x.p.emit(dev.AuthLogin{User: x.user, Client: x.client, Reason: how})
	return x.deliver(req, answer)
}

// issueCode keeps what is granted and gives the code for it.
func (x *exchange) issueCode(req authRequest, s session) (string, error) {
	p := x.p
	c := secret()
	g := grant{
		Client: req.Client.ID, Person: &s.Person, Scope: req.Scope, Session: s.ID, At: s.At, Nonce: req.Nonce,
		ACR: req.ACR, Claims: req.Claims,
		Offline: p.profile.offline || req.Offline || slices.Contains(req.Scope, "offline_access"),
	}
	id, err := x.begin(g)
	if err != nil {
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := room(p.data.Codes, x.now, code.expires); err != nil {
		return "", err
	}
	p.data.Codes[hashed(c)] = code{Grant: id, Redirect: req.Redirect, Challenge: req.Challenge, Method: req.Method, Expires: x.now.Add(codeLife)}
	p.joinLocked(s.ID, req.Client.ID)
	delete(p.data.Pushed, req.raw.Get(pushedMark))
	return c, p.saveLocked()
}

// sendBack tells the app of a refusal (RFC 6749 4.1.2.1).
func (x *exchange) sendBack(req authRequest, r *refusal) error {
	x.client = req.Client.ID
	x.denied(r)
	return x.deliver(req, map[string]string{"error": r.Code, "error_description": r.About, "state": req.State, "iss": x.p.cfg.Issuer})
}

// deliver sends an answer back to the app, in the way that it asked for.
func (x *exchange) deliver(req authRequest, answer map[string]string) error {
	if req.Mode == "form_post" {
		x.formPost(req.Redirect, answer)
		return nil
	}
	return x.goTo(req.Redirect, answer)
}

// readRequest is an authorization request whose client and redirect_uri are good, with what is wrong
// with the rest of it.
type readRequest struct {
	authRequest
	err *refusal
}

// authRequest reads an authorization request. The error is one of client or redirect_uri, which the
// person is shown, because there is nobody to be sent back to.
func (x *exchange) authRequest(v url.Values) (readRequest, error) {
	c, ok := x.p.client(v.Get("client_id"))
	if !ok {
		return readRequest{}, x.unknownClient(v.Get("client_id"))
	}
	x.client = c.ID
	if err := checkRedirect(c, v.Get("redirect_uri")); err != nil {
		return readRequest{}, err
	}
	req, err := parseAuth(v, x.p.cfg.PlainPKCE)
	req.Client, req.Redirect, req.raw = c, v.Get("redirect_uri"), v
	if err == nil {
		err = x.p.suits(&req)
	}
	return readRequest{req, err}, nil
}

func (x *exchange) unknownClient(id string) error {
	r := &refusal{Code: "unauthorized_client", About: "there is no client " + printable(id), Fix: "give the app one of the client ids that are registered here."}
	if id == "" {
		r.Code, r.About = "invalid_request", "the app sent no client_id"
	}
	r.Detail = append(r.Detail, detail{"sent", printable(id)})
	for _, c := range x.p.cfg.Clients {
		r.Detail = append(r.Detail, detail{"registered", c.ID})
	}
	return r
}

// suits checks what parsing alone cannot.
func (p *Provider) suits(req *authRequest) *refusal {
	if req.Challenge == "" && public(req.Client) {
		return refused("invalid_request", "a client without a secret must use PKCE: send code_challenge")
	}
	if hint := req.raw.Get("id_token_hint"); hint != "" {
		c, ok := p.read(hint)
		if !ok {
			return refused("invalid_request", "id_token_hint is not a token of this provider")
		}
		req.Subject = c.text("sub")
	}
	if sub := req.Claims.IDToken["sub"].first(); sub != "" {
		req.Subject = sub
	}
	return nil
}

// parseAuth reads the parameters that do not depend on who asks.
func parseAuth(v url.Values, plainPKCE bool) (authRequest, *refusal) {
	req := authRequest{
		State: v.Get("state"), Nonce: v.Get("nonce"), LoginHint: v.Get("login_hint"), MaxAge: -1, Mode: v.Get("response_mode"),
		Scope: strings.Fields(v.Get("scope")), Prompt: strings.Fields(v.Get("prompt")),
		Challenge: v.Get("code_challenge"), Method: v.Get("code_challenge_method"), Offline: v.Get("access_type") == "offline",
	}
	for name, values := range v {
		if len(values) > 1 && name != "resource" {
			return req, refused("invalid_request", "a parameter is there twice: "+printable(name))
		}
	}
	if acr := strings.Fields(v.Get("acr_values")); len(acr) > 0 {
		req.ACR = acr[0]
	}
	switch {
	case v.Get("request") != "":
		return req, refused("request_not_supported", "request objects are not supported: send plain parameters")
	case v.Get("request_uri") != "":
		return req, refused("request_uri_not_supported", "request_uri is not one of a pushed request")
	case v.Get("response_type") == "":
		return req, refused("invalid_request", "no response_type: send response_type=code")
	case v.Get("response_type") != "code":
		return req, refused("unsupported_response_type", "only response_type=code is supported: the others are not safe in a browser")
	case !slices.Contains([]string{"", "query", "form_post"}, req.Mode):
		req.Mode = ""
		return req, refused("invalid_request", "response_mode must be query or form_post")
	case req.asks("none") && len(req.Prompt) > 1:
		return req, refused("invalid_request", "prompt=none cannot be combined with another")
	}
	for _, s := range req.Prompt {
		if !slices.Contains(prompts(), s) {
			return req, refused("invalid_request", "prompt must be one of "+strings.Join(prompts(), ", "))
		}
	}
	if s := v.Get("max_age"); s != "" {
		n, err := strconv.ParseUint(s, 10, 31)
		if err != nil {
			return req, refused("invalid_request", "max_age is not a number of seconds")
		}
		req.MaxAge = time.Duration(n) * time.Second
	}
	if r := checkChallenge(&req, plainPKCE); r != nil {
		return req, r
	}
	wishes, err := parseClaimsRequest(v.Get("claims"))
	if err != nil {
		return req, refused("invalid_request", "the parameter claims is not the JSON object of OpenID Connect Core 5.5")
	}
	if req.Claims = wishes; req.ACR == "" {
		req.ACR = wishes.IDToken["acr"].first()
	}
	return req, nil
}

func prompts() []string { return []string{"none", "login", "consent", "select_account"} }

// checkChallenge reads PKCE (RFC 7636 4.3).
func checkChallenge(req *authRequest, plain bool) *refusal {
	switch {
	case req.Challenge == "" && req.Method == "":
		return nil
	case req.Challenge == "":
		return refused("invalid_request", "code_challenge_method without code_challenge")
	case len(req.Challenge) < 43 || len(req.Challenge) > 128:
		return refused("invalid_request", "code_challenge must have 43 to 128 characters")
	case req.Method == "S256":
		return nil
	case (req.Method == "plain" || req.Method == "") && plain:
		req.Method = "plain"
		return nil
	}
	return refused("invalid_request", "code_challenge_method must be S256: anything else protects nothing")
}
