package oidc

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"sdev/dev"
)

// assertionType is the only supported kind of client assertion (RFC 7523 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertionLeeway is the tolerated clock difference between client and provider. assertionLifetime is how long
// an assertion may be valid: the provider remembers its id for as long.
const (
	assertionLeeway   = time.Minute
	assertionLifetime = time.Hour
)

// assertionAlgs are the signature algorithms of private_key_jwt.
func assertionAlgs() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.ES384, jose.EdDSA}
}

// authenticateByAssertion authenticates a client by private_key_jwt (OpenID Connect Core 9).
func (rc *requestContext) authenticateByAssertion() (dev.Client, error) {
	refuse := func(about string) (dev.Client, error) {
		return dev.Client{}, &protocolError{Status: http.StatusUnauthorized, Code: "invalid_client", Description: about}
	}
	if rc.param("client_assertion_type") != assertionType {
		return refuse("client_assertion_type is not " + assertionType)
	}
	if rc.form.Has("client_secret") || rc.r.Header.Get("Authorization") != "" {
		return dev.Client{}, newError("invalid_request", "the client authenticates twice: send only the assertion")
	}
	token, err := jwt.ParseSigned(rc.param("client_assertion"), assertionAlgs())
	if err != nil {
		return refuse("client_assertion is not a JWT signed with one of " + fmt.Sprint(assertionAlgs()))
	}
	var c jwt.Claims
	if err := token.UnsafeClaimsWithoutVerification(&c); err != nil {
		return refuse("the claims of client_assertion are malformed")
	}
	rc.client = printable(c.Subject)
	client, ok := rc.p.client(c.Subject)
	if id := rc.param("client_id"); !ok || id != "" && id != c.Subject {
		return refuse("client_assertion is for the client " + printable(c.Subject) + ", which is not registered or not the client_id")
	}
	if err := checkSignature(token, client.Keys); err != nil {
		return refuse("client_assertion: " + err.Error())
	}
	if about := rc.checkAssertion(c); about != "" {
		return refuse("client_assertion: " + about)
	}
	first, err := rc.p.useOnce(hash("assertion "+c.Subject+" "+c.ID), c.Expiry.Time().Add(assertionLeeway))
	if err != nil {
		return dev.Client{}, err
	}
	if !first {
		return refuse("client_assertion: it was used before")
	}
	return client, nil
}

// checkAssertion says what is wrong with the claims of an assertion with a valid signature; "" is nothing.
func (rc *requestContext) checkAssertion(c jwt.Claims) string {
	at, self := rc.p.now(), rc.p.cfg.Issuer+rc.endpoint.path
	audiences := []string{rc.p.cfg.Issuer, self, rc.p.address(*rc.endpoint)}
	for _, e := range rc.p.endpoints {
		if e.name == "token" {
			audiences = append(audiences, rc.p.address(e), rc.p.cfg.Issuer+e.path)
		}
	}
	switch {
	case c.Issuer != c.Subject:
		return "iss and sub must both be the client's id"
	case !slices.ContainsFunc(audiences, c.Audience.Contains):
		return "aud must be " + rc.p.cfg.Issuer
	case c.Expiry == nil || c.ID == "":
		return "exp and jti are required"
	case !at.Before(c.Expiry.Time().Add(assertionLeeway)):
		return "it has expired"
	case c.Expiry.Time().After(at.Add(assertionLifetime)):
		return "its lifetime is too long: create a new one for each request"
	case c.NotBefore != nil && at.Add(assertionLeeway).Before(c.NotBefore.Time()):
		return "it is not valid yet"
	}
	return ""
}

// checkSignature checks a signature against a client's key set.
func checkSignature(token *jwt.JSONWebToken, keys json.RawMessage) error {
	if len(keys) == 0 {
		return errors.New("the client has no registered key")
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(keys, &set); err != nil {
		return fmt.Errorf("the client's keys: %w", err)
	}
	for _, k := range set.Keys {
		if kid := token.Headers[0].KeyID; kid != "" && k.KeyID != "" && kid != k.KeyID {
			continue
		}
		if token.Claims(k.Key, &struct{}{}) == nil {
			return nil
		}
	}
	return errors.New("none of the client's keys made the signature")
}

// useOnce reports whether this is the first use of something that may be used once, and remembers it until
// the given time.
func (p *Provider) useOnce(what string, until time.Time) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.data.UsedOnce[what]; ok {
		return false, nil
	}
	if err := checkCapacity(p.data.UsedOnce, p.nowLocked(), unchanged); err != nil {
		return false, err
	}
	p.data.UsedOnce[what] = until
	return true, nil
}
