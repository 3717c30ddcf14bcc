//go:build docker

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/devtest"
)

// loginsFile is a Dockerfile for an image that has what people write logins with.
const loginsFile = `FROM python:3.11-slim
RUN --mount=type=cache,target=/root/.cache pip install --disable-pip-version-check --break-system-packages uv && uv venv -q /opt/venv && \
    UV_LINK_MODE=copy uv pip install -q --python /opt/venv/bin/python streamlit[auth]==1.58.0 httpx requests python-dotenv requests-oauthlib msal "pyjwt[crypto]" \
    streamlit-oauth==0.1.14 "google-auth-oauthlib<1.3" google-api-python-client google-auth
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /app
`

// byHand is OAuth code that takes everything from variables, as examples for Cognito have it.
const byHand = `import base64, os
import requests
import streamlit as st
from dotenv import load_dotenv

load_dotenv(override=True)
DOMAIN, CLIENT, SECRET = os.environ["COGNITO_DOMAIN"], os.environ["APP_CLIENT_ID"], os.environ["APP_CLIENT_SECRET"]
APP = os.environ["APP_URI"]


def user():
    code = st.query_params.get("code")
    if not code:
        return None
    basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
    answer = requests.post(f"{DOMAIN}/oauth2/token", headers={"Authorization": "Basic " + basic, "Content-Type": "application/x-www-form-urlencoded"},
                           data={"grant_type": "authorization_code", "client_id": CLIENT, "code": code, "redirect_uri": APP})
    answer.raise_for_status()
    return requests.get(f"{DOMAIN}/oauth2/userInfo", headers={"Authorization": "Bearer " + answer.json()["access_token"]}).json()


if "user" not in st.session_state:
    st.session_state.user = user()
if st.session_state.user is None:
    to = f"{DOMAIN}/login?client_id={CLIENT}&response_type=code&scope=email+openid+profile&redirect_uri={APP}"
    st.markdown(f'<a href="{to}" target="_self">Enter with Cognito</a>', unsafe_allow_html=True)
    st.stop()
st.title("Hello " + st.session_state.user["email"])
`

// withMSAL signs people in at Entra, with the tenant and the client from variables.
const withMSAL = `import os
import msal
import streamlit as st

AUTHORITY = f"https://login.microsoftonline.com/{os.environ['TENANT_ID']}"
app = msal.ConfidentialClientApplication(os.environ["CLIENT_ID"], authority=AUTHORITY, client_credential=os.environ["CLIENT_SECRET"])
if "code" in st.query_params and "user" not in st.session_state:
    answer = app.acquire_token_by_authorization_code(st.query_params["code"], scopes=["User.Read"], redirect_uri=os.environ["REDIRECT_URI"])
    st.session_state.user = answer["id_token_claims"]
    st.query_params.clear()
if "user" not in st.session_state:
    st.link_button("Enter with Microsoft", app.get_authorization_request_url(["User.Read"], redirect_uri=os.environ["REDIRECT_URI"]))
    st.stop()
st.title("Hello " + st.session_state.user["preferred_username"])
`

// withRequestsOAuthlib signs people in at Google and verifies the token with Google's own library.
const withRequestsOAuthlib = `import os
import streamlit as st
from google.auth.transport.requests import Request
from google.oauth2 import id_token
from requests_oauthlib import OAuth2Session

google = OAuth2Session(os.environ["GOOGLE_CLIENT_ID"], redirect_uri=os.environ["GOOGLE_REDIRECT"], scope=["openid", "https://www.googleapis.com/auth/userinfo.email"])
code = st.query_params.get("code")
if not code:
    to, _ = google.authorization_url(os.environ["GOOGLE_AUTH_URI"], access_type="offline")
    st.html(f'<a href="{to}" target="_self">Enter with Google</a>')
    st.stop()
token = google.fetch_token(os.environ["GOOGLE_TOKEN_URI"], code=code, client_secret=os.environ["GOOGLE_CLIENT_SECRET"])
claims = id_token.verify_oauth2_token(token["id_token"], Request(), os.environ["GOOGLE_CLIENT_ID"])
mail = google.get("https://www.googleapis.com/oauth2/v2/userinfo").json()["email"]
st.title("Hello " + claims["email"] + (", twice" if mail == claims["email"] else ""))
`

