package session

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/devtest"
	"sdev/dev/engine"
)

// identityOf returns the login setup of a project with more files and settings of its service.
func identityOf(t *testing.T, files map[string]string, service string, o Options) (*config.Project, loginSetup, error) {
	t.Helper()
	all := map[string]string{"compose.yml": "name: shop\nservices:\n  streamlit:\n    image: shop\n    command: streamlit run Home.py\n" + service}
	for name, text := range files {
		all[name] = text
	}
	dir := devtest.Project(t, all)
	p, err := config.Load(t.Context(), config.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	s, err := newLoginSetup(p, o)
	return p, s, err
}

func TestIdentity_AddressesAreFoundWhereverTheAppHasThemFrom(t *testing.T) {
	const code = "import streamlit\nimport requests\n"
	for name, c := range map[string]struct {
		files   map[string]string
		service string
		says    string
		hosts   string
		profile string
	}{
		"variables": {map[string]string{"Home.py": code}, "    environment:\n      A: b\n      COGNITO_DOMAIN: https://shop.auth.eu-west-1.amazoncognito.com\n",
			"https://shop.auth.eu-west-1.amazoncognito.com (compose.yml:8)", "", "cognito"},
		"an env_file": {map[string]string{"Home.py": code, "auth.txt": "X=y\nAUTHORITY=https://login.microsoftonline.com/t\n"}, "    env_file: auth.txt\n",
			"https://login.microsoftonline.com/t (auth.txt:2)", "", "entra"},
		"a file that the app reads": {map[string]string{"Home.py": code, ".env": "OIDC_ISSUER=https://id.shop.example/realms/a\n"}, "",
			"https://id.shop.example/realms/a (.env:1)", "id.shop.example", "plain"},
		"secrets": {map[string]string{"Home.py": code, ".streamlit/secrets.toml": "[a.b]\nurl = \"https://accounts.google.com/o/oauth2/auth\"\n"}, "",
			"https://accounts.google.com/o/oauth2/auth (.streamlit/secrets.toml:2)", "", "google"},
		"the code": {map[string]string{"Home.py": code + "U = 'https://sso.shop.example/realms/a/protocol/openid-connect/auth'\n"}, "",
			"https://sso.shop.example/realms/a/protocol/openid-connect/auth (Home.py:3)", "sso.shop.example", "keycloak"},
	} {
		t.Run(name, func(t *testing.T) {
			p, s, err := identityOf(t, c.files, c.service, Options{Auth: "app"})
			if err != nil {
				t.Fatal(err)
			}
			reported := slices.ContainsFunc(s.warnings, func(w dev.Warning) bool {
				return w.Code == dev.CodeAssumed && w.Message == "in this mode these addresses lead to the local provider: "+c.says && w.Hint != ""
			})
			if !reported {
				t.Errorf("warnings: %+v", s.warnings)
			}
			parts := s.overlay(p, engine.Ports{App: 8501, Provider: 8601})
			if strings.Join(parts.Hosts, " ") != c.hosts || s.profile(p) != c.profile {
				t.Errorf("hosts %q, profile %s", parts.Hosts, s.profile(p))
			}
		})
	}
}

// TestIdentity_IsThatOfTheChosenScript has an example with a login beside one without.
func TestIdentity_IsThatOfTheChosenScript(t *testing.T) {
	p, _, err := identityOf(t, map[string]string{
		"compose.yml":   "name: shop\nservices:\n  streamlit:\n    image: shop\nx-sdev: {app: streamlit, entry: examples/b.py}\n",
		"examples/a.py": "import streamlit\n", "examples/b.py": "import streamlit\nU = 'https://accounts.google.com/o/oauth2/auth'\nstreamlit.user\n",
	}, "", Options{As: "a@example.com"})
	if err != nil {
		t.Fatalf("--local --as: %v", err)
	}
	text, _, err := LoginAddresses(p)
	if want := "https://accounts.google.com/o/oauth2/auth (examples/b.py:2)"; err != nil || text != want {
		t.Errorf("addresses %q, %v, want %q", text, err, want)
	}
}

func TestIdentity_TheProviderTakesTheAppsOwnClients(t *testing.T) {
	p, s, err := identityOf(t, map[string]string{"Home.py": "import streamlit\n", ".env": "COGNITO_DOMAIN=shop.auth.eu-west-1.amazoncognito.com\nUSER_POOL=eu-west-1_AbCdEf123\n"}, "", Options{Auth: "app"})
	if err != nil {
		t.Fatal(err)
	}
	l, err := s.provider(p, runFacts{ports: engine.Ports{App: 8501, Provider: 8601}, page: "http://localhost:8501"})
	if err != nil {
		t.Fatal(err)
	}
	if m := l.Mapped; m == nil || !m.Client.AnySecret || m.Client.Page != "http://localhost:8501" || m.Issuers["shop.auth.eu-west-1.amazoncognito.com"] != "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123" {
		t.Errorf("%+v", m)
	}
	p, s, err = identityOf(t, map[string]string{"Home.py": nativeLogin}, "", Options{Auth: "native"})
	if err != nil {
		t.Fatal(err)
	}
	if l, err = s.provider(p, runFacts{ports: engine.Ports{App: 8501, Provider: 8601}, page: "http://localhost:8501"}); err != nil || l.Mapped != nil {
		t.Errorf("st.login needs no addresses of others: %+v, %v", l.Mapped, err)
	}
}

func TestIdentity_WhatNothingMapsIsReportedBeforeTheClick(t *testing.T) {
	for code, says := range map[string]string{
		"from streamlit_keycloak import login":                "streamlit_keycloak is imported (Home.py:2)",
		"from streamlit_cognito_auth import CognitoUI":        "streamlit_cognito_auth is imported (Home.py:2)",
		"boto3.client('cognito-idp').initiate_auth(AuthFlow)": "it calls Cognito's own interface (Home.py:2)",
	} {
		_, s, err := identityOf(t, map[string]string{"Home.py": "import streamlit\n" + code + "\n"}, "", Options{Auth: "app"})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(s.warnings, func(w dev.Warning) bool {
			return w.Code == dev.CodeAuthUnmapped && strings.HasSuffix(w.Message, says) && w.Hint != ""
		}) {
			t.Errorf("%s: %+v", code, s.warnings)
		}
	}
}

func TestIdentity_EachKindOfLoginHasItsMode(t *testing.T) {
	for code, want := range map[string]string{
		"from streamlit_google_auth import Authenticate": "app",
		"import msal": "app",
		"from requests_oauthlib import OAuth2Session":                 "app",
		"import msal\nst.login()":                                     "native", // msal for something else
		"import streamlit_oauth\nst.login()":                          "two kinds of login",
		"import streamlit_authenticator":                              "its own list of users",
		"from streamlit_keycloak import login":                        "no counterpart of its service",
		"h = st.context.headers['X-Ms-Client-Principal']":             "a proxy in front of the deployed app",
		"URL = 'https://shop.auth0.com/authorize'":                    "app",
		"import supabase\nimport firebase_admin\nx = 'no login here'": "--with-auth=app",
	} {
		_, s, err := identityOf(t, map[string]string{"Home.py": "import streamlit as st\n" + code + "\n"}, "", Options{Auth: DetectAuth})
		if err == nil {
			if string(s.mode) != want {
				t.Errorf("%s: mode %s, want %s", code, s.mode, want)
			}
			continue
		}
		if e, ok := errors.AsType[*dev.Error](err); !ok || e.Code != dev.CodeAuthMode || !strings.Contains(e.Message+e.Hint, want) {
			t.Errorf("%s: %+v", code, err)
		}
	}
}

func TestLocal_SaysWhatItDoesNotBypass(t *testing.T) {
	for code, want := range map[string]string{
		"if not st.user.is_logged_in: st.login()":                                       "st.login has nothing that --local could bypass, so nobody is signed in and st.user is empty: it uses st.login (Home.py:2)",
		"import streamlit_authenticator":                                                "streamlit-authenticator keeps its own list of users, so its login stays as it is: streamlit_authenticator is imported (Home.py:2)",
		"from streamlit_google_auth import Authenticate":                                "--local bypasses no login here, because the code does not read LOCAL_STREAMLIT; its login stays: streamlit_google_auth is imported (Home.py:2)",
		"h = st.context.headers['X-Ms-Client-Principal']":                               "a proxy in front of the app signs people in, and there is none on this machine: it reads the header of Azure's EasyAuth (Home.py:2)",
		"import streamlit_oauth, os\nif not os.environ.get('LOCAL_STREAMLIT'): oauth()": "",
		"st.title('open')": "",
	} {
		p, s, err := identityOf(t, map[string]string{"Home.py": "import streamlit as st\n" + code + "\n"}, "", Options{})
		if err != nil {
			t.Fatal(err)
		}
		all := s.bypassWarnings(inspected(t, p))
		if want == "" && len(all) > 0 || want != "" && (len(all) != 1 || all[0].Code != dev.CodeAuthBypass || all[0].Message != want || all[0].Hint == "") {
			t.Errorf("%s: %+v", code, all)
		}
	}
}

func TestLocal_AsMakesStUserAPerson(t *testing.T) {
	native := map[string]string{"Home.py": nativeLogin}
	const people = "x-sdev: {auth: {users: [{email: Zoe@example.com, name: Zoë Müller, groups: [sales], claims: {department: 7}}]}}\n"
	p, s, err := identityOf(t, native, people, Options{As: "zoe@EXAMPLE.com"})
	if err != nil {
		t.Fatal(err)
	}
	claims := s.overlay(p, engine.Ports{}).Person
	if claims["email"] != "Zoe@example.com" || claims["name"] != "Zoë Müller" || claims["is_logged_in"] != true || claims["family_name"] != "Müller" || claims["department"] == nil || claims["sub"] == "" {
		t.Errorf("%+v", claims)
	}
	if w := s.bypassWarnings(inspected(t, p)); len(w) != 0 {
		t.Errorf("warnings although somebody is signed in: %+v", w)
	}
	if p, s, err = identityOf(t, native, "", Options{As: "somebody@else.example"}); err != nil || s.overlay(p, engine.Ports{}).Person["email"] != "somebody@else.example" {
		t.Errorf("any other address: %v", err)
	}
	if p, s, err = identityOf(t, native, "", Options{}); err != nil || s.overlay(p, engine.Ports{}).Person != nil {
		t.Errorf("without --as: %v", err)
	}
	for name, c := range map[string]struct{ script, as, says string }{
		"no st.user":     {ownLogin, "a@example.com", "needs an app that reads st.user"},
		"not an address": {nativeLogin, "alice", "not an e-mail address"},
	} {
		_, _, err := identityOf(t, map[string]string{"Home.py": c.script}, "", Options{As: c.as})
		if e, ok := errors.AsType[*dev.Error](err); !ok || e.Exit != dev.ExitUsage || !strings.Contains(e.Message, c.says) || e.Hint == "" {
			t.Errorf("%s: %+v", name, err)
		}
	}
}
