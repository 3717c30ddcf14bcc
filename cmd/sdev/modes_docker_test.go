//go:build docker

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"sdev/dev"
)

// upAs starts the project in the background with these flags and returns its last event, which must be ready.
func (p *project) upAs(flags ...string) dev.Ready {
	p.t.Helper()
	out := p.run(0, append([]string{"up", "-d", "--json"}, flags...)...)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var last dev.Stamped
	decode(p.t, lines[len(lines)-1], &last)
	ready, ok := last.Event.(dev.Ready)
	if !ok {
		p.t.Fatalf("last event of up is %T\n%s", last.Event, out)
	}
	return ready
}

// asAppSignsIn is a script that signs in like document 000's code, without a browser: it reads the client from the
// parameter store, uses the endpoints of Google in httpx_oauth, follows a redirect, exchanges a code, and verifies the
// ID token with PyJWT.
const asAppSignsIn = `
import asyncio, json, boto3, httpx, jwt
from urllib.parse import urlsplit, parse_qs
from httpx_oauth.clients.google import GoogleOAuth2
ssm = boto3.client("ssm")
web = json.loads(ssm.get_parameter(Name="/streamlit/oauth", WithDecryption=True)["Parameter"]["Value"])["web"]
closed = ssm.get_parameter(Name="/streamlit/oauth")["Parameter"]["Value"]
refused = []
for call in (lambda: ssm.get_parameter(Name="/no/such"), lambda: ssm.put_parameter(Name="/x", Value="y", Type="String")):
    try:
        call()
    except Exception as e:
        refused.append(type(e).__name__ + " " + e.response["Error"]["Code"])
async def go():
    client = GoogleOAuth2(web["client_id"], web["client_secret"])
    to = await client.get_authorization_url(web["redirect_uris"][-1], state="s", scope=["openid", "email", "profile"], extras_params={"nonce": "n"})
    back = urlsplit(httpx.get(to).headers["location"])
    token = await client.get_access_token(parse_qs(back.query)["code"][0], web["redirect_uris"][-1])
    key = jwt.PyJWKClient(web["jwks_uri"]).get_signing_key_from_jwt(token["id_token"])
    return to, jwt.decode(token["id_token"], key, algorithms=["RS256"], audience=web["client_id"], issuer="https://accounts.google.com")
to, claims = asyncio.run(go())
print(json.dumps({"to": to, "claims": claims, "last": web["redirect_uris"][-1], "closed": "client_secret" not in closed, "refused": refused, "secret": web["client_secret"]}))
`

func TestDockerWithAuth_OwnCodeSignsInWithoutAChange(t *testing.T) {
	p := scaffolded(t, "--auth", "streamlit-oauth")
	ready := p.upAs("--with-auth", "--as", "admin@example.com")
	if ready.Mode != dev.AppLogin || !strings.HasPrefix(ready.Issuer, "http://localhost:") {
		t.Fatalf("%+v", ready)
	}
	var got struct {
		To, Last, Secret string
		Closed           bool
		Refused          []string
		Claims           map[string]any
	}
	decode(t, p.run(0, "shell", "--", "python", "-c", asAppSignsIn), &got)
	// The address that the app makes is the real one; it leads to the local provider when the app requests or shows it.
	if !strings.HasPrefix(got.To, "https://accounts.google.com/") || got.Claims["email"] != "admin@example.com" || got.Claims["nonce"] != "n" || got.Last != ready.URL {
		t.Errorf("%+v", got)
	}
	if !got.Closed || fmt.Sprint(got.Refused) != "[ParameterNotFound ParameterNotFound ClientError AccessDeniedException]" && fmt.Sprint(got.Refused) != "[ParameterNotFound ParameterNotFound AccessDeniedException AccessDeniedException]" {
		t.Errorf("the parameter store: closed %v, %v", got.Closed, got.Refused)
	}
	if env := p.inside("env"); strings.Contains(env, "LOCAL_STREAMLIT") || strings.Contains(env, got.Secret) {
		t.Errorf("environment:\n%s", env)
	}
	p.providerHasOneName(ready)
	p.keepsSecret(got.Secret)
	var s struct {
		Mode, Issuer string
		Auth         struct {
			Users   int
			Current string
		}
	}
	decode(t, p.run(0, "status", "--json"), &s)
	if s.Mode != "app" || s.Issuer != ready.Issuer || s.Auth.Users != 2 || s.Auth.Current != "admin@example.com" {
		t.Errorf("status: %+v", s)
	}

	// After a restart of only the gateway, the provider is the same.
	keys := body(t, ready.Issuer+"/jwks")
	docker(t, "restart", "-t", "1", p.gateway())
	p.upAs("--with-auth", "--as", "admin@example.com")
	if after := body(t, ready.Issuer+"/jwks"); after != keys {
		t.Errorf("after a restart its keys are others:\n%s\n%s", keys, after)
	}
}

