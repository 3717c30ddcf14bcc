//go:build foreign

package oidc_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"sdev/dev"
	ours "sdev/dev/oidc"
)

// ourConfig gives our provider the clients and people of the suite.
func ourConfig(t testing.TB, issuer string, clients []foreignClient) ours.Config {
	t.Helper()
	cfg := ours.Config{Issuer: issuer, Project: "relying"}
	for _, p := range foreignPeople() {
		cfg.People = append(cfg.People, dev.Person{Email: p.Email, Name: p.Name})
	}
	for _, c := range clients {
		client := dev.Client{ID: c.ID, Secret: c.Secret, RedirectURIs: c.Redirects, PostLogout: c.PostLogout, BackChannel: c.BackChannel}
		if c.Keys != nil {
			keys, err := json.Marshal(c.Keys)
			if err != nil {
				t.Fatal(err)
			}
			client.Keys = keys
		}
		cfg.Clients = append(cfg.Clients, client)
	}
	return cfg
}

// startOurs serves our provider from this process, where the race detector watches it.
func startOurs(t *testing.T, port int, clients []foreignClient) provider {
	t.Helper()
	issuer := fmt.Sprintf("http://localhost:%d", port)
	handler, err := ours.New(ourConfig(t, issuer, clients))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
	})
	return provider{name: "sdev", issuer: issuer}
}
