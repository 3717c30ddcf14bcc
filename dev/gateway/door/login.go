package door

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"sdev/dev"
)

// Login signs people in at a provider by the authorization code flow (OpenID Connect Core 1.0, section 3.1).
type Login struct {
	Client        dev.Client
	Redirect      string // the front door's callback address
	Authorization string // endpoint to which the browser goes
	Token         string // endpoint that the front door requests, as Userinfo
	Userinfo      string
	Scope         []string
}

// Tokens is the answer of the token endpoint.
type Tokens struct {
	Access  string
	Refresh string // "" if there is none
	ID      string
	Expires time.Time // of the access token, by the real clock; zero if the provider does not say
}

// timeout limits one request to the provider.
const timeout = 10 * time.Second

// largestAnswer limits what is read of the provider's answer, in bytes.
const largestAnswer = 2 << 20

// client requests the provider directly: it runs beside the front door, whatever proxy the machine has.
func client() *http.Client {
	return &http.Client{Timeout: timeout, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (l Login) config() oauth2.Config {
	return oauth2.Config{ClientID: l.Client.ID, ClientSecret: l.Client.Secret, RedirectURL: l.Redirect, Scopes: l.Scope,
		Endpoint: oauth2.Endpoint{AuthURL: l.Authorization, TokenURL: l.Token, AuthStyle: oauth2.AuthStyleInHeader}}
}

// Address returns the address to which the browser goes to sign in. extra are further parameters.
func (l Login) Address(state string, extra url.Values) string {
	var options []oauth2.AuthCodeOption
	for name := range extra {
		options = append(options, oauth2.SetAuthURLParam(name, extra.Get(name)))
	}
	c := l.config()
	return c.AuthCodeURL(state, options...)
}

// Refusal is an error that the provider answered, as opposed to no usable answer.
type Refusal struct{ Code string }

// Error names the code.
func (r *Refusal) Error() string { return "the identity provider answered " + r.Code }

// Exchange redeems a code. The error is a [*Refusal] if the provider refuses it.
func (l Login) Exchange(ctx context.Context, code string) (Tokens, error) {
	c := l.config()
	got, err := c.Exchange(context.WithValue(ctx, oauth2.HTTPClient, client()), code)
	return tokens(got, err)
}

// Refresh gets new tokens for a refresh token. The answer has the old one if the provider issued no new one.
func (l Login) Refresh(ctx context.Context, refresh string) (Tokens, error) {
	c := l.config()
	got, err := c.TokenSource(context.WithValue(ctx, oauth2.HTTPClient, client()), &oauth2.Token{RefreshToken: refresh}).Token()
	return tokens(got, err)
}

func tokens(t *oauth2.Token, err error) (Tokens, error) {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.ErrorCode != "" {
		return Tokens{}, &Refusal{dev.Sanitize(refused.ErrorCode)}
	}
	if err != nil {
		return Tokens{}, fmt.Errorf("token endpoint: %w", withoutSecrets(err))
	}
	id, _ := t.Extra("id_token").(string)
	return Tokens{Access: t.AccessToken, Refresh: t.RefreshToken, ID: id, Expires: t.Expiry}, nil
}

// withoutSecrets returns an error without the answer that it quotes, which may hold tokens.
func withoutSecrets(err error) error {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return fmt.Errorf("status %d", refused.Response.StatusCode)
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return failed.Err
	}
	return errors.New("the answer holds no token")
}

// Claims requests the claims about the person of an access token, and returns the JSON object as it came.
func (l Login) Claims(ctx context.Context, access string) (json.RawMessage, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.Userinfo, nil)
	if err != nil {
		return nil, fmt.Errorf("userinfo endpoint: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+access)
	resp, err := client().Do(r)
	if err != nil {
		return nil, fmt.Errorf("userinfo endpoint: %w", withoutSecrets(err))
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, largestAnswer))
	var object map[string]json.RawMessage
	switch {
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("userinfo endpoint: status %d", resp.StatusCode)
	case err != nil || json.Unmarshal(b, &object) != nil || object == nil:
		return nil, errors.New("userinfo endpoint: the answer is no JSON object")
	}
	return b, nil
}
