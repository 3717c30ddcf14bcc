package streamlit

import "testing"

// oauthModule is what httpx_oauth looks like to the shim (httpx_oauth/oauth2.py, 0.15.1).
const oauthModule = `
class BaseOAuth2:
    def __init__(self, client_id, client_secret, authorize_endpoint, access_token_endpoint,
                 refresh_token_endpoint=None, revoke_token_endpoint=None, introspect_endpoint=None, *, name="oauth2"):
        self.all = [client_id, client_secret, authorize_endpoint, access_token_endpoint, refresh_token_endpoint, revoke_token_endpoint, name]

class GoogleOAuth2(BaseOAuth2):
    def __init__(self, client_id, client_secret):
        super().__init__(client_id, client_secret, "https://accounts.google.com/o/oauth2/v2/auth", "https://oauth2.googleapis.com/token",
                         revoke_token_endpoint="https://accounts.google.com/o/oauth2/revoke", name="google")
`

const localEndpoints = `{"authorize":"http://localhost:8601/a","token":"http://localhost:8601/t","revoke":"http://localhost:8601/r"}`

func oauthSite(t *testing.T, module string) string {
	t.Helper()
	return tree(t, map[string]string{"httpx_oauth/__init__.py": "", "httpx_oauth/oauth2.py": module})
}

func TestShim_LeadsOAuthClientsToTheLocalProvider(t *testing.T) {
	site := oauthSite(t, oauthModule)
	t.Setenv(ShimEndpoints, localEndpoints)
	got := python(t, "from httpx_oauth.oauth2 import *\nprint(*GoogleOAuth2('id', 'secret').all)", site)
	if want := "id secret http://localhost:8601/a http://localhost:8601/t None http://localhost:8601/r google"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestShim_KnowsProvidersByHostAndByPath(t *testing.T) {
	site := oauthSite(t, oauthModule)
	t.Setenv(ShimEndpoints, localEndpoints)
	for authorize, mapped := range map[string]bool{
		"https://accounts.google.com/o/oauth2/v2/auth":                      true,
		"https://Accounts.Google.com:443/o/oauth2/auth":                     true,
		"https://login.microsoftonline.com/tenant/oauth2/v2.0/authorize":    true,
		"https://github.com/login/oauth/authorize":                          true,
		"https://dev-1.okta.com/oauth2/default/v1/authorize":                true,
		"https://shop.eu.auth0.com/authorize":                               true,
		"https://shop.auth.eu-west-1.amazoncognito.com/oauth2/authorize":    true,
		"https://login.shop.example/oauth2/authorize":                       true, // Cognito at a domain of one's own
		"https://sso.shop.example/realms/shop/protocol/openid-connect/auth": true,
		"https://shop.example/connect":                                      false,
		"https://evilokta.com/x":                                            false,
		"https://accounts.google.com.shop.example/o":                        false,
		"http://localhost:9000/realms/shop/protocol/openid-connect/auth":    false, // somebody's own provider on this machine
	} {
		got := python(t, "from httpx_oauth.oauth2 import *\nprint(BaseOAuth2('id', 'secret', authorize_endpoint='"+authorize+"', access_token_endpoint='https://shop.example/t').all[2])", site)
		if (got == "http://localhost:8601/a") != mapped || !mapped && got != authorize {
			t.Errorf("%s became %s", authorize, got)
		}
	}
}

func TestShim_LeavesOAuthClientsAloneWithoutALogin(t *testing.T) {
	site := oauthSite(t, oauthModule)
	got := python(t, "import sys\nfrom httpx_oauth.oauth2 import *\nprint(GoogleOAuth2('id', 'secret').all[2], 'json' in sys.modules)", site)
	if want := "https://accounts.google.com/o/oauth2/v2/auth False"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestShim_LeavesADifferentOAuthLibraryAlone(t *testing.T) {
	t.Setenv(ShimEndpoints, localEndpoints)
	site := oauthSite(t, "BaseOAuth2 = 7\n")
	if got := python(t, "from httpx_oauth.oauth2 import BaseOAuth2; print(BaseOAuth2)", site); got != "7" {
		t.Errorf("got %q", got)
	}
	got := python(t, "import sys\ntry:\n import httpx_oauth\nexcept ModuleNotFoundError as e:\n print(e.name)")
	if got != "httpx_oauth" {
		t.Errorf("got %q, want the plain error of an absent module", got)
	}
}
