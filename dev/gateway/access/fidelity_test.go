package access

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"path/filepath"
	"strings"
	"testing"
)

// fidelity says which tests hold each fact about Cloudflare Access. The facts are in the order of Cloudflare's
// documentation: application token, keys, cookies, endpoints, sessions, service tokens, policies, tunnel.
var fidelity = []struct {
	fact  string
	tests string // of this package, or with the directory of another
}{
	{"the origin gets Cf-Access-Jwt-Assertion always, and Cf-Access-Authenticated-User-Email for people", "TestApp_GetsTokenCookieAndEmail TestService_GetsATokenWithoutAPerson"},
	{"browsers also pass CF_Authorization and CF_AppSession on", "TestApp_GetsTokenCookieAndEmail"},
	{"CF_Binding ties a token to a browser, and the edge takes it away", "TestCookie_BindingIsNeededAndNeverReachesTheApp"},
	{"the token is RS256 with a kid of 64 hexadecimal digits, header and claims in the documented order", "TestApp_GetsTokenCookieAndEmail"},
	{"aud is an array with the application's tag; type is app, or org at the team's host", "TestApp_GetsTokenCookieAndEmail TestCookie_OfAnotherProjectCountsAsNone"},
	{"custom holds claims of the identity provider, and groups come from get-identity", "TestApp_GetsTokenCookieAndEmail TestIdentity_TellsAllAboutTheHolder"},
	{"the token of a program has common_name, an empty sub and no e-mail address", "TestService_GetsATokenWithoutAPerson"},
	{"verifiers accept the good tokens and refuse each bad one", "TestVerifier_GoOIDC TestForeignAccess_JavaScript TestForeignAccess_Python"},
	{"certs has keys, public_cert and public_certs, which are X.509 certificates; two keys are live", "TestCerts_AreKeysAndCertificates"},
	{"keys sign for six weeks, and replaced ones stay valid for seven days", "TestCerts_KeysSignForSixWeeks TestCerts_AreKeysAndCertificates"},
	{"login, authorized, logout and get-identity on the app's host and on the team's", "TestLogin_RedirectsToTheTeamAndBack TestLogout_EndsAllApplications TestIdentity_TellsAllAboutTheHolder TestLogin_WithoutMetaStartsAgain"},
	{"somebody who has not signed in is redirected to the team with kid, meta and redirect_url", "TestLogin_RedirectsToTheTeamAndBack"},
	{"a request of XMLHttpRequest gets 401", "TestXHR_IsAnsweredWith401"},
	{"somebody without access gets a page with 403", "TestPolicies_MarketingSeesMarketingButNotSales TestRights_AreCheckedWithEachRequest"},
	{"get-identity tells everything about the holder of a token", "TestIdentity_TellsAllAboutTheHolder TestIdentity_OfSomebodyElseIsThatOfTheSignIn TestForeignAccess_JavaScript"},
	{"service tokens come in two headers or in one as JSON, with secrets of both forms", "TestService_InOneHeader TestService_StrictModeRefuses"},
	{"strict: 401 for a bad token, 403 where it is not allowed, no cookie, Allow policies ignored", "TestService_StrictModeRefuses"},
	{"without the strict mode a program gets a cookie, and a bad token leads to the sign-in page", "TestService_WithoutStrictModeFallsBackToPeople"},
	{"attributes of the application's cookie are settings, its path too", "TestCookie_HasTheAttributesOfTheSettings"},
	{"durations of policy, application and team; the application's token is reissued silently", "TestToken_IsThatOfTheSignInUntilItExpires TestToken_IsReissuedSilentlyWhileTheTeamKnowsThePerson TestService_GetsATokenWithoutAPerson"},
	{"signing out revokes the tokens of all applications", "TestLogout_EndsAllApplications"},
	{"policies: Bypass and Service Auth first, then Allow and Block in order; include, require, exclude", "../..:TestAccess_DecidesInTheOrderOfAccess TestSource_IsPretendedBySettingsAndHeader"},
	{"the application with the most specific path decides, with an audience of its own", "../..:TestAccess_TheMostSpecificApplicationDecides TestPolicies_MarketingSeesMarketingButNotSales"},
	{"the bundle of sdev deploy says the same", "../../handoff:TestApplications_AreThoseOfTheLocalDoor"},
	{"a WebSocket is checked at its upgrade, which a path's policy can break once the token has expired", "TestWebSocket_IsCheckedAtItsUpgrade TestToken_IsReissuedSilentlyWhileTheTeamKnowsThePerson"},
	{"the edge adds Cf-Connecting-Ip, Cf-Ipcountry, Cf-Ray, Cf-Visitor and Cdn-Loop", "TestApp_GetsTokenCookieAndEmail TestSource_IsPretendedBySettingsAndHeader"},
	{"the tunnel takes nothing away from a path", "TestPath_ReachesTheAppAsItCame"},
}

func TestFidelity_EveryFactHasItsTests(t *testing.T) {
	known := map[string]map[string]bool{}
	for _, f := range fidelity {
		if f.tests == "" {
			t.Errorf("no test holds: %s", f.fact)
		}
		for name := range strings.SplitSeq(f.tests, " ") {
			dir, test, other := strings.Cut(name, ":")
			if !other {
				dir, test = ".", name
			}
			if known[dir] == nil {
				known[dir] = testsIn(t, dir)
			}
			if !known[dir][test] {
				t.Errorf("there is no %s for: %s", name, f.fact)
			}
		}
	}
}

// testsIn returns the names of the tests in a directory, whatever their build tags.
func testsIn(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, name := range files {
		f, err := parser.ParseFile(gotoken.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				names[fn.Name.Name] = true
			}
		}
	}
	return names
}