// withJWT signs people in at Auth0 with settings from nested secrets, and checks issuer, audience and signature.
const withJWT = `import jwt, requests
import streamlit as st

s = st.secrets["connections"]["auth0"]
base = f"https://{s.domain}"
if "code" not in st.query_params:
    st.markdown(f"[Enter with Auth0]({base}/authorize?response_type=code&client_id={s.client_id}&redirect_uri={s.callback}&scope=openid%20profile%20email)")
    st.stop()
token = requests.post(f"{base}/oauth/token", json={"grant_type": "authorization_code", "client_id": s.client_id, "client_secret": s.client_secret,
                                                   "code": st.query_params["code"], "redirect_uri": s.callback}).json()
key = jwt.PyJWKClient(f"{base}/.well-known/jwks.json").get_signing_key_from_jwt(token["id_token"])
claims = jwt.decode(token["id_token"], key.key, algorithms=["RS256"], audience=s.client_id, issuer=f"https://{s.domain}/")
st.title("Hello " + claims["email"])
`

// withAuthlib discovers a Keycloak at a domain of the company's own, which only a file of the project names.
const withAuthlib = `import json
import streamlit as st
from authlib.integrations.httpx_client import OAuth2Client
from authlib.jose import jwt
import httpx

oidc = json.load(open("config.json"))["oidc"]
meta = httpx.get(oidc["issuer"] + "/.well-known/openid-configuration").json()
client = OAuth2Client(oidc["client"], oidc["secret"], scope="openid email", redirect_uri="https://shop.example.com/")
if "code" not in st.query_params:
    to, state = client.create_authorization_url(meta["authorization_endpoint"])
    st.components.v1.html(f'<a href="{to}" target="_blank">Enter with the company account</a>')
    st.stop()
token = client.fetch_token(meta["token_endpoint"], code=st.query_params["code"])
claims = jwt.decode(token["id_token"], httpx.get(meta["jwks_uri"]).json(), claims_options={"iss": {"values": [oidc["issuer"]], "essential": True}})
claims.validate()
st.title("Hello " + client.get(meta["userinfo_endpoint"]).json()["email"])
`

// withGitHub has all addresses in the code, and asks for the form that GitHub answers with by default.
const withGitHub = `from urllib.parse import parse_qs
import requests
import streamlit as st

ID = "Iv1.0123456789abcdef"
if "code" not in st.query_params:
    st.link_button("Enter with GitHub", f"https://github.com/login/oauth/authorize?client_id={ID}&scope=read:user%20user:email")
    st.stop()
form = requests.post("https://github.com/login/oauth/access_token", data={"client_id": ID, "client_secret": "x", "code": st.query_params["code"]}).text
token = parse_qs(form)["access_token"][0]
headers = {"Authorization": f"token {token}"}
user = requests.get("https://api.github.com/user", headers=headers).json()
mails = requests.get("https://api.github.com/user/emails", headers=headers).json()
st.title(f"Hello {user['login']}, {mails[0]['email']}")
`

// withGoogleAuth does what streamlit-google-auth 1.1.8 does, without the cookie that it also keeps.
const withGoogleAuth = `import google_auth_oauthlib.flow
import streamlit as st
from googleapiclient.discovery import build

flow = google_auth_oauthlib.flow.Flow.from_client_secrets_file("client_secret.json", redirect_uri="https://shop.example.com",
    scopes=["openid", "https://www.googleapis.com/auth/userinfo.profile", "https://www.googleapis.com/auth/userinfo.email"])
code = st.query_params.get("code")
if not code:
    to, _ = flow.authorization_url(access_type="offline", include_granted_scopes="true")
    st.markdown(f'<a href="{to}" target="_self">Sign in with Google</a>', unsafe_allow_html=True)
    st.stop()
flow.fetch_token(code=code)
user = build(serviceName="oauth2", version="v2", credentials=flow.credentials).userinfo().get().execute()
st.title("Hello " + user["email"])
`

