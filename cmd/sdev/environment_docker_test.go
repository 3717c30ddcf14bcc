//go:build docker

package main

import (
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sdev/dev"
)

// inside runs a shell command in the app's container and returns its output.
func (p *project) inside(command string) string {
	p.t.Helper()
	return strings.TrimSpace(p.run(0, "shell", "--", "sh", "-c", command))
}

// The AWS CLI stores an SSO login in a file named after the SHA-1 of the session's name, "corp".
const (
	loginFile = "sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json"
	login     = `{"startUrl": "https://example.awsapps.com/start", "accessToken": "of-the-host", "expiresAt": "2099-01-02T03:04:05Z"}`
)

// awsLogin creates an ~/.aws with two profiles and an SSO login.
func (p *project) awsLogin() {
	p.t.Helper()
	for name, content := range map[string]string{
		"config":           "[default]\nregion = eu-west-1\n\n[profile work]\nregion = eu-central-1\nsso_session = corp\n\n[sso-session corp]\nsso_start_url = https://example.awsapps.com/start\nsso_region = eu-west-1\n",
		"credentials":      "[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = example\n",
		loginFile:          login,
		"cli/cache/x.json": "{}\n",
	} {
		file := filepath.Join(p.home, ".aws", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			p.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
}

func TestDockerAWS_IsReadOnlyInsideWithCachesOfItsOwn(t *testing.T) {
	p := scaffolded(t)
	p.awsLogin()
	p.env = []string{"AWS_PROFILE=work"}
	p.up()
	for _, c := range []struct{ about, command, want string }{ // in this order: the app writes over the login
		{"the host's keys", `grep -c AKIAEXAMPLE ~/.aws/credentials`, "1"},
		{"the host's login", `cat ~/.aws/` + loginFile, login},
		{"config is read-only", `(echo broken >> ~/.aws/config) 2>/dev/null || echo refused`, "refused"},
		{"nothing new beside it", `touch ~/.aws/new 2>/dev/null || echo refused`, "refused"},
		{"the login's cache", `echo '{"accessToken": "of-the-app"}' > ~/.aws/` + loginFile + ` && echo written`, "written"},
		{"the command line's cache", `echo '{}' > ~/.aws/cli/cache/new.json && echo written`, "written"},
		{"profile and region", `echo $AWS_PROFILE $AWS_REGION $AWS_DEFAULT_REGION`, "work eu-central-1 eu-central-1"},
	} {
		if got := p.inside(c.command); got != c.want {
			t.Errorf("%s: %q, want %q", c.about, got, c.want)
		}
	}
	if b, err := os.ReadFile(filepath.Join(p.home, ".aws", loginFile)); err != nil || string(b) != login {
		t.Errorf("the host's login: %s, %v", b, err)
	}
	if _, err := os.Stat(filepath.Join(p.home, ".aws/cli/cache/new.json")); !os.IsNotExist(err) {
		t.Errorf("the app wrote into the host's cache: %v", err)
	}
	var s struct {
		AWS map[string]string `json:"aws"`
	}
	decode(t, p.run(0, "status", "--json"), &s)
	if want := (map[string]string{"source": "mount", "profile": "work", "region": "eu-central-1", "expires": "2099-01-02T03:04:05Z"}); fmt.Sprint(s.AWS) != fmt.Sprint(want) {
		t.Errorf("status: %v, want %v", s.AWS, want)
	}
	// Another profile needs another container. The app keeps the login that it renewed itself.
	p.env = []string{"AWS_REGION=us-east-2"}
	p.up()
	if got := p.inside(`echo "$AWS_PROFILE" $AWS_REGION; cat ~/.aws/` + loginFile); got != "us-east-2\n"+`{"accessToken": "of-the-app"}` {
		t.Errorf("after a change of profile: %q", got)
	}
}

// renewal is a fake of AWS in the container. It lets botocore use a login that has just expired, as an app would.
const renewal = `
import http.server, json, os, threading
class TokenEndpoint(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert asked["grantType"] == "refresh_token" and asked["refreshToken"] == "refresh-of-the-host", asked
        body = json.dumps({"accessToken": "renewed", "expiresIn": 3600, "tokenType": "Bearer", "refreshToken": "next"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
server = http.server.HTTPServer(("127.0.0.1", 0), TokenEndpoint)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["AWS_ENDPOINT_URL_SSO_OIDC"] = "http://127.0.0.1:%d" % server.server_port
import botocore.session, botocore.tokens
token = botocore.tokens.SSOTokenProvider(botocore.session.Session(profile="work")).load_token()
print(token.get_frozen_token().token)
`

func TestDockerAWS_ALoginThatRunsOutIsRenewedInside(t *testing.T) {
	p := scaffolded(t)
	p.awsLogin()
	host := `{"startUrl": "https://example.awsapps.com/start", "region": "eu-west-1", "accessToken": "of-the-host", "expiresAt": "2020-01-02T03:04:05Z",
		"clientId": "c", "clientSecret": "s", "registrationExpiresAt": "2099-01-02T03:04:05Z", "refreshToken": "refresh-of-the-host"}`
	file := filepath.Join(p.home, ".aws", loginFile)
	if err := os.WriteFile(file, []byte(host), 0o600); err != nil {
		t.Fatal(err)
	}
	p.env = []string{"AWS_PROFILE=work"}
	if out := p.run(0, "up", "-d"); !strings.Contains(out, "expired") || !strings.Contains(out, "aws sso login --profile work") {
		t.Errorf("up does not mention the expired login:\n%s", out)
	}
	if got := strings.TrimSpace(p.run(0, "shell", "--", "python", "-c", renewal)); got != "renewed" {
		t.Errorf("token: %q", got)
	}
	if got := p.inside("cat ~/.aws/" + loginFile); !strings.Contains(got, `"renewed"`) {
		t.Errorf("the renewed login was not stored: %s", got)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != host {
		t.Errorf("the host's login: %s, %v", b, err)
	}
}

func TestDockerEnvironment_IsForDevelopmentAndNotInTheImage(t *testing.T) {
	p := scaffolded(t)
	bundle, err := os.ReadFile(os.Getenv("SSL_CERT_FILE"))
	if err != nil {
		bundle, err = os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	}
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, bundle, 0o600); err != nil {
		t.Fatal(err)
	}
	p.env = []string{"SSL_CERT_FILE=" + ca, "HTTP_PROXY=http://proxy-of-this-machine:3128", "no_proxy=localhost,127.0.0.1,.internal"}
	p.up("--build")
	for command, want := range map[string]string{
		"echo $LOCAL_STREAMLIT":       "1",
		"echo $PYTHONPATH":            "/opt/sdev/shim:/app",
		"echo $HTTP_PROXY $no_proxy":  "http://proxy-of-this-machine:3128 localhost,127.0.0.1,.internal",
		"cat $SSL_CERT_FILE":          strings.TrimSpace(string(bundle)),
		"cat $REQUESTS_CA_BUNDLE":     strings.TrimSpace(string(bundle)),
		"test -w ~ && echo writable":  "writable",
		"ls /opt/sdev/shim":           "sitecustomize.py",
		"test ! -e ~/.aws && echo no": "no",
	} {
		if got := p.inside(command); got != want {
			t.Errorf("%s: %.200q, want %.200q", command, got, want)
		}
	}
	image := p.name + "-streamlit-local"
	history := docker(t, "history", "--no-trunc", image) + docker(t, "image", "inspect", image)
	for _, secret := range []string{"proxy-of-this-machine", "LOCAL_STREAMLIT", "/opt/sdev", "BEGIN CERTIFICATE"} {
		if strings.Contains(history, secret) {
			t.Errorf("the image speaks of %s", secret)
		}
	}
	if got := docker(t, "run", "--rm", "--network", "none", image, "sh", "-c", "ls /opt; ls -A /run/secrets; printenv LOCAL_STREAMLIT; true"); strings.Contains(got, "sdev") || strings.Contains(got, "ca") || strings.Contains(got, "1") {
		t.Errorf("the image holds %q", got)
	}
}

// Others reach of a project only the gateway; its containers reach this machine.
func TestDockerNetwork_OnlyTheGatewayIsReached(t *testing.T) {
	p := scaffolded(t)
	laptop, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "this machine") }))
	server.Listener = laptop
	server.Start()
	t.Cleanup(server.Close)
	database := fmt.Sprintf("http://host.docker.internal:%d", laptop.Addr().(*net.TCPAddr).Port)
	p.write("docker-compose.override.yml", fmt.Sprintf(`services:
  streamlit-local:
    ports: ["0.0.0.0:%d:9000"]
  other:
    image: python:3.11-slim
    command: [sleep, infinity]
    init: true
    environment: {DATABASE: "%s"}
    ports: ["%d:80"]
`, freePort(t), database, freePort(t)))
	p.up()
	for _, name := range []string{p.gateway(), p.app(), p.name + "-other-1"} {
		var ports map[string][]struct{ HostIP, HostPort string }
		decode(t, docker(t, "inspect", "--format", "{{json .NetworkSettings.Ports}}", name), &ports)
		for port, bindings := range ports {
			for _, b := range bindings {
				if b.HostIP != "127.0.0.1" {
					t.Errorf("%s publishes %s on %s:%s", name, port, b.HostIP, b.HostPort)
				}
			}
		}
	}
	const get = `import sys, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())
except OSError as e:
    print(e)`
	for url, want := range map[string]string{
		"http://streamlit-local:8501/_stcore/health":  "ok",
		"http://streamlit-local:18501/_stcore/health": "refused",
	} {
		if got := docker(t, "exec", p.name+"-other-1", "python", "-c", get, url); !strings.Contains(got, want) {
			t.Errorf("%s from a neighbour: %q, want %q", url, got, want)
		}
	}
	for _, name := range []string{p.app(), p.name + "-other-1"} {
		if got := docker(t, "exec", name, "python", "-c", get, database); got != "this machine" {
			t.Errorf("%s from %s: %q", database, name, got)
		}
	}
}

