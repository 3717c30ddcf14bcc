package oidc

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"

	"sdev/dev"
)

// The grant types of the table.
const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
	grantClient  = "client_credentials"
)

// grantFunc answers a token request of one grant_type, whose client is proven.
type grantFunc func(x *exchange, c dev.Client) error

// grantTable is every grant_type that the token endpoint takes.
func (p *Provider) grantTable() map[string]grantFunc {
	return map[string]grantFunc{
		grantCode:     (*exchange).redeemCode,
		grantRefresh:  (*exchange).redeemRefresh,
		grantClient:   (*exchange).redeemClient,
		grantDevice:   (*exchange).redeemDevice,
		grantExchange: (*exchange).redeemExchange,
	}
}

// serveToken is the token endpoint (RFC 6749 3.2).
func (p *Provider) serveToken(x *exchange) error {
	if err := x.once("resource", "audience"); err != nil {
		return err
	}
	c, err := x.authenticate()
	if err != nil {
		return err
	}
	x.client, x.grant = c.ID, x.one("grant_type")
	redeem, ok := p.grants[x.grant]
	switch {
	case x.grant == "":
		return refused("invalid_request", "no grant_type")
	case !ok:
		return refused("unsupported_grant_type", "grant_type must be one of "+strings.Join(slices.Sorted(maps.Keys(p.grants)), ", "))
	}
	return redeem(x, c)
}

// redeemCode trades a code for tokens (RFC 6749 4.1.3, RFC 7636 4.6).
func (x *exchange) redeemCode(c dev.Client) error {
	key := hashed(x.one("code"))
	held, g, err := x.findCode(key, c)
	if err != nil {
		return err
	}
	if err := x.admit(c.ID, g.Person.Email); err != nil {
		return err
	}
	if err := x.spendCode(key, held); err != nil {
		return err
	}
	return x.replyTokens(held.Grant, g, true)
}

// findCode finds a code and the grant behind it, and checks that it is this client's to redeem. A
// code that is replayed ends what it was traded for (RFC 6749 4.1.2).
func (x *exchange) findCode(key string, c dev.Client) (code, grant, error) {
	p := x.p
	p.mu.Lock()
	defer p.mu.Unlock()
	held, ok := p.data.Codes[key]
	g, granted := p.data.Grants[held.Grant]
	if granted && g.Person != nil {
		x.user = g.Person.Email
	}
	why := ""
	switch {
	case x.one("code") == "":
		return code{}, grant{}, refused("invalid_request", "no code")
	case !ok || !x.now.Before(held.Expires):
		why = "the code is unknown, or has run out"
	case granted && g.Client != c.ID:
		why = "the code was given to another client"
	case held.Used:
		p.revokeLocked(held.Grant)
		if err := p.saveLocked(); err != nil {
			return code{}, grant{}, err
		}
		why = "the code was used before; the tokens it was traded for are revoked"
	case !granted:
		why = "the code is no longer good: its person has signed out"
	case x.one("redirect_uri") != held.Redirect:
		why = "redirect_uri is not the one that the code was asked for with"
	default:
		why = checkVerifier(held, x.one("code_verifier"))
	}
	if why != "" {
		return code{}, grant{}, refused("invalid_grant", why)
	}
	return held, g, nil
}

// spendCode marks a code as used, unless another request was faster.
func (x *exchange) spendCode(key string, held code) error {
	p := x.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.data.Codes[key].Used {
		p.revokeLocked(held.Grant)
		return refused("invalid_grant", "the code was used before; the tokens it was traded for are revoked")
	}
	held.Used = true
	p.data.Codes[key] = held
	return nil // saved together with the tokens
}

