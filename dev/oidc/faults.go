package oidc

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"sdev/dev"
)

// faultKinds lists all faults, in the order in which help prints them.
func faultKinds() []faultKind {
	return slices.Concat(signInFaults(), tokenFaults(), claimFaults(), wireFaults(), doorFaults())
}

// signInFaults act before there is a token.
func signInFaults() []faultKind {
	return []faultKind{
		{
			name: "deny", about: "the app gets an error instead of a code", at: atDecision,
			params: []string{"error=access_denied", "description=denied by a fault of sdev"}, check: errorCode,
			decision: func(answer map[string]string, f params) {
				delete(answer, "code")
				answer["error"], answer["error_description"] = f["error"], f["description"]
			},
		},
		{
			name: "wrong-state", about: "the app gets a different state than it sent", at: atDecision,
			decision: func(answer map[string]string, _ params) { answer["state"] = "not-the-state-that-was-sent" },
		},
		{
			name: "reject-code", about: "the token endpoint refuses the code", at: atRequest, endpoint: "token", grant: grantCode,
			request: func(*requestContext, params) error { return faultError("invalid_grant", "the code is refused") },
		},
		{
			name: "revoked-refresh", about: "the token endpoint refuses the refresh token as revoked", at: atRequest, endpoint: "token", grant: grantRefresh,
			request: func(*requestContext, params) error {
				return faultError("invalid_grant", "the refresh token is revoked")
			},
		},
	}
}

// tokenFaults change ID tokens.
func tokenFaults() []faultKind {
	claim := func(name, about, key, value string) faultKind {
		return faultKind{name: name, about: about, at: atSigning, params: []string{"value=" + value}, token: func(_ *requestContext, t *unsignedToken, f params) { t.claims[key] = f["value"] }}
	}
	return []faultKind{
		claim("wrong-aud", "the ID token is for another audience", "aud", "another-client"),
		claim("wrong-iss", "the ID token is from another issuer", "iss", "https://another-issuer.example"),
		claim("wrong-nonce", "the ID token has a different nonce than the app sent", "nonce", "another-nonce"),
		claim("wrong-azp", "the ID token names another authorized party", "azp", "another-client"),
		claim("wrong-at-hash", "the ID token's at_hash does not match the access token", "at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
		{name: "bad-signature", about: "the ID token's signature is invalid", at: atSigning, token: func(_ *requestContext, t *unsignedToken, _ params) { t.badSignature = true }},
		{
			name: "unknown-kid", about: "the ID token names a key that is not published", at: atSigning, params: []string{"value=no-such-key"},
			token: func(_ *requestContext, t *unsignedToken, f params) { t.kid = f["value"] },
		},
		{name: "alg-none", about: "the ID token is unsigned (alg=none)", at: atSigning, token: func(_ *requestContext, t *unsignedToken, _ params) { t.alg = "none" }},
		{
			name: "expired", about: "the ID token expired this long ago; verifiers tolerate a minute or two", at: atSigning, params: []string{"by=1h"}, check: durationParam("by"),
			token: func(rc *requestContext, t *unsignedToken, f params) {
				shiftTimes(rc, t, -f.duration("by")-tokenLifetime)
			},
		},
		{
			name: "not-yet-valid", about: "the ID token is valid only after this time", at: atSigning, params: []string{"by=1h"}, check: durationParam("by"),
			token: func(rc *requestContext, t *unsignedToken, f params) {
				shiftTimes(rc, t, f.duration("by"))
				t.claims["nbf"] = t.claims["iat"]
			},
		},
		{
			name: "skewed", about: "the ID token's times are ahead by this much, or behind if it is negative", at: atSigning, params: []string{"by=10m"}, check: durationParam("by"),
			token: func(rc *requestContext, t *unsignedToken, f params) { shiftTimes(rc, t, f.duration("by")) },
		},
		{
			name: "rotate", about: "new keys sign this ID token and are published only after a while", at: atSigning, params: []string{"hidden=30s"}, check: durationParam("hidden"),
			token: func(rc *requestContext, t *unsignedToken, f params) {
				t.beforeSigning = func() error { return rc.p.rotate(f.duration("hidden")) }
			},
		},
		{name: "raw-unicode", about: "the ID token contains unescaped non-ASCII characters", at: atSigning, token: func(_ *requestContext, t *unsignedToken, _ params) { t.rawUnicode = true }},
	}
}

// claimFaults change the claims of a person, in the ID token and at userinfo.
func claimFaults() []faultKind {
	return []faultKind{
		{name: "no-email", about: "neither the ID token nor userinfo contains an e-mail address", at: atClaims, claims: func(c claims, _ params) {
			delete(c, "email")
			delete(c, "email_verified")
		}},
		{name: "unverified-email", about: "the e-mail address is marked as unverified (email_verified is false)", at: atClaims, claims: func(c claims, _ params) { c["email_verified"] = false }},
		{
			name: "huge-claims", about: "the claims grow by this many bytes: 5000 need several cookies, 12000 exceed a load balancer's limit", at: atClaims,
			params: []string{"bytes=5000"}, check: numberParam("bytes", 1, 1<<20),
			claims: func(c claims, f params) { c["groups_of_a_large_company"] = longList(f.number("bytes")) },
		},
		{
			name: "wrong-sub", about: "userinfo describes another person than the ID token", at: atClaims, endpoint: "userinfo", params: []string{"value=somebody-else"},
			claims: func(c claims, f params) { c["sub"] = f["value"] },
		},
	}
}

// doorFaults act at a front door, in the modes that have one. The front door itself carries them out: see package
// gateway.
func doorFaults() []faultKind {
	all := []dev.Mode{dev.ALBLogin, dev.IAPLogin, dev.AccessLogin}
	at := func(modes []dev.Mode, name, about string, check func(params) error, defaults ...string) faultKind {
		return faultKind{name: name, about: "front door: " + about, at: atDoor, modes: modes, params: defaults, check: check}
	}
	return []faultKind{
		at([]dev.Mode{dev.ALBLogin}, dev.DoorSigner, "the token is signed by another load balancer", nil, "value=arn:aws:elasticloadbalancing:us-east-1:999999999999:loadbalancer/app/another/0123456789abcdef"),
		at([]dev.Mode{dev.ALBLogin}, dev.DoorClient, "the token is for another client of the identity provider", nil, "value=another-client"),
		at([]dev.Mode{dev.IAPLogin, dev.AccessLogin}, dev.DoorAudience, "the token is for another application", nil, "value=another-application"),
		at(all, dev.DoorIssuer, "the token is from another issuer", nil, "value=https://another-issuer.example"),
		at(all, dev.DoorExpired, "the token expired this long ago", durationParam("by"), "by=1h"),
		at(all, dev.DoorSignature, "the token's signature is invalid", nil),
		at(all, dev.DoorKey, "the token is signed by a key that is not published", nil),
		at(all, dev.DoorClaims, "the token grows by this many bytes", numberParam("bytes", 1, 1<<16), "bytes=12000"),
		at(all, dev.DoorHeader, "the header with the token is missing; the others are there", nil),
		at(all, dev.DoorSession, "the session has ended, so the person has to sign in again; with --times 1, or the browser is sent back and forth", nil),
		at(all, dev.DoorDown, "the front door answers with a server error", numberParam("code", 500, 599), "code=502"),
	}
}

// wireFaults imitate a bad network and a bad server.
func wireFaults() []faultKind {
	return []faultKind{
		{
			name: "slow", about: "an endpoint answers late", at: atRequest, params: []string{"endpoint=token", "delay=5s"}, check: durationParam("delay"),
			request: func(rc *requestContext, f params) error { return rc.wait(f.duration("delay")) },
		},
		{
			name: "drop", about: "an endpoint closes the connection without an answer", at: atRequest, params: []string{"endpoint=token"},
			request: func(*requestContext, params) error { return errDropped },
		},
		{
			name: "status", about: "an endpoint answers with a server error", at: atRequest, params: []string{"endpoint=token", "code=503"}, check: numberParam("code", 400, 599),
			request: func(_ *requestContext, f params) error {
				e := faultError("temporarily_unavailable", "the provider is not available")
				e.Status = f.number("code")
				if e.Status == http.StatusInternalServerError {
					e.Code = "server_error"
				}
				return e
			},
		},
		{
			name: "malformed", about: "an endpoint's JSON is cut off", at: atReply, params: []string{"endpoint=token"},
			reply: func(body []byte, _ params) []byte { return body[:len(body)/2] },
		},
	}
}

// faultError is an error by a fault, which has sent its own event.
func faultError(code, about string) *protocolError {
	return &protocolError{Code: code, Description: about + " (by a fault of sdev)", noEvent: true}
}

// shiftTimes shifts all times of a token.
func shiftTimes(rc *requestContext, t *unsignedToken, by time.Duration) {
	t.claims["iat"] = rc.now.Add(by).Unix()
	t.claims["exp"] = rc.now.Add(by).Add(tokenLifetime).Unix()
}

// wait waits for d, or until the request ends.
func (rc *requestContext) wait(d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-rc.r.Context().Done():
		return errDropped
	}
}

