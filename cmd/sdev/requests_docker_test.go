//go:build docker

package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"sdev/dev/devtest"
)

// engineLog is a proxy in front of the engine's socket that lists requests.
type engineLog struct {
	mu       sync.Mutex // guards requests
	requests []string   // method and path, without version and ids
}

var (
	engineVersion = regexp.MustCompile(`^/v[\d.]+`)
	engineID      = regexp.MustCompile(`[0-9a-f]{64}`)
)

// watchEngine starts a proxy in front of the engine, which the project uses from now on.
func (p *project) watchEngine(t *testing.T) *engineLog {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "engine.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	log := &engineLog{}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "engine"})
	proxy.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", "/var/run/docker.sock")
	}}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := engineID.ReplaceAllString(engineVersion.ReplaceAllString(r.URL.Path, ""), "ID")
		log.mu.Lock()
		log.requests = append(log.requests, r.Method+" "+path)
		log.mu.Unlock()
		proxy.ServeHTTP(w, r)
	})}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(l) // ends with Close
	}()
	direct := p.env
	p.env = append(slices.Clone(p.env), "DOCKER_HOST=unix://"+socket)
	t.Cleanup(func() {
		p.env = direct
		_ = server.Close()
		<-served
	})
	return log
}

// during returns the requests of a command.
func (l *engineLog) during(work func()) []string {
	l.mu.Lock()
	before := len(l.requests)
	l.mu.Unlock()
	work()
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.requests[before:])
}

// Milliseconds depend on the machine; the number of requests does not. A request that is added here must be worth the
// time of every start.
func TestDockerRequests_OfAStartAreFew(t *testing.T) {
	p := adopted(t, devtest.Project(t, map[string]string{
		"Dockerfile":   uncompiled,
		"compose.yaml": "services:\n  streamlit:\n    build: .\n    command: streamlit run app.py\n    ports: ['8501:8501']\n    volumes: ['.:/app']\n",
		"app.py":       "import streamlit as st\n\nst.title('hello')\n",
	}))
	p.run(0, "up", "-d")
	p.run(0, "down")
	log := p.watchEngine(t)

	all := log.during(func() { p.run(0, "up", "-d") })
	for word, want := range map[string]int{
		"POST /networks/create": 1, "POST /containers/create": 2, "/start": 3, "/connect": 0, "/archive": 0, "/volumes/create": 0,
		"/exec": 3, // one command in a container: the mount probe, which runs while the app starts
	} {
		n := 0
		for _, r := range all {
			if strings.Contains(r, word) {
				n++
			}
		}
		if n != want {
			t.Errorf("the second up makes %d requests with %s, want %d:\n%s", n, word, want, strings.Join(all, "\n"))
		}
	}

	all = log.during(func() { p.run(0, "up", "-d") })
	// The gateway's image twice: for the engine's architecture, and as any other image. Once the list of sdev's containers,
	// for the name of the checkout.
	if most := 11; len(all) > most {
		t.Errorf("an up with nothing to do makes %d requests, want at most %d:\n%s", len(all), most, strings.Join(all, "\n"))
	}
	for _, r := range all {
		if !strings.HasPrefix(r, "GET ") && r != "HEAD /_ping" {
			t.Errorf("an up with nothing to do makes the request %s", r)
		}
	}
}