// withStreamlitOAuth opens a window, whose script waits for the very address that people return to.
const withStreamlitOAuth = `import os, requests
import streamlit as st
from streamlit_oauth import OAuth2Component

e = os.environ
oauth2 = OAuth2Component(e["CLIENT_ID"], e["CLIENT_SECRET"], e["AUTHORIZE_URL"], e["TOKEN_URL"], e["TOKEN_URL"], None)
if "token" not in st.session_state:
    result = oauth2.authorize_button("Enter with Okta", redirect_uri="https://shop.example.com/component/streamlit_oauth.authorize_button", scope="openid email profile")
    if result:
        st.session_state.token = result["token"]
        st.rerun()
    st.stop()
user = requests.get("https://shop.okta.com/oauth2/default/v1/userinfo", headers={"Authorization": "Bearer " + st.session_state.token["access_token"]}).json()
st.title("Hello " + user["email"])
`

const googleClientFile = `{"web": {"client_id": "1.apps.googleusercontent.com", "project_id": "shop", "auth_uri": "https://accounts.google.com/o/oauth2/auth",
 "token_uri": "https://oauth2.googleapis.com/token", "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
 "client_secret": "x", "redirect_uris": ["https://shop.example.com"]}}
`

const cognitoEnv = `COGNITO_DOMAIN=https://shop.auth.eu-west-1.amazoncognito.com
APP_CLIENT_ID=4kq0shopclient
APP_CLIENT_SECRET=not-for-here
APP_URI=https://shop.example.com/
`