// checkVerifier says what is wrong with a PKCE verifier.
func checkVerifier(held code, verifier string) string {
	switch {
	case held.Challenge == "" && verifier == "":
		return ""
	case held.Challenge == "":
		return "there is a code_verifier, but there was no code_challenge"
	case verifier == "":
		return "no code_verifier, but there was a code_challenge"
	}
	want := verifier
	if held.Method == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		want = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if subtle.ConstantTimeCompare([]byte(want), []byte(held.Challenge)) != 1 {
		return "code_verifier does not fit the code_challenge (PKCE)"
	}
	return ""
}

// redeemClient gives a client a token for itself (RFC 6749 4.4).
func (x *exchange) redeemClient(c dev.Client) error {
	if public(c) {
		return refused("unauthorized_client", "a client without a secret cannot act for itself")
	}
	if err := x.admit(c.ID, ""); err != nil {
		return err
	}
	g := grant{Client: c.ID, Scope: strings.Fields(x.one("scope")), At: x.now, Audience: x.one("audience")}
	id, err := x.begin(g)
	if err != nil {
		return err
	}
	return x.replyTokens(id, g, false)
}

// begin stores a new grant, open until tokens are given for it, and gives its id.
func (x *exchange) begin(g grant) (string, error) {
	id := secret()[:22]
	g.Open, g.Touched, g.Expires = true, x.now, x.now.Add(codeLife+openSlack)
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	if err := room(x.p.data.Grants, x.now, grant.expires); err != nil {
		return "", err
	}
	x.p.data.Grants[id] = g
	return id, nil // saved together with what is given for it
}

// replyTokens keeps a grant and answers with the tokens for it, a new refresh token among them where
// renew says so.
func (x *exchange) replyTokens(id string, g grant, renew bool) error {
	answer, err := x.tokens(id, g)
	if err != nil {
		return err
	}
	if err := x.keep(id, g, &answer, renew); err != nil {
		return err
	}
	return x.reply(http.StatusOK, answer)
}

// tokenAnswer is the answer of the token endpoint (RFC 6749 5.1).
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	Scope        string `json:"scope,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IssuedType   string `json:"issued_token_type,omitempty"` // token exchange only
}

// tokens makes access token and ID token of a grant.
func (x *exchange) tokens(id string, g grant) (tokenAnswer, error) {
	access, err := x.p.sign(&mint{kind: "access_token", typ: "at+jwt", alg: x.p.alg(), claims: x.accessClaims(id, g)})
	if err != nil {
		return tokenAnswer{}, err
	}
	a := tokenAnswer{AccessToken: access, TokenType: "Bearer", ExpiresIn: int(tokenLife.Seconds()), Scope: strings.Join(g.Scope, " ")}
	if g.Person != nil && slices.Contains(g.Scope, "openid") {
		a.IDToken, err = x.idToken(x.p.alg(), x.idClaims(g, access, x.p.alg()))
	}
	return a, err
}

// keep stores a grant for as long as its tokens live, unless it was revoked meanwhile.
func (x *exchange) keep(id string, g grant, a *tokenAnswer, renew bool) error {
	p := x.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.data.Grants[id]; !ok {
		return refused("invalid_grant", "what was granted is revoked")
	}
	until := x.now.Add(tokenLife)
	if renew && g.Offline {
		a.RefreshToken = secret()
		until = x.now.Add(refreshLife)
		p.data.Refresh[hashed(a.RefreshToken)] = refresh{Grant: id, Expires: until}
	}
	if g.Expires.Before(until) {
		g.Expires = until
	}
	g.Open, g.Touched = false, x.now
	p.data.Grants[id] = g
	return p.saveLocked()
}

func (p *Provider) alg() string {
	if p.cfg.Alg != "" {
		return p.cfg.Alg
	}
	return algRS
}

// revokeLocked ends a grant: its access tokens are good no more, and its refresh tokens neither.
func (p *Provider) revokeLocked(id string) {
	delete(p.data.Grants, id)
	maps.DeleteFunc(p.data.Refresh, func(_ string, r refresh) bool { return r.Grant == id })
}
