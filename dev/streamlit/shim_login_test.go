package streamlit

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"sdev/dev"
)

// identityRules sets the shim's rules for a local provider, and returns the start of the addresses there.
func identityRules(t *testing.T, issuer string, own ...string) {
	t.Helper()
	b, err := json.Marshal(dev.NewIdentityMap(issuer, "http://localhost:8501/shop", own))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(ShimIdentity, string(b))
}

func TestShimIdentity_LeadsTheRequestsOfALoginToTheLocalProvider(t *testing.T) {
	identityRules(t, "http://localhost:1", "login.shop.example")
	type request struct{ address, body, authorization string }
	code := "grant_type=authorization_code&client_id=1&code=2"
	cases := []struct {
		request
		mapped bool
	}{
		// Addresses of providers, from wherever the app has them.
		{request{"https://accounts.google.com/o/oauth2/v2/auth?client_id=1", "", ""}, true},
		{request{"https://Accounts.Google.com:443/o/oauth2/auth", "", ""}, true},
		{request{"https://login.microsoftonline.com/tenant/oauth2/v2.0/authorize?x", "", ""}, true},
		{request{"https://login.microsoftonline.com/tenant/v2.0/.well-known/openid-configuration", "", ""}, true},
		{request{"https://login.microsoftonline.com/tenant/discovery/v2.0/keys", "", ""}, true},
		{request{"https://dev-1.okta.com/oauth2/default/v1/authorize", "", ""}, true},
		{request{"https://dev-1.okta.com/oauth2/default/v1/keys", "", ""}, true},
		{request{"https://shop.eu.auth0.com/oauth/token", `{"grant_type": "authorization_code", "code": "1"}`, ""}, true},
		{request{"https://shop.auth.eu-west-1.amazoncognito.com/login?client_id=1", "", ""}, true},
		{request{"https://shop.auth.eu-west-1.amazoncognito.com/oauth2/token", code, "Basic eA=="}, true},
		{request{"https://shop.auth.eu-west-1.amazoncognito.com/oauth2/userInfo", "", "Bearer x"}, true},
		{request{"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc/.well-known/jwks.json", "", ""}, true},
		{request{"https://www.googleapis.com/oauth2/v1/certs", "", ""}, true},
		{request{"https://github.com/login/oauth/authorize?client_id=1", "", ""}, true},
		{request{"https://github.com/login/oauth/access_token", "client_id=1&client_secret=2&code=3", ""}, true},
		// Hosts that the project's settings name, and those that nobody names but whose request says it.
		{request{"https://login.shop.example/oauth2/userinfo", "", "Bearer x"}, true},
		{request{"https://sso.example.com/realms/shop/protocol/openid-connect/auth?client_id=1&response_type=code", "", ""}, true},
		{request{"https://id.example.com/token", code, ""}, true},
		// Tokens of the local provider go to it, and those of real ones do not.
		{request{"https://graph.microsoft.com/v1.0/me", "", "Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.x"}, true},
		{request{"https://graph.microsoft.com/v1.0/me", "", "Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.e30.x"}, false},
		{request{"https://api.github.com/user", "", "token gho_x"}, false},
		{request{"https://oauth2.googleapis.com/token", "grant_type=refresh_token&refresh_token=sdev-x", ""}, true},
		{request{"https://oauth2.googleapis.com/token", "grant_type=refresh_token&refresh_token=1%2F%2Fx", ""}, false},
		// A program's own credentials, and what has nothing to do with a login.
		{request{"https://oauth2.googleapis.com/token", "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=x", ""}, false},
		{request{"https://login.microsoftonline.com/tenant/oauth2/v2.0/token", "grant_type=client_credentials&client_id=1", ""}, false},
		{request{"https://www.googleapis.com/drive/v3/files", "", "Bearer x"}, false},
		{request{"https://api.github.com/repos/a/b", "", ""}, false},
		{request{"https://shop.example/authorize", "", ""}, false},
		{request{"https://shop.example/token", "x=y", ""}, false},
		{request{"https://evilokta.com/oauth2/v1/userinfo", "", ""}, false},
		{request{"https://accounts.google.com.shop.example/o/oauth2/auth", "", ""}, false},
		{request{"http://localhost:9000/realms/shop/protocol/openid-connect/auth?client_id=1&response_type=code", "", ""}, false}, // a provider of one's own
	}
	code = "import sdev_identity\n" // one process for all: it takes longest to start
	for _, c := range cases {
		code += fmt.Sprintf("print(sdev_identity.local(%q, %q, %q))\n", c.address, c.body, c.authorization)
	}
	lines := strings.Split(python(t, code), "\n")
	if len(lines) != len(cases) {
		t.Fatalf("%d answers to %d requests", len(lines), len(cases))
	}
	for i, c := range cases {
		got := lines[i]
		want := "None"
		if c.mapped {
			host, rest, _ := strings.Cut(strings.TrimPrefix(c.address, "https://"), "/")
			host, _, _ = strings.Cut(host, ":")
			want = "http://localhost:1/at/" + strings.ToLower(host) + "/" + rest
		}
		if got != want {
			t.Errorf("%+v became %s, want %s", c.request, got, want)
		}
	}
}

