package detect_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"sdev/dev/detect"
)

// filesFound is what a tree of a few files is.
func filesFound(t *testing.T, files map[string]string) *detect.Findings {
	t.Helper()
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	f, err := detect.Tree(tree)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAuth_AModuleOfTheProjectIsNoPackage(t *testing.T) {
	f, err := detect.Tree(fstest.MapFS{
		"app.py":      &fstest.MapFile{Data: []byte("import streamlit as st\nfrom keycloak import sign_in\n")},
		"keycloak.py": &fstest.MapFile{Data: []byte("def sign_in():\n  pass\n")},
	})
	if err != nil || f.Auth[0].Value != "none" {
		t.Errorf("%+v, %v", f.Auth, err)
	}
}

func TestAuth_KnowsLoginsByWhatIsImportedAndRead(t *testing.T) {
	for code, want := range map[string]string{
		"from streamlit_google_auth import Authenticate":                                "streamlit-google-auth app app.py:3",
		"from streamlit_cognito_auth import CognitoAuthenticator":                       "streamlit-cognito-auth service app.py:3",
		"import supabase\nurl = client.auth.sign_in_with_oauth({'provider': 'google'})": "supabase service app.py:4",
		"client.auth.sign_in_with_oauth({'provider': 'google'})":                        "none  ",
		"import streamlit_authenticator as stauth":                                      "streamlit-authenticator own app.py:3",
		"from auth0_component import login_button":                                      "streamlit-auth0 browser app.py:3",
		"from streamlit_keycloak import login":                                          "streamlit-keycloak browser app.py:3",
		"from streamlit_msal import Msal":                                               "streamlit-msal browser app.py:3",
		"from streamlit_oauth import OAuth2Component":                                   "streamlit-oauth app app.py:3",
		"import pyrebase":                                                "firebase service app.py:3",
		"from firebase_admin import auth":                                "firebase service app.py:3",
		"from firebase_admin import firestore":                           "none  ",
		"from authlib.integrations.requests_client import OAuth2Session": "authlib app app.py:3",
		"from requests_oauthlib import OAuth2Session":                    "requests-oauthlib app app.py:3",
		"from requests_oauthlib import OAuth1, OAuth1Session":            "none  ",
		"import requests_oauthlib":                                       "requests-oauthlib app app.py:3",
		"import msal":                                                    "msal app app.py:3",
		"from google_auth_oauthlib.flow import Flow":                     "google-auth-oauthlib app app.py:3",
		"from keycloak import KeycloakOpenID":                            "python-keycloak app app.py:3",
		"client.initiate_auth(AuthFlow='USER_PASSWORD')":                 "cognito-api service app.py:3",
		"u = 'https://github.com/login/oauth/authorize'":                 "oauth app app.py:3",
		"u = f'https://login.microsoftonline.com/{T}/x'":                 "oauth app app.py:3",
		"u = 'https://shop.example.com/'":                                "none  ",
		"h = st.context.headers['X-Ms-Client-Principal']":                "azure headers app.py:3",
		"h = st.context.headers.get('X-MS-TOKEN-AAD-ID-TOKEN')":          "azure headers app.py:3",
		"h = st.context.headers['x-amzn-oidc-data']":                     "alb door app.py:3",
		"h = st.context.headers['X-Goog-Authenticated-User-Email']":      "iap door app.py:3",
		"h = st.context.headers['Cf-Access-Jwt-Assertion']":              "cloudflare door app.py:3",
		"h = st.context.headers['X-Forwarded-Email']":                    "oauth2-proxy headers app.py:3",
		"h = st.context.headers['X-Auth-Request-User']":                  "oauth2-proxy headers app.py:3",
		"h = st.context.headers['Remote-User']":                          "remote-user headers app.py:3",
		"from streamlit.web.server.websocket_headers import _get_websocket_headers\nh = _get_websocket_headers()['X-Forwarded-User']": "oauth2-proxy headers app.py:4",
		"h = runtime.get_client(i).request.headers['X-Ms-Client-Principal-Name']":                                                     "azure headers app.py:3",
		"h = {'X-Forwarded-Email': 'a'}":                         "none  ", // of a request that it sends
		"if not st.user.is_logged_in:\n st.login()\nimport msal": "native native app.py:4",
	} {
		f := filesFound(t, map[string]string{"app.py": "import streamlit as st\n\n" + code + "\n"})
		first := f.Auth[0]
		if got := first.Value + " " + string(detect.HandlingOf(first.Value)) + " " + first.Place(); got != want {
			t.Errorf("%s\nis %q, want %q", code, got, want)
		}
	}
}

func TestSettings_AddressesOfProvidersInFilesOfTheProject(t *testing.T) {
	f := filesFound(t, map[string]string{
		"app.py":                    "import streamlit\n",
		".env":                      "# https://accounts.google.com/o/oauth2/auth\nexport COGNITO_DOMAIN=shop.auth.eu-west-1.amazoncognito.com\nREDIRECT_URI=https://shop.example.com/\nPOOL=\"eu-west-1_AbCdEf123\"\nOIDC_ISSUER='https://id.shop.example/'\nAPI=https://api.shop.example/token\n",
		".env.example":              "AUTH0_DOMAIN=never.auth0.com\n",
		".streamlit/secrets.toml":   "[connections.oauth]\nserver = \"login.shop.example\"\ncallback = \"https://shop.example.com/cb\"\n",
		"config/auth.yaml":          "auth:\n  authority: https://login.microsoftonline.com/tenant # ours\n",
		"client_secret.json":        `{"web": {"auth_uri": "https://accounts.google.com/o/oauth2/auth", "token_uri": "https://oauth2.googleapis.com/token"}}`,
		"deploy/ecs-cognito/a.json": `{"domain": "deployed.auth.eu-west-1.amazoncognito.com"}`,
		"tests/conf.json":           `{"a": "https://test.okta.com/"}`,
		"uv.lock.json":              `{"a": "https://lock.okta.com/"}`,
	})
	var got []string
	for _, s := range f.Login.Settings {
		got = append(got, s.Value+"@"+s.Place())
	}
	const want = "shop.auth.eu-west-1.amazoncognito.com@.env:2 https://id.shop.example/@.env:5 https://accounts.google.com/o/oauth2/auth@client_secret.json:1 " +
		"https://oauth2.googleapis.com/token@client_secret.json:1 login.shop.example@.streamlit/secrets.toml:2 https://login.microsoftonline.com/tenant@config/auth.yaml:2"
	if text := strings.Join(got, " "); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	if f.Login.Pool.Value != "eu-west-1_AbCdEf123" || f.Login.Pool.Place() != ".env:4" {
		t.Errorf("pool %+v", f.Login.Pool)
	}
	if hosts := strings.Join(detect.OwnHosts(f.Login.Settings...), " "); hosts != "id.shop.example login.shop.example" {
		t.Errorf("hosts that only the settings name: %s", hosts)
	}
	if f.Auth[0].Value != "oauth" || f.Auth[0].Place() != ".env:2" {
		t.Errorf("login %+v", f.Auth[0])
	}
}