// providerHasOneName requests the provider under foreign host names.
func (p *project) providerHasOneName(ready dev.Ready) {
	p.t.Helper()
	const path = "/.well-known/openid-configuration"
	for host, want := range map[string]int{"evil.example": http.StatusMisdirectedRequest, "sdev-gateway": http.StatusMisdirectedRequest, "localhost": http.StatusOK} {
		_, port, _ := strings.Cut(strings.TrimPrefix(ready.Issuer, "http://"), ":")
		req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, ready.Issuer+path, nil)
		if err != nil {
			p.t.Fatal(err)
		}
		req.Host = host + ":" + port
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			p.t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			p.t.Errorf("asked as %s it answers %s", host, res.Status)
		}
	}
}

// keepsSecret searches for a secret in every place where it could be read by accident.
func (p *project) keepsSecret(secret string) {
	p.t.Helper()
	if secret == "" {
		p.t.Fatal("there is no secret to look for")
	}
	for where, text := range map[string]string{
		"docker inspect": docker(p.t, "inspect", p.app(), p.gateway()), "the gateway's output": docker(p.t, "logs", p.gateway()),
		"sdev logs": p.run(0, "logs", "--json"), "sdev config": p.run(0, "config", "--with-auth"), "sdev config --json": p.run(0, "config", "--with-auth", "--json"),
		"sdev status": p.run(0, "status", "--json"),
	} {
		if strings.Contains(text, secret) {
			p.t.Errorf("%s has the client's secret", where)
		}
	}
	err := filepath.WalkDir(filepath.Join(p.dir, ".sdev"), func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if info, _ := d.Info(); err == nil && strings.Contains(string(b), secret) && info.Mode().Perm() != 0o600 {
			p.t.Errorf("%s has it, with mode %s", path, info.Mode())
		}
		return err
	})
	if err != nil {
		p.t.Error(err)
	}
}

func body(t testing.TB, address string) string {
	t.Helper()
	code, text := get(t, address)
	if code != http.StatusOK {
		t.Fatalf("%s answers %d: %s", address, code, text)
	}
	return text
}

func TestDockerWithAuth_SwitchingTheModeReplacesTheAppAlone(t *testing.T) {
	p := scaffolded(t, "--auth", "streamlit-oauth")
	ready := p.upAs("--with-auth=app")
	before := p.ids()
	login := body(t, ready.Issuer+"/jwks")

	start := time.Now()
	seen, done := p.watches(ready.URL)
	local := p.upAs("--local")
	done()
	if got := seen(); got[""] > 0 || got["200 "] == 0 || got["503 Restarting the app"] == 0 || len(got) != 2 {
		t.Errorf("meanwhile the page was: %v", got)
	}
	t.Logf("to --local in %s", time.Since(start))
	after := p.ids()
	if after["sdev-gateway"] != before["sdev-gateway"] || after["streamlit-local"] == before["streamlit-local"] {
		t.Errorf("containers before %v, after %v", before, after)
	}
	if local.Mode != dev.Local || local.Issuer != "" || local.URL != ready.URL || p.inside("echo $LOCAL_STREAMLIT$AWS_ENDPOINT_URL_SSM") != "1" {
		t.Errorf("%+v", local)
	}
	if code, text := get(t, ready.Issuer+"/jwks"); code != http.StatusServiceUnavailable || !strings.Contains(text, "local mode") {
		t.Errorf("the provider answers %d %s", code, text)
	}

	start = time.Now()
	p.upAs("--with-auth=app")
	t.Logf("to --with-auth in %s", time.Since(start))
	if p.ids()["sdev-gateway"] != before["sdev-gateway"] || body(t, ready.Issuer+"/jwks") != login {
		t.Error("back again it is not the same provider")
	}
	// Commands without a flag keep the mode.
	p.run(0, "restart")
	p.run(0, "rebuild")
	var s struct{ Mode string }
	decode(t, p.run(0, "status", "--json"), &s)
	if s.Mode != "app" {
		t.Errorf("after restart and rebuild the mode is %s", s.Mode)
	}
	rebuilt := p.ids()
	p.upAs("--with-auth=app")
	if fmt.Sprint(p.ids()) != fmt.Sprint(rebuilt) {
		t.Error("a second up changed containers")
	}
}