// clients look to the shim like the HTTP clients that OAuth libraries use. Sources: requests 2.34 sessions.py, httpx 0.28
// _client.py, urllib3 2.5 poolmanager.py, aiohttp 3.13 client.py, httplib2 0.32.
var clients = map[string]string{
	"requests/__init__.py": "",
	"requests/sessions.py": "class Session:\n def send(self, request, **kwargs):\n  print('requests', request.url)\n",
	"httpx/__init__.py":    "",
	"httpx/_client.py": `
class Client:
    def send(self, request, **kwargs):
        print("httpx", request.url, request.headers["Host"])

class AsyncClient:
    async def send(self, request, **kwargs):
        print("httpx async", request.url)
`,
	"urllib3/__init__.py":    "",
	"urllib3/poolmanager.py": "class PoolManager:\n def urlopen(self, method, url, redirect=True, **kw):\n  print('urllib3', url)\n",
	"aiohttp/__init__.py":    "",
	"aiohttp/client.py":      "class ClientSession:\n async def _request(self, method, str_or_url, **kwargs):\n  print('aiohttp', str_or_url)\n",
	"httplib2/__init__.py":   "class Http:\n def request(self, uri, method='GET', body=None, headers=None, redirections=5, connection_type=None):\n  print('httplib2', uri)\n",
}

const useClients = `
import asyncio, types, urllib.request
import requests.sessions, httpx._client, urllib3.poolmanager, aiohttp.client, httplib2

def request(**more):
    return types.SimpleNamespace(headers={"Host": "x"}, **more)

class OldForm:  # a form as httpx 0.17 has it
    headers = {"Host": "x", "Content-Type": "application/x-www-form-urlencoded"}
    stream = [b"client_id=1&grant_type=authorization_code"]

    def __init__(self, url):
        self.url = url

    @property
    def content(self):
        raise RuntimeError("Attempted to access request content, without having read it.")

    def read(self):
        return b"".join(self.stream)

KEYS = "https://shop.auth0.com/.well-known/jwks.json"
requests.sessions.Session().send(request(url=KEYS, body=None))
httpx._client.Client().send(request(url=KEYS, content=b""))
asyncio.run(httpx._client.AsyncClient().send(request(url=KEYS, content=b"")))
httpx._client.Client().send(OldForm("https://sso.shop.example/oauth2/token"))
urllib3.poolmanager.PoolManager().urlopen("GET", KEYS)
asyncio.run(aiohttp.client.ClientSession()._request("GET", KEYS))
httplib2.Http().request(KEYS)
for address in (KEYS, urllib.request.Request(KEYS)):
    try:
        urllib.request.urlopen(address)
    except OSError as error:  # nothing listens at the port of the local provider
        print("urllib", error.reason)
`

func TestShimIdentity_KnowsTheClientsOfOAuthLibraries(t *testing.T) {
	site := tree(t, clients)
	identityRules(t, "http://localhost:1")
	const to = " http://localhost:1/at/shop.auth0.com/.well-known/jwks.json"
	want := strings.Join([]string{"requests" + to, "httpx" + to + " localhost:1", "httpx async" + to,
		"httpx http://localhost:1/at/sso.shop.example/oauth2/token localhost:1", "urllib3" + to, "aiohttp" + to, "httplib2" + to}, "\n")
	got, ends, _ := strings.Cut(python(t, useClients, site), "\nurllib ")
	if got != want || strings.Count(ends, "refused") != 2 {
		t.Errorf("got\n%s\n%s\nwant\n%s", got, ends, want)
	}
}