// asUser gives the project to a user without permissions who may open the engine's socket.
func (p *project) asUser(uid, gid int) {
	p.t.Helper()
	socket, err := os.Stat("/var/run/docker.sock")
	if err != nil {
		p.t.Fatal(err)
	}
	group := socket.Sys().(*syscall.Stat_t).Gid                   // always so on Linux
	if err := os.Chmod(filepath.Dir(p.home), 0o755); err != nil { // the test's directory
		p.t.Fatal(err)
	}
	for _, root := range []string{p.dir, p.home} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, uid, gid)
		})
		if err != nil {
			p.t.Fatal(err)
		}
	}
	if p.tree != nil {
		p.tree.Renew()
	}
	p.wrap = []string{"setpriv", fmt.Sprint("--reuid=", uid), fmt.Sprint("--regid=", gid), fmt.Sprint("--groups=", group)}
	p.env = append(p.env, "XDG_CACHE_HOME="+filepath.Join(p.home, ".cache"))
}

// asEngineUser gives the project to the user who runs the engine, unless that is root: a rootless engine is for its own
// user only.
func (p *project) asEngineUser() {
	p.t.Helper()
	socket, ok := strings.CutPrefix(os.Getenv("DOCKER_HOST"), "unix://")
	if !ok {
		return
	}
	if uid, gid := ownerOf(p.t, filepath.Dir(socket)); uid != 0 {
		p.asUser(uid, gid)
	}
}

