//go:build foreign

package oidc_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The people and addresses that every provider of the suite knows.
const (
	alice, bob = "alice@example.com", "bob@example.com"
	appURL     = "http://localhost:8501" // nothing listens there: the browser stops where it leaves the provider
	redirect   = appURL + "/oauth2callback"
	postLogout = appURL + "/bye"
)

// A feature is something that not every provider has.
type feature string

const (
	tokenExchange feature = "token exchange"
)

// provider is what the suite is put to.
type provider struct {
	name    string
	issuer  string
	lacks   []feature
	logouts chan string // logout tokens that the client "web" was sent
	pid     int         // of a process of its own; 0: this one
}

// foreignClient is a client of all providers, as RFC 7591 describes one.
type foreignClient struct {
	ID          string   `json:"client_id"`
	Secret      string   `json:"client_secret,omitempty"`
	Auth        string   `json:"token_endpoint_auth_method"`
	Redirects   []string `json:"redirect_uris"`
	PostLogout  []string `json:"post_logout_redirect_uris,omitempty"`
	Grants      []string `json:"grant_types"`
	Responses   []string `json:"response_types"`
	Keys        *keySet  `json:"jwks,omitempty"`
	BackChannel string   `json:"backchannel_logout_uri,omitempty"`
}

type keySet struct {
	Keys []map[string]string `json:"keys"`
}

type foreignPerson struct {
	Email string `json:"email"`
	Name  string `json:"name"`
}

func foreignPeople() []foreignPerson { return []foreignPerson{{alice, "Alice"}, {bob, "Bob Ünal"}} }

// newKey makes the key with which the client "key" proves who it is.
func newKey(t testing.TB) map[string]string {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := k.PublicKey.Bytes() // 4, x, y
	if err != nil {
		t.Fatal(err)
	}
	d, err := k.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString
	return map[string]string{"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "client-key",
		"x": text(point[1:33]), "y": text(point[33:]), "d": text(d)}
}

func foreignClients(key map[string]string, backChannel string) []foreignClient {
	public := map[string]string{}
	for member, value := range key {
		if member != "d" {
			public[member] = value
		}
	}
	code, codeOnly := []string{"authorization_code", "refresh_token"}, []string{"code"}
	app := []string{redirect}
	return []foreignClient{
		{ID: "web", Secret: "web-secret", Auth: "client_secret_basic", Redirects: app, PostLogout: []string{postLogout, redirect},
			Grants: code, Responses: codeOnly, BackChannel: backChannel},
		{ID: "post", Secret: "post-secret", Auth: "client_secret_post", Redirects: app, Grants: code, Responses: codeOnly},
		{ID: "public", Auth: "none", Redirects: app, Grants: code, Responses: codeOnly},
		{ID: "key", Auth: "private_key_jwt", Redirects: app, Grants: code, Responses: codeOnly, Keys: &keySet{[]map[string]string{public}}},
		{ID: "machine", Secret: "machine-secret", Auth: "client_secret_basic", Redirects: []string{}, Grants: []string{"client_credentials"}, Responses: []string{}},
		{ID: "device", Auth: "none", Redirects: []string{}, Grants: []string{"urn:ietf:params:oauth:grant-type:device_code", "refresh_token"}, Responses: []string{}},
	}
}

// world is one provider with what a program needs to meet it.
type world struct {
	provider
	key map[string]string
}

// eachProvider runs a test against the reference and against ours, each with a fresh state.
func eachProvider(t *testing.T, test func(t *testing.T, w world)) {
	for _, start := range []func(*testing.T, int, []foreignClient) provider{startReference, startOurs} {
		key, sent := newKey(t), make(chan string, 16)
		client := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			sent <- r.PostFormValue("logout_token")
		}))
		p := start(t, freePort(t), foreignClients(key, client.URL+"/backchannel"))
		p.logouts = sent
		t.Run(p.name, func(t *testing.T) { test(t, world{p, key}) })
		t.Cleanup(client.Close)
	}
}

// freePort finds a port: an issuer's address must be known before anything listens there.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// startReference runs npm's oidc-provider as a process of its own.
func startReference(t *testing.T, port int, clients []foreignClient) provider {
	t.Helper()
	p := provider{name: "oidc-provider", issuer: fmt.Sprintf("http://localhost:%d", port), lacks: []feature{tokenExchange}}
	settings, err := json.Marshal(map[string]any{"issuer": p.issuer, "port": port, "clients": clients, "people": foreignPeople()})
	if err != nil {
		t.Fatal(err)
	}
	cmd := program(t, t.Context(), "provider.mjs")
	cmd.Stdin = bytes.NewReader(settings)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", p.name, said.String())
		}
	})
	line := make([]byte, len("listening"))
	if _, err := io.ReadFull(out, line); err != nil {
		t.Fatalf("%s did not start: %v\n%s", p.name, err, said.String())
	}
	p.pid = cmd.Process.Pid
	return p
}

// program prepares a program of testdata/relying, with the libraries that .ci/foreign installed.
func program(t testing.TB, ctx context.Context, name string, args ...string) *exec.Cmd {
	t.Helper()
	where := func(key string) string {
		path := os.Getenv(key)
		if path == "" {
			t.Fatalf(`%s is not set; run: eval "$(.ci/foreign)"`, key)
		}
		return path
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "relying"))); err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(name) == ".py" {
		return exec.CommandContext(ctx, where("SDEV_FOREIGN_PYTHON"), append([]string{filepath.Join(dir, name)}, args...)...)
	}
	// Node looks for libraries beside the script.
	if err := os.Symlink(where("SDEV_FOREIGN_MODULES"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return exec.CommandContext(ctx, where("SDEV_FOREIGN_NODE"), append([]string{filepath.Join(dir, name)}, args...)...)
}

// result is what a program's case learnt.
type result map[string]any

// at walks down: at("claims", "email").
func (r result) at(keys ...string) any {
	var v any = map[string]any(r)
	for _, k := range keys {
		m, _ := v.(map[string]any)
		v = m[k]
	}
	return v
}

// want compares one value.
func (r result) want(t *testing.T, want any, keys ...string) {
	t.Helper()
	if got := r.at(keys...); got != want {
		t.Errorf("%s is %v, want %v; all: %v", strings.Join(keys, "."), got, want, r)
	}
}

// ask runs one case of a program against the provider, with a browser of its own.
func (w world) ask(t *testing.T, script, name string, extra map[string]any) result {
	t.Helper()
	clients := make(map[string]map[string]string)
	for _, c := range foreignClients(w.key, "") {
		clients[c.ID] = map[string]string{"id": c.ID, "secret": c.Secret}
	}
	settings := map[string]any{"issuer": w.issuer, "clients": clients, "redirect": redirect, "postLogout": postLogout,
		"as": alice, "other": bob, "key": w.key, "browser": newBrowser(t, w.issuer).serve(t)}
	for k, v := range extra {
		settings[k] = v
	}
	in, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := program(t, ctx, script, name)
	cmd.Stdin = bytes.NewReader(in)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", script, name, err, said.String())
	}
	var got result
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%s %s printed %q: %v", script, name, out.String(), err)
	}
	return got
}

// encounter is one case of a program, and what has to come out of it.
type encounter struct {
	name  string
	needs feature // "" is what all have
	check func(t *testing.T, got result)
}

// meet runs all cases that the provider can take part in.
func (w world) meet(t *testing.T, script string, cases []encounter) {
	for _, c := range cases {
		if slices.Contains(w.lacks, c.needs) {
			continue
		}
		t.Run(c.name, func(t *testing.T) { c.check(t, w.ask(t, script, c.name, nil)) })
	}
}