// TestBrowserIdentity_LoginsOfOtherPeoplesProjectsReachTheLocalProvider signs in at apps whose addresses and clients of
// real providers come from different places. None of their files is for sdev.
func TestBrowserIdentity_LoginsOfOtherPeoplesProjectsReachTheLocalProvider(t *testing.T) {
	p := adopted(t, devtest.Project(t, map[string]string{"image/Dockerfile": loginsFile}))
	compose := func(settings string) string {
		return "services:\n  streamlit:\n    build: ./image\n    command: streamlit run app.py\n    ports: ['8501:8501']\n    volumes: ['./app:/app']\n" + indent(settings, "    ")
	}
	for name, c := range map[string]struct {
		files   map[string]string
		service string // more settings of the service
		button  string
		shows   string
	}{
		"a file that the app reads": {map[string]string{"app/app.py": byHand, "app/.env": cognitoEnv}, "", "Enter with Cognito", "Hello admin@example.com"},
		"variables, and msal": {map[string]string{"app/app.py": withMSAL}, "environment: {TENANT_ID: 8d6f1b2c-0000-4000-8000-123456789abc, CLIENT_ID: entra-client, CLIENT_SECRET: x, REDIRECT_URI: 'https://shop.example.com/'}\n",
			"Enter with Microsoft", "Hello admin@example.com"},
		"an env_file, and Google's libraries": {map[string]string{"app/app.py": withRequestsOAuthlib, "google.env": "GOOGLE_CLIENT_ID=1.apps.googleusercontent.com\nGOOGLE_CLIENT_SECRET=x\nGOOGLE_AUTH_URI=https://accounts.google.com/o/oauth2/v2/auth\nGOOGLE_TOKEN_URI=https://oauth2.googleapis.com/token\nGOOGLE_REDIRECT=https://shop.example.com/\n"},
			"env_file: google.env\n", "Enter with Google", "Hello admin@example.com, twice"},
		"nested secrets, and PyJWT": {map[string]string{"app/app.py": withJWT, "app/.streamlit/secrets.toml": "[connections.auth0]\ndomain = \"shop.eu.auth0.com\"\nclient_id = \"abc\"\nclient_secret = \"x\"\ncallback = \"https://shop.example.com/\"\n"}, "",
			"Enter with Auth0", "Hello admin@example.com"},
		"a file of settings, and authlib": {map[string]string{"app/app.py": withAuthlib, "app/config.json": `{"oidc": {"issuer": "https://sso.shop.example/realms/shop", "client": "web", "secret": "x"}}`}, "",
			"Enter with the company account", "Hello admin@example.com"},
		"the code itself, and GitHub": {map[string]string{"app/app.py": withGitHub}, "", "Enter with GitHub", "Hello admin, admin@example.com"},
		"streamlit-oauth": {map[string]string{"app/app.py": withStreamlitOAuth}, "environment: {CLIENT_ID: x, CLIENT_SECRET: y, AUTHORIZE_URL: 'https://shop.okta.com/oauth2/default/v1/authorize', TOKEN_URL: 'https://shop.okta.com/oauth2/default/v1/token'}\n",
			"Enter with Okta", "Hello admin@example.com"},
		"a client file, and Google's API client": {map[string]string{"app/app.py": withGoogleAuth, "app/client_secret.json": googleClientFile}, "", "Sign in with Google", "Hello admin@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			p.within(t)
			for file, text := range c.files {
				p.write(file, text)
			}
			p.write("compose.yaml", compose(c.service))
			ready := p.signingIn("--with-auth")
			page := openTab(t, ready.URL)
			signIn, code := page, c.files["app/app.py"]
			if strings.Contains(code, "link_button") || strings.Contains(code, "_blank") || strings.Contains(code, "](") || strings.Contains(code, "authorize_button") {
				signIn = page.opens(button(c.button)) // in a tab of its own
			} else {
				page.click(button(c.button))
			}
			signIn.shows("admin@example.com")
			signIn.click(button("admin@example.com"))
			if !strings.Contains(code, "authorize_button") { // its window closes, and the page goes on
				page = signIn
			}
			page.shows(c.shows)
			if checked := p.run(0, "auth", "check"); strings.Contains(checked, "FAIL") {
				t.Errorf("sdev auth check:\n%s", checked)
			}
			p.run(0, "down")
			for file := range c.files { // they are no settings of the next app
				if err := os.Remove(filepath.Join(p.dir, file)); err != nil {
					t.Fatal(err)
				}
				p.accept(file)
			}
			p.write("compose.yaml", compose("")) // it names no file that is gone
		})
	}
}

// otherClient asks a real provider with a client that sdev does not know.
const otherClient = `import http.client
import streamlit as st

URL = "https://shop.auth0.com/authorize"
try:
    http.client.HTTPSConnection("shop.auth0.com", timeout=2).request("GET", "/userinfo")
except OSError:
    pass
st.title("asked")
`

func TestBrowserIdentity_RequestsToARealProviderAreCountedAndShown(t *testing.T) {
	p := adopted(t, devtest.Project(t, map[string]string{
		"image/Dockerfile": loginsFile, "app/app.py": otherClient,
		"compose.yaml": "services:\n  streamlit:\n    build: ./image\n    command: streamlit run app.py\n    ports: ['8501:8501']\n    volumes: ['./app:/app']\n",
	}))
	up := p.stream("up", "--with-auth", "--json")
	page := openTab(t, awaitEvent[dev.Ready](t, up).URL)
	page.shows("asked")
	for {
		if w := awaitEvent[dev.Warning](t, up); w.Code == dev.CodeAuthUnmapped {
			if !strings.Contains(w.Message, "https://shop.auth0.com") {
				t.Errorf("%+v", w)
			}
			break
		}
	}
	if out := p.run(1, "auth", "check"); !strings.Contains(out, "addresses.mapped") || !strings.Contains(out, "to https://shop.auth0.com") {
		t.Errorf("sdev auth check:\n%s", out)
	}
	if out := p.run(0, "status", "--json"); !strings.Contains(out, `"unmapped":[{"address":"https://shop.auth0.com","count":`) {
		t.Errorf("sdev status:\n%s", out)
	}
}
