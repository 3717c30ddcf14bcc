package alb

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"
)

// fidelity says for each fact about the load balancer which test shows that the front door has it. The facts are those of
// "Authenticate users using an Application Load Balancer", "Troubleshoot your Application Load Balancers", the API
// reference of Elastic Load Balancing, and the samples that doc.go names.
var fidelity = []struct{ fact, test string }{
	{"x-amzn-oidc-data, -identity (sub) and -accesstoken; never an ID token", "TestHeaders_HaveTheNamesAndValuesOfAWS"},
	{"issuer and three endpoints are separate settings", "TestLogin_UsesFourSeparateEndpoints"},
	{"scope and extra parameters of the request", "TestLogin_AddsTheParametersOfTheSettings"},
	{"code flow without PKCE; callback /oauth2/idpresponse; then 302 to the first address", "TestLogin_LeadsToTheProviderAndBackToTheSameAddress"},
	{"the callback path comes before every rule", "TestCallback_BelongsToTheLoadBalancerWhateverTheRules"},
	{"OnUnauthenticatedRequest: authenticate, allow, deny; rules without the action", "TestRules_DecideWithoutAndWithASession"},
	{"listener rules by path, the first that matches", "TestRules_FirstThatMatchesDecides"},
	{"paths with a fixed response", "TestRules_PoliciesThatAdmitNobodyCloseTheirPath"},
	{"AWSALBAuthNonce; without it 401, and the code is not spent", "TestCallback_NeedsTheNonceOfTheSameBrowser"},
	{"a state that is missing or changed: 401", "TestCallback_NeedsTheStateThatTheLoadBalancerMade"},
	{"client login timeout of 15 minutes: 401", "TestCallback_ComesWithinFifteenMinutes"},
	{"an error of the provider: 561", "TestCallback_AnswersWith561IfTheProviderAnswersWithAnError"},
	{"an endpoint that does not answer: 500", "TestCallback_AnswersWith500IfTheProviderDoesNotAnswer"},
	{"a scope without an ID token: 401", "TestCallback_AnswersWith401IfTheScopeHasNoIDToken"},
	{"session cookie in parts -0 to -3 of 4K", "TestSession_IsInPartsOfAtMost4K"},
	{"its date is 7 days ahead, the timeout is inside", "TestSession_TimesOutByTheProvidersClock"},
	{"claims and access token over 11K: 500, ELBAuthUserClaimsSizeExceeded", "TestSession_ClaimsAndAccessTokenHaveAtMost11K"},
	{"logout: the app expires every part", "TestSession_EndsWhenTheAppExpiresItsParts"},
	{"cookie attributes: Secure and SameSite=None over TLS", "TestCookies_HaveTheAttributesOfTheOrigin"},
	{"refresh when the access token expires", "TestRefresh_GetsNewTokensWhenTheAccessTokenHasExpired"},
	{"refresh refused: back to the provider", "TestRefresh_RefusedMeansToSignInAgain"},
	{"without a refresh token the session stays until it times out", "TestRefresh_NeedsARefreshToken"},
	{"a script's request gets 302 like a page, and 401 with deny", "TestLogin_DoesNotTellScriptsFromPages"},
	{"a WebSocket is checked when it opens, and never after", "TestDoor_ChecksAStreamWhenItOpensAndNeverAfter"},
	{"JWT header: typ, kid, alg, iss, client, signer, exp, in this order", "TestToken_HasTheHeaderOfAWSWithPadding"},
	{"base64 with padding, which the signature covers", "TestToken_IsSignedWithItsPadding"},
	{"claims come from userinfo, in its order, then exp and iss", "TestToken_HasTheClaimsOfUserinfoInTheirOrder"},
	{"with a user pool email_verified is text, and there are no groups", "TestToken_HasTheClaimsOfAUserPool"},
	{"a token for each request, valid for about two minutes", "TestToken_IsMadeForEachRequestAndShortLived"},
	{"one PEM at the region's address and the key's id; GovCloud and China", "TestKeys_AreAtTheAddressOfTheRegion"},
	{"keys of earlier tokens stay available", "TestKeys_OldOnesStayAfterARotation"},
	{"X-Amzn-Trace-Id", "TestTrace_KeepsTheRootOfTheClient"},
	{"headers of clients never arrive", "TestGateway_ForgedIdentitiesReachTheAppInNoMode"},
	{"foreign signer, other client and the other faults", "TestFaults_ChangeExactlyWhatTheySay"},
	{"what verification libraries do with each token", "TestForeign_LibrariesJudgeTokensAsInADeployment"},
}

func TestFidelity_EachFactHasATest(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := filepath.Glob("../*_test.go") // of the whole gateway, with programs of others
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, whole...)
	have := map[string]bool{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				have[fn.Name.Name] = true
			}
		}
	}
	for _, row := range fidelity {
		if !have[row.test] {
			t.Errorf("%s: there is no %s", row.fact, row.test)
		}
	}
}