func TestShimIdentity_LeavesUnknownClientsAlone(t *testing.T) {
	other := map[string]string{}
	for name := range clients {
		other[name] = "x = 7\n"
	}
	identityRules(t, "http://localhost:1")
	if got := python(t, "import requests.sessions, httpx._client, urllib3.poolmanager, aiohttp.client, httplib2\nprint(httplib2.x)", tree(t, other)); got != "7" {
		t.Errorf("got %q", got)
	}
}

func TestShimIdentity_DoesNothingWithoutALogin(t *testing.T) {
	got := python(t, "import sys, urllib.request\nprint('sdev_identity' in sys.modules, 'sdev_person' in sys.modules)")
	if got != "False False" {
		t.Errorf("loaded: %s", got)
	}
}

func TestShimIdentity_LeadsWhatThePageShows(t *testing.T) {
	identityRules(t, "http://localhost:1", "sso.shop.example")
	const at = "http://localhost:1/at/"
	for text, want := range map[string]string{
		`<a href="https://accounts.google.com/o/oauth2/auth?client_id=1&amp;state=2" target="_self">in</a>`:            `<a href="` + at + `accounts.google.com/o/oauth2/auth?client_id=1&amp;state=2" target="_self">in</a>`,
		`{"authorization_url": "https://sso.shop.example/authorize?x=1", "n": 1}`:                                      `{"authorization_url": "` + at + `sso.shop.example/authorize?x=1", "n": 1}`,
		`[in](https://github.com/login/oauth/authorize?client_id=1) now`:                                               `[in](` + at + `github.com/login/oauth/authorize?client_id=1) now`,
		`<meta http-equiv="refresh" content="0; url=https://shop.auth.eu-west-1.amazoncognito.com/login?client_id=1">`: `<meta http-equiv="refresh" content="0; url=` + at + `shop.auth.eu-west-1.amazoncognito.com/login?client_id=1">`,
		`{"u": "https://sso.shop.example/authorize?redirect_uri=https%3A%2F%2Fshop.example%2Fcomponent%2Fx&state=1"}`:  `{"u": "` + at + `sso.shop.example/authorize?redirect_uri=http%3A%2F%2Flocalhost%3A8501%2Fshop%2Fcomponent%2Fx&state=1"}`,
		`https://sso.shop.example/authorize?redirect_uri=https://shop.example/shop/Page?x=1`:                           at + `sso.shop.example/authorize?redirect_uri=http%3A%2F%2Flocalhost%3A8501%2Fshop%2FPage%3Fx%3D1`,
		`https://sso.shop.example/authorize?redirect_uri=http://localhost:8501/x&amp;state=1`:                          at + `sso.shop.example/authorize?redirect_uri=http://localhost:8501/x&amp;state=1`,
		`https://sso.shop.example/help and https://github.com/streamlit/streamlit`:                                     `https://sso.shop.example/help and https://github.com/streamlit/streamlit`,
		"no address": "no address",
	} {
		if got := python(t, fmt.Sprintf("import sdev_identity\nprint(sdev_identity.shown(%s))", pythonText(t, text))); got != want {
			t.Errorf("%s\nbecame\n%s", text, got)
		}
	}
}

func pythonText(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

func TestShimIdentity_ReportsWhatStillGoesToARealProvider(t *testing.T) {
	var mu sync.Mutex
	var reported []string
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		reported = append(reported, r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type")+" "+string(b))
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(provider.Close)
	identityRules(t, provider.URL)
	python(t, `
import socket, sdev_identity
sdev_identity.local("https://shop.auth0.com/api/v2/users?q=secret")
sdev_identity.local("https://oauth2.googleapis.com/token", "grant_type=client_credentials")
for host in ("login.live.com", "oauth2.googleapis.com", "localhost"):
    try:
        socket.getaddrinfo(host, 443)
    except OSError:
        pass
`)
	mu.Lock()
	defer mu.Unlock()
	want := []string{`POST /unmapped application/json {"address": "https://shop.auth0.com/api/v2/users"}`, `POST /unmapped application/json {"address": "https://login.live.com"}`}
	if fmt.Sprint(reported) != fmt.Sprint(want) {
		t.Errorf("reported\n%s\nwant\n%s", strings.Join(reported, "\n"), strings.Join(want, "\n"))
	}
}
