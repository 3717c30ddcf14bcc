package iap

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// fidelity lists what is known about the real proxy, and the tests that hold this one to it.
func fidelity() map[string][]string {
	return map[string][]string{
		"the signed header, and two plain ones whose values have a prefix":        {"TestIAP_HeadersAndClaimsAreGoogles"},
		"identity headers that a client sends are dropped":                        {"TestGateway_DropsForgedIdentities"},
		"header and claims of the token, in their order; 600 seconds":             {"TestIAP_HeadersAndClaimsAreGoogles", "TestForeignVerifiers_AcceptTheGoodAndRefuseTheBad"},
		"audiences of backend services, App Engine and Cloud Run":                 {"TestCheckIAPAudience_TakesAllKindsOfResources"},
		"keys as PEM by id and as a JWK set at www.gstatic.com":                   {"TestKeys_ArePublishedInBothForms", "TestKeys_ARotationUsesAKeyThatIsPublished"},
		"Identity Platform: prefix with project and tenant, claim gcip":           {"TestGuests_ClaimsAreThoseOfIdentityPlatform", "TestGuests_WithoutATenantAndWithTheClaimAsText"},
		"Identity Platform: e-mail and password, session of an hour":              {"TestGuests_SignInWithAPassword", "TestGuests_SessionsLastAnHour"},
		"cookies: names, attributes, __Host- over TLS":                            {"TestIAP_SignsInAndBackToThePage", "TestCookies_OverTLSAreThoseOfTheDeployment"},
		"gcp-iap-mode: CLEAR_LOGIN_COOKIE, and the older address":                 {"TestMode_ClearLoginCookie"},
		"gcp-iap-mode: DO_SESSION_REFRESH":                                        {"TestMode_SessionRefreshEndsAtAPageThatDoesItAgain"},
		"gcp-iap-mode: FORCE_LOGIN":                                               {"TestMode_ForceLoginShowsTheSignInPage"},
		"gcp-iap-mode: GCIP_SIGNOUT":                                              {"TestGuests_SignOutEndsBothSessions"},
		"gcp-iap-mode: AUTHENTICATING":                                            {"TestIAP_SignsInAndBackToThePage", "TestAuthenticating_OnlyTheBrowserThatBeganMayEnd"},
		"gcp-iap-mode: IDENTITY and SECURE_TOKEN_TEST":                            {"TestMode_IdentityNeedsNoRole", "TestMode_SecureTokenTest"},
		"nobody signed in: 302 to accounts.google.com, marked as the proxy's own": {"TestIAP_SignsInAndBackToThePage"},
		"nobody signed in: 401 for X-Requested-With: XMLHttpRequest":              {"TestIAP_AScriptGets401"},
		"signed in without the role: 403 page":                                    {"TestIAP_WithoutTheRoleThereIsAPage"},
		"health checks pass":                                                      {"TestIAP_HealthChecksPass"},
		"a WebSocket is checked on the upgrade only":                              {"TestIAP_AWebSocketIsCheckedWhenItOpens"},
		"the session follows the sign-in at Google, not the token's lifetime":     {"TestIAP_SessionsEndWithTheSignIn", "TestIAP_ASignOutAtTheProviderEndsTheSession"},
		"IAM is asked again for every request":                                    {"TestIAP_IAMIsAskedAgainForEveryRequest"},
		"policies become conditions of IAM, the same as in the bundle":            {"TestExplain_SaysWhatTheProxyDoes", "TestConditions_LetInWhomThePoliciesLetIn"},
		"for guests, IAM is not asked":                                            {"TestGuests_SignInWithAPassword"},
		"Cloud Armor comes first: ordered rules, a bare status":                   {"TestArmor_ComesBeforeTheProxy", "TestArmor_EachActionHasItsStatus", "TestDecideArmor_TheLowestPriorityThatMatchesDecides"},
	}
}

// TestFidelity_EveryRowHasItsTests reads the tests of this package, of the gateway, of the hand-off and of package dev.
func TestFidelity_EveryRowHasItsTests(t *testing.T) {
	var all strings.Builder
	for _, dir := range []string{".", "..", filepath.Join("..", ".."), filepath.Join("..", "..", "handoff")} {
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", dir, err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(b)
		}
	}
	for row, tests := range fidelity() {
		for _, name := range tests {
			if !strings.Contains(all.String(), "func "+name+"(") {
				t.Errorf("%s: there is no %s", row, name)
			}
		}
	}
}

// TestCookies_OverTLSAreThoseOfTheDeployment serves the app behind a certificate.
func TestCookies_OverTLSAreThoseOfTheDeployment(t *testing.T) {
	iap := settings()
	d, err := New(door.Config{FrontDoor: dev.FrontDoor{Client: dev.Client{ID: doorClient}, IAP: &iap}, Project: "shop", Origin: "https://localhost:8501",
		Issuer: "http://localhost:8601", Emit: func(dev.Event) {}, People: directory(people()), Faults: noFaults{}, Now: offline(t, nil).cfg.Now})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	if err := d.setSession(w, d.resources[0], &session{ID: "1", Person: people()[0], At: d.cfg.Now()}); err != nil {
		t.Fatal(err)
	}
	lines := w.Header().Values("Set-Cookie")
	if len(lines) != 2 || !regexp.MustCompile(`^__Host-GCP_IAP_AUTH_TOKEN_[0-9A-F]{16}=[^;]+; Path=/; HttpOnly; Secure; SameSite=None$`).MatchString(lines[0]) {
		t.Errorf("cookies %q", lines)
	}
	if d.origins[d.resources[1]] != "https://guests.localhost:8501" {
		t.Errorf("the guests' origin is %s", d.origins[d.resources[1]])
	}
	for name, want := range map[string]bool{"__Host-GCP_IAP_AUTH_TOKEN_0": true, "GCP_IAP_UID": true, "GCP_IAP_XSRF_NONCE_x": true, "_streamlit_user": false} {
		if IsCookie(name) != want {
			t.Errorf("%s", name)
		}
	}
}

// TestSession_TheCookieStaysWithinItsSize: a person of the project costs the address alone; one with large claims loses the
// tokens first, and is then refused.
func TestSession_TheCookieStaysWithinItsSize(t *testing.T) {
	d := offline(t, nil)
	s := d.resources[0]
	seal := func(in session) (int, error) {
		w := httptest.NewRecorder()
		err := d.setSession(w, s, &in)
		cookies := w.Result().Cookies()
		i := slices.IndexFunc(cookies, func(c *http.Cookie) bool { return strings.Contains(c.Name, cookieSession) })
		if i < 0 {
			return 0, err
		}
		return len(cookies[i].Name) + 1 + len(cookies[i].Value), err
	}
	stranger := func(size int) dev.Person {
		return dev.Person{Email: "eve@example.net", Claims: map[string]any{"x": strings.Repeat("x", size)}}
	}
	for name, c := range map[string]struct {
		in    session
		fails bool
	}{
		"of the project":      {session{Person: dev.Person{Email: alice, Claims: map[string]any{"x": strings.Repeat("x", 9000)}}, Access: strings.Repeat("a", 900)}, false},
		"somebody else":       {session{Person: stranger(1500), Access: strings.Repeat("a", 900)}, false},
		"without the tokens":  {session{Person: stranger(2500), Access: strings.Repeat("a", 900)}, false},
		"too large in itself": {session{Person: stranger(4000)}, true},
	} {
		size, err := seal(c.in)
		if (err != nil) != c.fails || size > 4096 {
			t.Errorf("%s: %d bytes, %v", name, size, err)
		}
	}
}
