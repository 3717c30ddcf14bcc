package oidc

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
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

// grantFunc answers a token request of one grant_type from an authenticated client.
type grantFunc func(rc *requestContext, c dev.Client) error

// grantTable lists every grant_type of the token endpoint.
func (p *Provider) grantTable() map[string]grantFunc {
	return map[string]grantFunc{
		grantCode:     (*requestContext).redeemCode,
		grantRefresh:  (*requestContext).redeemRefresh,
		grantClient:   (*requestContext).redeemClient,
		grantDevice:   (*requestContext).redeemDevice,
		grantExchange: (*requestContext).redeemExchange,
	}
}

// serveToken is the token endpoint (RFC 6749 3.2).
func (p *Provider) serveToken(rc *requestContext) error {
	if err := rc.checkDuplicates("resource", "audience"); err != nil {
		return err
	}
	c, err := rc.authenticate()
	if err != nil {
		return err
	}
	rc.client, rc.grant = c.ID, rc.param("grant_type")
	redeem, ok := p.grants[rc.grant]
	switch {
	case rc.grant == "":
		return newError("invalid_request", "no grant_type")
	case !ok:
		return newError("unsupported_grant_type", "grant_type must be one of "+strings.Join(slices.Sorted(maps.Keys(p.grants)), ", "))
	}
	return redeem(rc, c)
}

// redeemCode exchanges a code for tokens (RFC 6749 4.1.3, RFC 7636 4.6).
func (rc *requestContext) redeemCode(c dev.Client) error {
	found, g, err := rc.findCode(c)
	if err != nil {
		return err
	}
	if err := rc.injectFaults(c.ID, g.Person.Email); err != nil {
		return err
	}
	if err := rc.useCode(found); err != nil {
		return err
	}
	return rc.replyTokens(found.Grant, g, true)
}

// findCode finds the code of the request and its grant, and checks that this client may redeem it.
func (rc *requestContext) findCode(c dev.Client) (ticket, grant, error) {
	rc.p.mu.Lock()
	defer rc.p.mu.Unlock()
	found, g, err := rc.findTicketLocked(rc.p.codesLocked(), c)
	if err != nil {
		return ticket{}, grant{}, err
	}
	why := checkVerifier(found, rc.param("code_verifier"))
	if sent := rc.param("redirect_uri"); sent != found.Redirect && !rc.isSameReturn(c, sent, found.Redirect) {
		why = "redirect_uri differs from the one in the authorization request"
	}
	if why != "" {
		return ticket{}, grant{}, newError("invalid_grant", why)
	}
	return found, g, nil
}

func (rc *requestContext) useCode(found ticket) error {
	rc.p.mu.Lock()
	defer rc.p.mu.Unlock()
	return rc.useTicketLocked(rc.p.codesLocked(), found)
}

// checkVerifier says what is wrong with a PKCE verifier.
func checkVerifier(found ticket, verifier string) string {
	switch {
	case found.Challenge == "" && verifier == "":
		return ""
	case found.Challenge == "":
		return "code_verifier was sent, but the authorization request had no code_challenge"
	case verifier == "":
		return "no code_verifier, but the authorization request had a code_challenge"
	}
	want := verifier
	if found.Method == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		want = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if subtle.ConstantTimeCompare([]byte(want), []byte(found.Challenge)) != 1 {
		return "code_verifier does not match the code_challenge (PKCE)"
	}
	return ""
}

// redeemClient issues a token for the client itself (RFC 6749 4.4).
func (rc *requestContext) redeemClient(c dev.Client) error {
	if public(c) {
		return newError("unauthorized_client", "a client without a secret or key cannot get a token for itself")
	}
	if err := rc.injectFaults(c.ID, ""); err != nil {
		return err
	}
	g := grant{Client: c.ID, Scope: strings.Fields(rc.param("scope")), At: rc.now, Audience: rc.param("audience")}
	id, err := rc.newGrant(g)
	if err != nil {
		return err
	}
	return rc.replyTokens(id, g, false)
}

// newGrant stores a new grant, open until tokens are issued for it, and returns its id.
func (rc *requestContext) newGrant(g grant) (string, error) {
	id := randomToken()[:22]
	g.Open, g.Touched, g.Expires = true, rc.now, rc.now.Add(codeLifetime+openSlack)
	rc.p.mu.Lock()
	defer rc.p.mu.Unlock()
	if err := checkCapacity(rc.p.data.Grants, rc.now, grant.expires); err != nil {
		return "", err
	}
	rc.p.data.Grants[id] = g
	return id, nil // saved together with its code or tokens
}

// replyTokens answers with the tokens of a grant, including a new refresh token if renew is true.
func (rc *requestContext) replyTokens(id string, g grant, renew bool) error {
	answer, err := rc.issue(id, g, g, renew)
	if err != nil {
		return err
	}
	if rc.at.host == "github.com" && !strings.Contains(rc.r.Header.Get("Accept"), "json") {
		rc.sendForm(url.Values{"access_token": {answer.AccessToken}, "scope": {answer.Scope}, "token_type": {"bearer"}})
		return nil
	}
	return rc.reply(http.StatusOK, answer)
}

// issue creates the tokens of a grant and stores it. The tokens are those of issued, which may be narrower than the
// grant that is stored.
func (rc *requestContext) issue(id string, stored, issued grant, renew bool) (tokenAnswer, error) {
	answer, err := rc.tokens(id, issued)
	if err != nil {
		return tokenAnswer{}, err
	}
	return answer, rc.storeGrant(id, stored, &answer, renew)
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

// tokens creates the access token and the ID token of a grant.
func (rc *requestContext) tokens(id string, g grant) (tokenAnswer, error) {
	access, err := rc.p.sign(&unsignedToken{kind: "access_token", typ: "at+jwt", alg: rc.p.alg(), claims: rc.accessClaims(id, g)})
	if err != nil {
		return tokenAnswer{}, err
	}
	a := tokenAnswer{AccessToken: access, TokenType: "Bearer", ExpiresIn: int(tokenLifetime.Seconds()), Scope: strings.Join(g.Scope, " ")}
	if g.Person != nil && slices.Contains(g.Scope, "openid") {
		a.IDToken, err = rc.idToken(rc.p.alg(), rc.idClaims(g, access, rc.p.alg()))
	}
	return a, err
}

// storeGrant stores a grant for the lifetime of its tokens, unless it was revoked meanwhile.
func (rc *requestContext) storeGrant(id string, g grant, a *tokenAnswer, renew bool) error {
	p := rc.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.data.Grants[id]; !ok {
		return newError("invalid_grant", "the grant was revoked")
	}
	until := rc.now.Add(tokenLifetime)
	if renew && g.Offline {
		a.RefreshToken = refreshPrefix + randomToken()
		until = rc.now.Add(refreshLifetime)
		p.data.Refresh[hash(a.RefreshToken)] = ticket{Grant: id, Expires: until}
	}
	if g.Expires.Before(until) {
		g.Expires = until
	}
	g.Open, g.Touched = false, rc.now
	p.data.Grants[id] = g
	return p.awaitSave()
}

func (p *Provider) alg() string {
	if p.cfg.Alg != "" {
		return p.cfg.Alg
	}
	return algRS
}

// revokeLocked ends a grant, its access tokens and its refresh tokens.
func (p *Provider) revokeLocked(id string) {
	delete(p.data.Grants, id)
	maps.DeleteFunc(p.data.Refresh, func(_ string, t ticket) bool { return t.Grant == id })
}
