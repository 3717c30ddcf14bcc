package session_test

import (
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/devtest"
	"sdev/dev/session"
)

// TestExplainer_IAPHasTheMembersAndNetworksOfTheHandOff: what x-sdev.deploy says about Google Cloud holds on this machine.
func TestExplainer_IAPHasTheMembersAndNetworksOfTheHandOff(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"compose.yaml": `services: {streamlit: {image: shop, command: streamlit run app.py}}
x-sdev:
  auth:
    users: [{email: alice@example.com, groups: [sales]}, {email: bob@example.com}, {email: greta@example.org}]
    policies: [{path: /sales/*, allow: {groups: [sales]}}]
    iap: {external: {host: guests.localhost}}
  deploy:
    cloud-run: {project-id: example-project, members: ["@example.com"], external-cidrs: [203.0.113.0/24]}
`})
	p, err := config.Load(t.Context(), config.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	explain, mode := session.NewExplainer(p, dev.IAPLogin, time.Now)
	if mode != dev.IAPLogin {
		t.Fatalf("mode %s", mode)
	}
	person := func(email string) *dev.Person {
		who, ok := p.Settings.Auth.Person(email)
		if !ok {
			t.Fatal(email)
		}
		return &who
	}
	for _, c := range []struct {
		visit session.Visit
		want  dev.Decision
	}{
		{session.Visit{Path: "/"}, dev.LoginNeeded},
		{session.Visit{Path: "/", Who: person("bob@example.com")}, dev.Allowed},
		{session.Visit{Path: "/", Who: person("greta@example.org")}, dev.Denied}, // no member
		{session.Visit{Path: "/sales/x", Who: person("alice@example.com")}, dev.Allowed},
		{session.Visit{Path: "/sales/x", Who: person("bob@example.com")}, dev.Denied},
		{session.Visit{Path: "/sales/x", Who: person("greta@example.org"), Host: "guests.localhost", From: "203.0.113.7"}, dev.Allowed},
		{session.Visit{Path: "/", Who: person("greta@example.org"), Host: "guests.localhost"}, dev.Denied}, // from this machine
	} {
		got, err := explain(c.visit)
		if err != nil || got.Decision != c.want || len(got.Headers) > 0 != (c.want == dev.Allowed) {
			t.Errorf("%+v: %+v, %v", c.visit, got, err)
		}
	}
}
