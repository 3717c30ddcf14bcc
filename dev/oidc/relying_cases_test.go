//go:build foreign

package oidc_test

import (
	"slices"
	"testing"
)

// signedIn is a case after which somebody is signed in.
func signedIn(email string) func(*testing.T, result) {
	return func(t *testing.T, got result) {
		t.Helper()
		got.want(t, email, "claims", "email")
		got.want(t, true, "claims", "email_verified")
	}
}

// refusedWith is a case in which the provider has to say no, in these words of the protocol.
func refusedWith(code string) func(*testing.T, result) {
	return func(t *testing.T, got result) {
		t.Helper()
		got.want(t, code, "error")
	}
}

func TestForeignOpenIDClient(t *testing.T) {
	eachProvider(t, func(t *testing.T, w world) {
		w.meet(t, "openid-client.mjs", slices.Concat(signInCases(), tokenCases(), flowCases()))
	})
}

func signInCases() []encounter {
	return []encounter{
		{name: "code", check: func(t *testing.T, got result) {
			signedIn(alice)(t, got)
			got.want(t, "Alice", "claims", "name")
			got.want(t, alice, "info", "email")
			got.want(t, "bearer", "type")
		}},
		{name: "code-secret-post", check: signedIn(alice)},
		{name: "code-public", check: signedIn(alice)},
		{name: "code-private-key-jwt", check: signedIn(alice)},
		{name: "private-key-jwt-foreign", check: refusedWith("invalid_client")},
		{name: "form-post", check: func(t *testing.T, got result) {
			signedIn(alice)(t, got)
			got.want(t, "POST", "method")
		}},
		{name: "max-age", check: func(t *testing.T, got result) {
			// Asked again at once: nobody waits for the clock to move, so only its order is certain.
			again, _ := got.at("again", "auth_time").(float64)
			fresh, _ := got.at("fresh", "auth_time").(float64)
			if again == 0 || fresh < again {
				t.Errorf("auth_time: %v, then %v", again, fresh)
			}
		}},
		{name: "silent", check: func(t *testing.T, got result) {
			got.want(t, "login_required", "before")
			got.want(t, got.at("first", "sub"), "second", "sub")
		}},
		{name: "select-account", check: signedIn(bob)},
		{name: "denied", check: refusedWith("access_denied")},
		{name: "code-twice", check: refusedWith("invalid_grant")},
		{name: "wrong-verifier", check: refusedWith("invalid_grant")},
		{name: "wrong-secret", check: refusedWith("invalid_client")},
	}
}

func tokenCases() []encounter {
	return []encounter{
		{name: "refresh", check: func(t *testing.T, got result) {
			got.want(t, alice, "second", "email")
			got.want(t, got.at("first", "sub"), "second", "sub")
			got.want(t, got.at("first", "sub"), "info", "sub")
			got.want(t, true, "renewed")
		}},
		{name: "refresh-wrong", check: refusedWith("invalid_grant")},
		{name: "client-credentials", check: func(t *testing.T, got result) {
			got.want(t, "bearer", "type")
			got.want(t, "", "refresh")
		}},
		{name: "introspect-revoke", check: func(t *testing.T, got result) {
			got.want(t, true, "before", "active")
			got.want(t, "web", "before", "client_id")
			got.want(t, false, "nonsense", "active")
			got.want(t, false, "after", "active")
			got.want(t, "invalid_grant", "refresh")
		}},
		{name: "token-exchange", needs: tokenExchange, check: func(t *testing.T, got result) {
			got.want(t, "urn:ietf:params:oauth:token-type:access_token", "issued")
			got.want(t, true, "seen", "active")
			got.want(t, got.at("claims", "sub"), "seen", "sub")
			got.want(t, "https://api.example.com", "seen", "aud")
			got.want(t, "invalid_request", "wrong")
		}},
	}
}

func flowCases() []encounter {
	return []encounter{
		{name: "pushed", check: func(t *testing.T, got result) {
			signedIn(alice)(t, got)
			// Everything else stays between client and provider.
			for _, name := range got["parameters"].([]any) {
				if name != "client_id" && name != "request_uri" {
					t.Errorf("parameter %v went through the browser", name)
				}
			}
		}},
		{name: "device", check: signedIn(alice)},
		{name: "device-denied", check: refusedWith("access_denied")},
		{name: "logout", check: func(t *testing.T, got result) {
			got.want(t, postLogout+"?state=kept", "back")
			got.want(t, "login_required", "silent")
		}},
		{name: "register", check: func(t *testing.T, got result) {
			signedIn(alice)(t, got)
			got.want(t, true, "secret")
		}},
	}
}

func TestForeignAuthlib(t *testing.T) {
	eachProvider(t, func(t *testing.T, w world) {
		w.meet(t, "authlib_party.py", []encounter{
			{name: "native", check: func(t *testing.T, got result) {
				signedIn(alice)(t, got)
				got.want(t, "select_account", "prompt")
				got.want(t, "S256", "pkce")
			}},
			{name: "native-denied", check: refusedWith("access_denied")},
			{name: "native-wrong-secret", check: refusedWith("invalid_client")},
			{name: "native-logout", check: func(t *testing.T, got result) { got.want(t, redirect, "back") }},
			{name: "machine", check: func(t *testing.T, got result) {
				got.want(t, true, "before", "active")
				got.want(t, false, "after", "active")
			}},
		})
	})
}