func ownerOf(t testing.TB, path string) (uid, gid int) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	uid, gid, _ = dev.Owner(info)
	return uid, gid
}

func TestDockerUser_FilesInTheMountBelongToTheCaller(t *testing.T) {
	p := scaffolded(t)
	p.awsLogin()
	p.override("volumes: [./data/made:/data]\n") // a directory that does not exist yet
	p.asUser(1234, 2345)
	p.tree = nil // the app itself writes there
	p.up()
	if got := p.inside(`touch /data/by-the-app && echo written`); got != "written" {
		t.Errorf("in a directory that was missing: %q", got)
	}
	if got := p.inside(`id -u; id -g; touch code_package/made && touch ~/made && grep -c AKIAEXAMPLE ~/.aws/credentials`); got != "1234\n2345\n1" {
		t.Errorf("inside: %q", got)
	}
	st, err := os.Stat(filepath.Join(p.dir, "code_package/made"))
	if err != nil {
		t.Fatal(err)
	}
	if sys := st.Sys().(*syscall.Stat_t); sys.Uid != 1234 || sys.Gid != 2345 { // always so on Linux
		t.Errorf("a file of the app's belongs to %d:%d", sys.Uid, sys.Gid)
	}
	err = filepath.WalkDir(p.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Sys().(*syscall.Stat_t).Uid != 1234 { // always so on Linux
			t.Errorf("%s belongs to another", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
