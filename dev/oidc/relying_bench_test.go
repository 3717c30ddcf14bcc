//go:build foreign

package oidc_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// contestant is a provider as a process of its own, on one core.
type contestant struct {
	provider
	started time.Duration // from the start of the process to the first answer of discovery
}

// memory is what the process holds resident, in megabytes.
func (c contestant) memory(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.pid))
	if err != nil {
		b.Fatal(err)
	}
	found := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		b.Fatalf("no resident memory in %s", status)
	}
	kb, err := strconv.Atoi(string(found[1]))
	if err != nil {
		b.Fatal(err)
	}
	return float64(kb) / 1024
}

// contest measures one thing of both providers, beside their memory and start.
func contest(b *testing.B, measure func(b *testing.B, c contestant)) {
	for _, name := range []string{"oidc-provider", "sdev"} {
		b.Run(name, func(b *testing.B) {
			c := enter(b, name)
			b.ResetTimer()
			measure(b, c)
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "per-second")
			b.ReportMetric(c.memory(b), "MB")
			b.ReportMetric(float64(c.started.Milliseconds()), "ms-to-start")
		})
	}
}

func enter(b *testing.B, name string) contestant {
	b.Helper()
	port := freePort(b)
	c := contestant{provider: provider{name: name, issuer: fmt.Sprintf("http://localhost:%d", port)}}
	clients := foreignClients(newKey(b), "")
	var cmd *exec.Cmd
	var settings any
	if name == "sdev" {
		binary := filepath.Join(b.TempDir(), "serve")
		build := exec.CommandContext(b.Context(), "go", "build", "-o", binary, "./testdata/relying/serve")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		cmd = exec.CommandContext(b.Context(), binary)
		cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
		cfg := ourConfig(b, c.issuer, clients)
		settings = map[string]any{"listen": fmt.Sprintf("127.0.0.1:%d", port), "issuer": c.issuer, "people": cfg.People, "clients": cfg.Clients}
	} else {
		cmd = program(b, b.Context(), "provider.mjs")
		settings = map[string]any{"issuer": c.issuer, "port": port, "clients": clients, "people": foreignPeople()}
	}
	in, err := json.Marshal(settings)
	if err != nil {
		b.Fatal(err)
	}
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if _, err := io.ReadFull(out, make([]byte, len("listening"))); err != nil {
		b.Fatal(err)
	}
	resp, err := http.Get(c.issuer + "/.well-known/openid-configuration")
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b.Fatalf("discovery answers %s", resp.Status)
	}
	c.started, c.pid = time.Since(began), cmd.Process.Pid
	return c
}

// BenchmarkForeignLogins counts whole logins: authorization, sign-in page, press, code, tokens.
func BenchmarkForeignLogins(b *testing.B) {
	contest(b, func(b *testing.B, c contestant) {
		for b.Loop() {
			party := newGoParty(b, world{provider: c.provider}, "web", "web-secret")
			pkce := oauth2.GenerateVerifier()
			back, err := party.browser.travel(b.Context(), visit{URL: party.AuthCodeURL("state", oauth2.S256ChallengeOption(pkce)), As: alice})
			if err != nil {
				b.Fatal(err)
			}
			at, err := url.Parse(back.URL)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := party.Exchange(b.Context(), at.Query().Get("code"), oauth2.VerifierOption(pkce)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkForeignTokens counts requests of the token endpoint, by a client for itself.
func BenchmarkForeignTokens(b *testing.B) {
	contest(b, func(b *testing.B, c contestant) {
		form := url.Values{"grant_type": {"client_credentials"}}.Encode()
		endpoint := newGoParty(b, world{provider: c.provider}, "machine", "machine-secret").Endpoint.TokenURL
		for b.Loop() {
			r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, endpoint, strings.NewReader(form))
			if err != nil {
				b.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.SetBasicAuth("machine", "machine-secret")
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				b.Fatal(err)
			}
			if resp.Body.Close(); resp.StatusCode != http.StatusOK {
				b.Fatalf("token endpoint answers %s", resp.Status)
			}
		}
	})
}