// longList is a list of names of n bytes in total.
func longList(n int) []string {
	var list []string
	for size := 0; size < n; {
		name := fmt.Sprintf("department-%05d-of-a-large-company", len(list))
		list = append(list, name)
		size += len(name) + len(`"",`)
	}
	return list
}

func (f params) duration(name string) time.Duration {
	d, _ := time.ParseDuration(f[name]) // checkFault has checked it
	return d
}

func (f params) number(name string) int {
	n, _ := strconv.Atoi(f[name]) // checkFault has checked it
	return n
}

func durationParam(name string) func(params) error {
	return func(f params) error {
		if d, err := time.ParseDuration(f[name]); err != nil || d.Abs() > 10*365*24*time.Hour {
			return fmt.Errorf("%s=%s is not a duration like 90s or 2h", name, f[name])
		}
		return nil
	}
}

func numberParam(name string, least, most int) func(params) error {
	return func(f params) error {
		if n, err := strconv.Atoi(f[name]); err != nil || n < least || n > most {
			return fmt.Errorf("%s=%s is not a number from %d to %d", name, f[name], least, most)
		}
		return nil
	}
}

// errorCode checks that an error code has only characters that RFC 6749 allows.
func errorCode(f params) error {
	if f["error"] == "" || strings.ContainsFunc(f["error"], func(r rune) bool { return r < 0x21 || r > 0x7e || r == '"' || r == '\\' }) {
		return fmt.Errorf("error=%q is not an error code like access_denied", f["error"])
	}
	return nil
}
