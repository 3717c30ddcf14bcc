package oidc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"sdev/dev"
)

// signer is a client that signs its way in.
type signer struct {
	r   *rig
	key jose.JSONWebKey
}

// newKeyOf makes a key of a client's own.
func newKeyOf(t *testing.T) jose.JSONWebKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: private, KeyID: "mine", Algorithm: "ES256", Use: "sig"}
}

func newSigner(t *testing.T) signer {
	t.Helper()
	key := newKeyOf(t)
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(c *Config) {
		c.Clients = append(c.Clients, dev.Client{ID: "signs", RedirectURIs: []string{appURL}, Keys: keys})
	})
	return signer{r, key}
}

// assertion is a good one, changed by what is given; nil takes a claim out.
func (s signer) assertion(change claims) string {
	s.r.t.Helper()
	now := time.Now()
	c := claims{"iss": "signs", "sub": "signs", "aud": s.r.p.cfg.Issuer, "jti": randomToken(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	b, err := json.Marshal(c)
	if err != nil {
		s.r.t.Fatal(err)
	}
	sign, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: s.key}, nil)
	if err != nil {
		s.r.t.Fatal(err)
	}
	signed, err := sign.Sign(b)
	if err != nil {
		s.r.t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		s.r.t.Fatal(err)
	}
	return token
}

func (s signer) ask(assertion string, pairs ...string) reply {
	form := url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {assertionType}, "client_assertion": {assertion}}
	return s.r.post("/token", with(form, pairs...))
}

func TestAssertion_ProvesTheClient(t *testing.T) {
	s := newSigner(t)
	for _, aud := range []any{s.r.p.cfg.Issuer, s.r.p.cfg.Issuer + "/token", []string{"elsewhere", s.r.p.cfg.Issuer}} {
		if got := s.r.claimsOf(s.r.read(s.ask(s.assertion(claims{"aud": aud}))).AccessToken); got["sub"] != "signs" {
			t.Errorf("%v: %v", aud, got)
		}
	}
}

func TestAssertion_RefusesWhatProvesNothing(t *testing.T) {
	s := newSigner(t)
	other := signer{s.r, newKeyOf(t)}
	now := time.Now()
	once := s.assertion(nil)
	s.r.read(s.ask(once))
	for name, res := range map[string]reply{
		"used twice":       s.ask(once),
		"nonsense":         s.ask("nonsense"),
		"not signed":       s.ask("eyJhbGciOiJub25lIn0.eyJzdWIiOiJzaWducyJ9."),
		"another key":      s.ask(other.assertion(nil)),
		"forged":           s.ask(breakSignature(s.assertion(nil))),
		"another audience": s.ask(s.assertion(claims{"aud": "https://elsewhere.example"})),
		"no audience":      s.ask(s.assertion(claims{"aud": nil})),
		"another issuer":   s.ask(s.assertion(claims{"iss": "app"})),
		"another client":   s.ask(s.assertion(claims{"iss": "app", "sub": "app"})),
		"another id":       s.ask(s.assertion(nil), "client_id", "app"),
		"run out":          s.ask(s.assertion(claims{"exp": now.Add(-2 * time.Minute).Unix()})),
		"for ever":         s.ask(s.assertion(claims{"exp": now.Add(24 * time.Hour).Unix()})),
		"not valid yet":    s.ask(s.assertion(claims{"nbf": now.Add(5 * time.Minute).Unix()})),
		"no end":           s.ask(s.assertion(claims{"exp": nil})),
		"no id":            s.ask(s.assertion(claims{"jti": nil})),
		"another type":     s.ask(s.assertion(nil), "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
		"no assertion":     s.r.post("/token", url.Values{"client_id": {"signs"}, "grant_type": {"client_credentials"}}),
	} {
		t.Run(name, func(t *testing.T) { s.r.refused(res, http.StatusUnauthorized, "invalid_client", "") })
	}
	s.r.refused(s.ask(s.assertion(nil), "client_secret", "x"), http.StatusBadRequest, "invalid_request", "")
}