// A running "sdev up --local" must not bring the bypass back after another sdev, in another terminal, has switched to the
// login.
func TestDockerWithAuth_ARunningUpKeepsTheModeThatAnotherOneSet(t *testing.T) {
	p := scaffolded(t, "--auth", "streamlit-oauth")
	attending := p.attend()
	awaitEvent[dev.Ready](t, attending)
	p.upAs("--with-auth=app")
	before := p.ids()["streamlit-local"]

	dockerfile, err := os.ReadFile(filepath.Join(p.dir, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	p.write("code_package/notes.txt", "so that the image changes") // its last step copies the tree
	p.write("Dockerfile", string(dockerfile)+"# changed\n")
	for awaitEvent[dev.FileChanged](t, attending).Action != dev.Rebuild {
	}
	awaitEvent[dev.Ready](t, attending)
	if p.ids()["streamlit-local"] == before {
		t.Error("the app is not of the new image")
	}
	if bypass := p.inside("echo $LOCAL_STREAMLIT"); bypass != "" {
		t.Errorf("the login is bypassed: LOCAL_STREAMLIT=%s", bypass)
	}
	var s struct{ Mode string }
	decode(t, p.run(0, "status", "--json"), &s)
	if s.Mode != "app" {
		t.Errorf("the mode is %s", s.Mode)
	}
}

// watches requests a page repeatedly until done is called. It counts the answers by status and title of the hold page;
// "" is no answer at all.
func (p *project) watches(address string) (seen func() map[string]int, done func()) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	counts := make(chan map[string]int, 1)
	go func() {
		count := map[string]int{}
		requests := time.NewTicker(20 * time.Millisecond)
		defer requests.Stop()
		for ctx.Err() == nil {
			what := opened(ctx, address)
			if ctx.Err() == nil {
				count[what]++
			}
			select {
			case <-requests.C:
			case <-ctx.Done():
			}
		}
		counts <- count
	}()
	return func() map[string]int { return <-counts }, cancel
}

var holdTitle = regexp.MustCompile(`<h1[^>]*>([^<]*)</h1>`)

func opened(ctx context.Context, address string) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Accept", "text/html")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	page, _ := io.ReadAll(res.Body)
	title := ""
	if m := holdTitle.FindSubmatch(page); m != nil {
		title = string(m[1])
	}
	return strconv.Itoa(res.StatusCode) + " " + title
}

// stLogin creates a project whose only login is st.login, with secrets of its own.
func stLogin(t testing.TB) *project {
	t.Helper()
	p := native(t)
	p.write(".dockerignore", ".streamlit\n.sdev\n")
	p.write(".streamlit/secrets.toml", "db_password = \"of-the-project\"\n[auth]\nredirect_uri = \"https://shop.example/oauth2callback\"\ncookie_secret = \"theirs\"\nclient_id = \"their-id\"\nclient_secret = \"their-secret\"\nserver_metadata_url = \"https://accounts.google.com/.well-known/openid-configuration\"\n")
	return p
}

// withSecrets runs Python in the app's container with Streamlit's settings as its server has them.
func (p *project) withSecrets(script string, args ...string) string {
	p.t.Helper()
	const settings = "import os; from streamlit import config; config.get_config_options(force_reparse=True, options_from_flags={'secrets.files': [os.environ['STREAMLIT_SECRETS_FILES']]})\n"
	return strings.TrimSpace(p.run(0, append([]string{"shell", "--", "python", "-c", settings + script}, args...)...))
}

