package access

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"testing"
	"time"

	"crypto/rsa"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// modulusOf returns the modulus of a certificate's key as a JWK has it, after checking that the key signed it.
func modulusOf(t testing.TB, text string) string {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" {
		t.Fatalf("no certificate: %.80s", text)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature); err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(c.PublicKey.(*rsa.PublicKey).N.Bytes())
}

const (
	ciID, ciSecret = "0123456789abcdef0123456789abcdef.access", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	cdID, cdSecret = "fedcba9876543210fedcba9876543210.access", "cfast_new-form-of-a-secret"
)

// withTokens lets people in everywhere, and the program "ci" at /hooks.
func withTokens(lenient bool) func(*door.Config) {
	return func(c *door.Config) {
		c.Access.Lenient = lenient
		c.Access.Tokens = []dev.AccessServiceToken{{Name: "ci", ID: ciID, Secret: ciSecret}, {Name: "cd", ID: cdID, Secret: cdSecret}}
		service := dev.AccessPolicy{Decision: dev.AccessService, Include: []dev.AccessRule{{Kind: dev.RuleToken, Text: "ci"}}, Session: time.Hour}
		c.Access.Applications = []dev.AccessApplication{{Policies: everybody()}, {Path: "/hooks", Policies: append(everybody(), service)}}
	}
}

func TestService_GetsATokenWithoutAPerson(t *testing.T) {
	r := newRig(t, withTokens(false))
	got := r.get("/hooks/x", "CF-Access-Client-Id", ciID, "CF-Access-Client-Secret", ciSecret)
	got.want(t, http.StatusOK, "the app")
	p := r.last()
	_, claims := parts(t, p.Header.Get(headerToken))
	c := read[map[string]any](t, claims)
	aud, _ := c["aud"].([]any)
	if c["common_name"] != ciID || c["sub"] != "" || c["type"] != "app" || len(aud) != 1 || c["email"] != nil || c["identity_nonce"] != nil || len(c) != 7 {
		t.Errorf("claims %s", claims)
	}
	if p.User != "" || p.Header.Get(headerEmail) != "" || len(p.Cookies) != 0 || len(got.Header["Set-Cookie"]) != 0 {
		t.Errorf("%+v, cookies set: %v", p, got.Header["Set-Cookie"])
	}
	if p.header.Get(headerClientSecret) != "" || p.header.Get(headerClientID) != "" {
		t.Error("the app gets the secret")
	}
	first := p.Header.Get(headerToken)
	r.get("/hooks/y", "CF-Access-Client-Id", ciID, "CF-Access-Client-Secret", ciSecret)
	if r.last().Header.Get(headerToken) != first {
		t.Error("each request costs a signature")
	}
	r.clock(59*time.Minute + 30*time.Second)
	r.get("/hooks/y", "CF-Access-Client-Id", ciID, "CF-Access-Client-Secret", ciSecret)
	if r.last().Header.Get(headerToken) == first {
		t.Error("the token is used until the last second")
	}
}

func TestService_StrictModeRefuses(t *testing.T) {
	r := newRig(t, withTokens(false))
	r.signIn(alice, "/") // Allow policies are ignored, even if the browser is signed in
	for name, c := range map[string]struct {
		path, id, secret string
		want             int
	}{
		"wrong secret":           {"/hooks", ciID, cdSecret, http.StatusUnauthorized},
		"unknown id":             {"/hooks", "x.access", ciSecret, http.StatusUnauthorized},
		"no secret":              {"/hooks", ciID, "", http.StatusUnauthorized},
		"not allowed here":       {"/hooks", cdID, cdSecret, http.StatusForbidden},
		"only people":            {"/page", ciID, ciSecret, http.StatusForbidden},
		"allowed, the old form":  {"/hooks", ciID, ciSecret, http.StatusOK},
		"wrong secret on a page": {"/", ciID, "cfast_wrong", http.StatusUnauthorized},
	} {
		got := r.get(c.path, "CF-Access-Client-Id", c.id, "CF-Access-Client-Secret", c.secret)
		if got.StatusCode != c.want || len(got.Header["Set-Cookie"]) != 0 {
			t.Errorf("%s: %s, cookies %v", name, got.Status, got.Header["Set-Cookie"])
		}
	}
}

func TestService_WithoutStrictModeFallsBackToPeople(t *testing.T) {
	r := newRig(t, withTokens(true))
	r.get("/hooks", "CF-Access-Client-Id", ciID, "CF-Access-Client-Secret", "wrong").want(t, http.StatusFound, "")
	r.get("/page", "CF-Access-Client-Id", ciID, "CF-Access-Client-Secret", ciSecret).want(t, http.StatusFound, "")
	got := r.get("/hooks", "CF-Access-Client-Id", ciID, "CF-Access-Client-Secret", ciSecret)
	got.want(t, http.StatusOK, "the app")
	if len(got.Header["Set-Cookie"]) != 1 {
		t.Errorf("cookies %v", got.Header["Set-Cookie"])
	}
	r.get("/hooks").want(t, http.StatusOK, "the app") // by the cookie
	_, claims := parts(t, r.last().Header.Get(headerToken))
	if read[token](t, claims).CommonName != ciID {
		t.Errorf("claims %s", claims)
	}
	r.get("/cdn-cgi/access/get-identity").want(t, http.StatusBadRequest, "")
}

func TestService_InOneHeader(t *testing.T) {
	r := newRig(t, withTokens(false), func(c *door.Config) { c.Access.TokenHeader = "Authorization" })
	r.get("/hooks", "Authorization", `{"cf-access-client-id": "`+ciID+`", "cf-access-client-secret": "`+ciSecret+`"}`).want(t, http.StatusOK, "the app")
	if r.last().header.Get("Authorization") != "" {
		t.Error("the app gets the secret")
	}
	r.get("/hooks", "Authorization", `{"cf-access-client-id": "`+ciID+`", "cf-access-client-secret": "no"}`).want(t, http.StatusUnauthorized, "")
	r.get("/hooks", "Authorization", "Bearer of-the-app").want(t, http.StatusFound, "")
	r.signIn(alice, "/")
	r.get("/", "Authorization", "Bearer of-the-app").want(t, http.StatusOK, "the app")
	if r.last().header.Get("Authorization") != "Bearer of-the-app" {
		t.Error("a header that holds no service token does not reach the app")
	}
}
