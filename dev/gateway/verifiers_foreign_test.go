//go:build foreign

package gateway

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/oidc"
)

// judged is a token and its name.
type judged struct {
	Name  string `json:"name"`
	Token string `json:"token"`
}

// collectTokens returns what an app gets: first a good token, then one for each fault, and tokens that were changed on
// their way. access is the access token that came with the good one.
func collectTokens(t *testing.T, d *doorRig) (tokens []judged, access string) {
	t.Helper()
	cookies := d.cookieLine(d.signIn("dora@example.com"))
	next := func() http.Header {
		d.get("/seen", "Cookie", cookies)
		return <-d.app.seen
	}
	good := next()
	data := good.Get("X-Amzn-Oidc-Data")
	tokens = []judged{{"good", data}}
	for _, fault := range []string{dev.DoorSigner, dev.DoorClient, dev.DoorIssuer, dev.DoorExpired, dev.DoorSignature, dev.DoorKey} {
		d.call(Request{Do: DoAuth, Auth: oidc.Command{Do: oidc.DoFault, Fault: oidc.Fault{Name: fault, Times: 1}}})
		tokens = append(tokens, judged{fault, next().Get("X-Amzn-Oidc-Data")})
	}
	d.call(Request{Do: DoAuth, Auth: oidc.Command{Do: oidc.DoFault, Fault: oidc.Fault{Name: dev.DoorClaims, Times: 1, Params: map[string]string{"bytes": "3000"}}}})
	tokens = append(tokens, judged{"more claims", next().Get("X-Amzn-Oidc-Data")})
	d.call(Request{Do: DoAuth, Auth: oidc.Command{Do: oidc.DoRotate}})
	tokens = append(tokens, judged{"after a rotation", next().Get("X-Amzn-Oidc-Data")})
	part := strings.Split(data, ".")
	return append(tokens,
		judged{"without padding", strings.ReplaceAll(data, "=", "")},
		judged{"claims of another token", part[0] + "." + strings.Split(tokens[7].Token, ".")[1] + "." + part[2]},
		judged{"no signature", part[0] + "." + part[1] + "."},
	), good.Get("X-Amzn-Oidc-Accesstoken")
}

// serveKeysFor serves the hosts with keys once more, and in addition a host for which the project's authority is not valid.
func serveKeysFor(t *testing.T, d *doorRig, evil string) (port int) {
	t.Helper()
	k := &keyHosts{login: d.gateway.login}
	wrong, err := newCertificate(d.login.Door.Authority, evil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{NextProtos: []string{"http/1.1"}, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if hello.ServerName == evil {
			return wrong, nil
		}
		return k.certificate(hello)
	}})
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: k, ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

// given returns a path that .ci/foreign has printed.
func given(t *testing.T, key string) string {
	t.Helper()
	path := os.Getenv(key)
	if path == "" {
		t.Fatalf(`%s is not set; run: eval "$(.ci/foreign)"`, key)
	}
	return path
}

// judge runs a program of testdata/verifiers.
func judge(t *testing.T, input any, env []string, program ...string) map[string]json.RawMessage {
	t.Helper()
	text, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program[0], program[1:]...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.Contains(strings.ToUpper(v), "PROXY") }), env...)
	cmd.Stdin = bytes.NewReader(text)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program[1], err, said.String())
	}
	var got map[string]json.RawMessage
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return got
}

// The libraries fetch the key over TLS from the address that they have built in, and trust the project's authority.
func TestForeign_LibrariesJudgeTokensAsInADeployment(t *testing.T) {
	app := newFakeApp(t)
	app.start()
	d := newDoorRig(t, app)
	tokens, access := collectTokens(t, d)
	dir := t.TempDir()
	trust := filepath.Join(dir, "trust.pem")
	if err := os.WriteFile(trust, d.login.Door.Authority.Certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	const evil = "evil.example"
	alb := d.login.Door.ALB
	input := map[string]any{"port": serveKeysFor(t, d, evil), "keys": alb.KeyAddress(), "evil": "https://" + evil + "/", "arn": alb.ARN, "issuer": alb.Issuer,
		"client": d.login.Door.Client.ID, "pool": alb.Pool, "tokens": tokens, "access": access, "module": ""}
	verifiers := given(t, "SDEV_FOREIGN_VERIFIERS")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "verifiers"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(verifiers, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	got := judge(t, input, []string{"NODE_EXTRA_CA_CERTS=" + trust}, given(t, "SDEV_FOREIGN_NODE"), filepath.Join(dir, "verify.mjs"))
	checkTLS(t, "Node", got)
	python := func(version string) {
		t.Helper()
		for library, results := range judge(t, input, []string{"SSL_CERT_FILE=" + trust, "PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH=" + filepath.Join(verifiers, "pyjwt-"+version)},
			given(t, "SDEV_FOREIGN_PYTHON"), filepath.Join(dir, "verify.py")) {
			got[library] = results
		}
		checkTLS(t, "Python", got)
	}
	for _, version := range []string{"2.6.0", "2.13.0", "2.14.0"} {
		python(version)
	}
	module, err := filepath.Abs(filepath.Join("..", "..", "templates", "targets", "ecs-cognito", "alb_identity.py"))
	if err != nil {
		t.Fatal(err)
	}
	input["module"] = module
	python("2.15.1")
	if groups := string(got["groups"]); groups != `["admin"]` {
		t.Errorf("the module of the bundle reads the groups %s from the access token", groups)
	}
	delete(got, "groups")
	all, none := []string{"good", "more claims", "after a rotation"}, []string{}
	for library, accepts := range map[string][]string{
		"aws-jwt-verify": all, "jose": all, "jsonwebtoken": none, "PyJWT 2.6.0": all, "PyJWT 2.13.0": all, "PyJWT 2.14.0": none, "PyJWT 2.15.1": all, "alb_identity.py": all,
	} {
		checkJudgement(t, library, got[library], tokens, accepts)
		delete(got, library)
	}
	if len(got) != 0 {
		t.Errorf("unexpected results of %v", slices.Collect(maps.Keys(got)))
	}
}

// checkTLS expects that a program refuses the certificate of a host for which the project's authority is not valid.
func checkTLS(t *testing.T, program string, got map[string]json.RawMessage) {
	t.Helper()
	if text := string(got["tls"]); !strings.Contains(strings.ToLower(text), "permitted subtree") {
		t.Errorf("%s and a certificate outside the authority's constraints: %s", program, text)
	}
	delete(got, "tls")
}

// checkJudgement compares what a library accepts.
func checkJudgement(t *testing.T, library string, text json.RawMessage, tokens []judged, accepts []string) {
	t.Helper()
	var results map[string]string
	if err := json.Unmarshal(text, &results); err != nil {
		t.Errorf("%s: %v", library, err)
		return
	}
	for _, one := range tokens {
		accepted := results[one.Name] == "ok"
		if accepted != slices.Contains(accepts, one.Name) {
			t.Errorf("%s, %s: %s", library, one.Name, results[one.Name])
		}
		if !accepted && one.Name != "good" {
			t.Logf("%s, %s: %.110s", library, one.Name, results[one.Name])
		}
	}
}