// signInNatively signs in with st.login like a browser: Streamlit's own link, the provider, and back. It returns the
// cookies that the app set.
func (p *project) signInNatively(ready dev.Ready) (user string, jar http.CookieJar) {
	p.t.Helper()
	token := p.withSecrets("from streamlit.auth_util import encode_provider_token; print(encode_provider_token('default'))")
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, ready.URL+"/auth/login?provider="+url.QueryEscape(token), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || res.Request.URL.String() != ready.URL+"/" {
		p.t.Fatalf("%s: %s at %s\n%.400s", ready.URL, res.Status, res.Request.URL, page)
	}
	for _, c := range jar.Cookies(res.Request.URL) {
		if c.Name == "_streamlit_user" {
			user = c.Value
		}
	}
	return user, jar
}

// whoIs reads Streamlit's cookie as Streamlit does.
func (p *project) whoIs(cookie string) string {
	p.t.Helper()
	return p.withSecrets(`import json, sys
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
print(json.loads(decode_signed_value(get_cookie_secret(), "_streamlit_user", sys.argv[1].strip('"')))["email"])`, cookie)
}

func TestDockerWithAuth_StLoginSignsInWithSecretsThatAreNotInTheTree(t *testing.T) {
	p := stLogin(t)
	ready := p.upAs("--with-auth", "--as", "user@example.com")
	if ready.Mode != dev.Native {
		t.Fatalf("%+v", ready)
	}
	cookie, _ := p.signInNatively(ready)
	if got := p.whoIs(cookie); got != "user@example.com" {
		t.Errorf("signed in as %q", got)
	}
	if got := p.withSecrets("import streamlit as st; print(st.secrets['db_password'], st.secrets['auth']['client_id'])"); got != "of-the-project their-id" {
		t.Errorf("secrets: %q", got)
	}
	secret := p.withSecrets("import streamlit as st; print(st.secrets['auth']['client_secret'])")
	if secret == "their-secret" {
		t.Error("the real client's secret is in use")
	}
	for _, name := range []string{p.name + "-streamlit-1", p.gateway()} {
		if text := docker(t, "inspect", name) + docker(t, "logs", name); strings.Contains(text, secret) || strings.Contains(text, "of-the-project") {
			t.Errorf("%s shows a secret", name)
		}
	}
	if text := p.run(0, "config", "--with-auth"); strings.Contains(text, secret) || strings.Contains(text, "of-the-project") || !strings.Contains(text, ".sdev/auth/secrets.toml") {
		t.Errorf("sdev config:\n%s", text)
	}

	// The secret of the cookies belongs to the project, so people stay signed in when the app is recreated.
	p.run(0, "down")
	p.upAs("--with-auth", "--as", "user@example.com")
	if got := p.whoIs(cookie); got != "user@example.com" {
		t.Errorf("after down and up the cookie is of %q", got)
	}

	p.write(".streamlit/secrets.toml", "a = 1\nb = hunter2\n")
	out, _, code := p.result("up", "--with-auth", "-d", "--json")
	if code != dev.ExitProject || !strings.Contains(out, `"code":"auth.secrets"`) || !strings.Contains(out, `"file":".streamlit/secrets.toml","line":2`) || strings.Contains(out, "hunter2") {
		t.Errorf("broken secrets: exit code %d\n%s", code, out)
	}
}

func TestDockerWithAuth_AnOldBoto3IsAnErrorBeforeTheStart(t *testing.T) {
	p := scaffolded(t, "--auth", "streamlit-oauth")
	p.upAs()
	image := p.name + "-old"
	cmd := exec.Command("docker", "build", "-q", "-t", image, "-")
	// sdev reads only the packages' metadata, so the test installs nothing.
	cmd.Stdin = strings.NewReader("FROM " + p.name + "-streamlit-local\nUSER root\nRUN f=$(python -c 'import importlib.metadata as m; print(m.distribution(\"botocore\")._path)') && sed -i 's/^Version: .*/Version: 1.29.27/' $f/METADATA\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("docker", "image", "rm", "-f", image).Run() })
	p.override("image: " + image + "\nbuild: !reset null\ndevelop: !reset null\n")
	before := fmt.Sprint(p.ids())
	out, _, code := p.result("up", "--with-auth", "-d", "--json")
	if code != dev.ExitProject || !strings.Contains(out, `"code":"auth.boto3"`) || !strings.Contains(out, "1.29.27") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if after := fmt.Sprint(p.ids()); after != before {
		t.Errorf("something was done: %s, %s", before, after)
	}
}
