package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/devtest"
)

func TestIAP_IsReadWithEverySetting(t *testing.T) {
	p := loadedFrom(t, map[string]string{"compose.yaml": streamlitOnly + `x-sdev:
  auth:
    users:
      - {email: Greta@example.org, password: correct horse}
      - {email: bob@example.com}
    iap:
      project: example-project
      audience: /projects/12/locations/europe-west1/services/shop
      members: [user:alice@example.com, domain:Example.com, group:sales, allAuthenticatedUsers]
      from: 203.0.113.7
      armor:
        - {priority: 2147483647, action: deny-404, ranges: ["*"]}
        - {priority: 5, action: allow, ranges: [10.0.0.0/8, 2001:db8::/32]}
      external:
        host: guests.shop.localhost
        audience: /projects/12/global/backendServices/34
        tenant: guests-abc12
        cidrs: [203.0.113.0/24]
        gcip: text
`})
	want := &dev.IAP{
		Project: "example-project", Audience: "/projects/12/locations/europe-west1/services/shop", From: "203.0.113.7",
		Members: []dev.Member{{Kind: "person", Text: "alice@example.com"}, {Kind: "domain", Text: "example.com"}, {Kind: "group", Text: "sales"}, {Kind: "anyone"}},
		Armor: []dev.ArmorRule{
			{Priority: dev.ArmorDefault, Action: "deny-404", Ranges: []string{"*"}, Origin: "compose.yaml:15"},
			{Priority: 5, Action: "allow", Ranges: []string{"10.0.0.0/8", "2001:db8::/32"}, Origin: "compose.yaml:16"},
		},
		External: &dev.IAPExternal{
			Host: "guests.shop.localhost", Audience: "/projects/12/global/backendServices/34", Tenant: "guests-abc12", ClaimAsText: true,
			Armor:     []dev.ArmorRule{{Priority: 1000, Action: "allow", Ranges: []string{"203.0.113.0/24"}, Origin: "compose.yaml:21"}},
			Passwords: map[string]string{"greta@example.org": "correct horse"},
		},
	}
	if diff := cmp.Diff(want, p.Settings.Auth.IAP); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if got := fmt.Sprintf("%v %+v %v", p.Settings.Auth, p.Settings, *p.Settings.Auth.IAP.External); strings.Contains(got, "horse") {
		t.Errorf("a password is printed: %s", got)
	}
}

func TestIAP_ALaterFileChangesValueByValue(t *testing.T) {
	p := loadedFrom(t, map[string]string{
		"compose.yaml":          streamlitOnly + "x-sdev: {auth: {users: [{email: a@example.com, password: one}], iap: {project: example-project, from: 10.0.0.1, external: {tenant: guests-1}}}}\n",
		"compose.override.yaml": "x-sdev: {auth: {users: [{email: b@example.com}], iap: {from: 10.0.0.2, external: {host: g.localhost}}}}\n",
	})
	got := p.Settings.Auth.IAP
	if got.Project != "example-project" || got.From != "10.0.0.2" || got.External.Tenant != "guests-1" || got.External.Host != "g.localhost" || len(got.External.Passwords) != 0 {
		t.Errorf("%+v %q", *got, got.External.Passwords)
	}
}

func TestIAP_WrongOnesAreErrorsWithTheirLine(t *testing.T) {
	const head = "x-sdev:\n  auth:\n    iap:\n"
	for name, c := range map[string]struct{ iap, want, hint string }{
		"no mapping":       {"      - a\n", "compose.yaml:4: x-sdev.auth.iap must be a mapping", "help x-sdev"},
		"unknown setting":  {"      audiences: []\n", "compose.yaml:4: unknown setting x-sdev.auth.iap.audiences", "armor, audience, external, from, members, project"},
		"project":          {"      project: Shop\n", `compose.yaml:4: x-sdev.auth.iap.project: "Shop" has the wrong form`, "lower-case"},
		"audience":         {"      audience: 1234.apps.googleusercontent.com\n", `compose.yaml:4: x-sdev.auth.iap.audience: "1234.apps.googleusercontent.com" names no resource that Identity-Aware Proxy protects`, "backendServices"},
		"member":           {"      members: [alice@example.com]\n", `compose.yaml:4: x-sdev.auth.iap.members: "alice@example.com" is not a member`, "user:alice@example.com"},
		"everybody":        {"      members: [allUsers]\n", `compose.yaml:4: x-sdev.auth.iap.members: "allUsers" is not a member`, "allAuthenticatedUsers"},
		"from":             {"      from: 203.0.113.0/24\n", `compose.yaml:4: x-sdev.auth.iap.from: "203.0.113.0/24" is not an IP address`, "203.0.113.7"},
		"no priority":      {"      armor:\n        - {action: allow, ranges: [\"*\"]}\n", "compose.yaml:5: x-sdev.auth.iap.armor[0] has no priority", "priority: 1000"},
		"no action":        {"      armor: [{priority: 1, ranges: [\"*\"]}]\n", "compose.yaml:4: x-sdev.auth.iap.armor[0] has no action", "action: allow"},
		"no ranges":        {"      armor: [{priority: 1, action: allow}]\n", "compose.yaml:4: x-sdev.auth.iap.armor[0] has no ranges", "ranges:"},
		"priority":         {"      armor: [{priority: first, action: allow, ranges: [\"*\"]}]\n", `compose.yaml:4: x-sdev.auth.iap.armor[0].priority: "first" is not a number from 0 to 2147483647`, "priority: 1000"},
		"negative":         {"      armor: [{priority: -1, action: allow, ranges: [\"*\"]}]\n", `compose.yaml:4: x-sdev.auth.iap.armor[0].priority: "-1" is not a number from 0 to 2147483647`, "priority: 1000"},
		"action":           {"      armor: [{priority: 1, action: deny(403), ranges: [\"*\"]}]\n", `compose.yaml:4: x-sdev.auth.iap.armor[0].action is "deny(403)"`, "deny-403"},
		"range":            {"      armor: [{priority: 1, action: allow, ranges: [203.0.113.7/24]}]\n", `compose.yaml:4: x-sdev.auth.iap.armor[0].ranges: "203.0.113.7/24" is not a network`, "203.0.113.0/24"},
		"priority twice":   {"      armor:\n        - {priority: 1, action: allow, ranges: [\"*\"]}\n        - {priority: 1, action: allow, ranges: [\"*\"]}\n", "compose.yaml:6: x-sdev.auth.iap.armor: line 5 already has a rule with priority 1", "its own"},
		"narrow default":   {"      armor: [{priority: 2147483647, action: allow, ranges: [10.0.0.0/8]}]\n", "compose.yaml:4: x-sdev.auth.iap.armor[0]: the rule with priority 2147483647 is the default rule, for every address", `["*"]`},
		"host":             {"      external: {host: guests.example.com}\n", `compose.yaml:4: x-sdev.auth.iap.external.host: "guests.example.com" has the wrong form`, "guests.localhost"},
		"host of the app":  {"      external: {host: localhost}\n", `compose.yaml:4: x-sdev.auth.iap.external.host: "localhost" has the wrong form`, "guests.localhost"},
		"tenant":           {"      external: {tenant: \"a b\"}\n", `compose.yaml:4: x-sdev.auth.iap.external.tenant: "a b" has the wrong form`, "guests-abc12"},
		"cidr":             {"      external: {cidrs: [203.0.113.7]}\n", `compose.yaml:4: x-sdev.auth.iap.external.cidrs: "203.0.113.7" is not a network`, "203.0.113.0/24"},
		"gcip":             {"      external: {gcip: json}\n", `compose.yaml:4: x-sdev.auth.iap.external.gcip is "json"`, "object, text"},
		"cidrs and armor":  {"      external:\n        armor: []\n        cidrs: [203.0.113.0/24]\n", "compose.yaml:6: x-sdev.auth.iap.external has both cidrs and armor", "short for one rule"},
		"one for both":     {"      audience: /projects/1/apps/a-b\n      external: {audience: /projects/1/apps/a-b}\n", "compose.yaml:4: x-sdev.auth.iap: both hosts have the same audience", "leave one out"},
		"password no text": {"      {}\n    users: [{email: a@example.com, password: [a]}]\n", "compose.yaml:5: x-sdev.auth.users[0].password must be a string", "help x-sdev"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := devtest.Project(t, map[string]string{"compose.yaml": head + c.iap + streamlitOnly})
			_, err := config.Load(t.Context(), config.Options{Dir: dir})
			e := dev.AsError(err)
			if err == nil || e.Code != dev.CodeXSdev || e.Exit != dev.ExitProject || e.Error() != c.want || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("%v\nhint: %s", err, e.Hint)
			}
		})
	}
}

func TestPasswords_AreFilledInAndNotPrinted(t *testing.T) {
	const compose = `
x-sdev:
  auth:
    users: [{email: Greta@example.org, password: "${GUEST_PASSWORD}", groups: [vip]}, {email: bob@example.com, password: 7}]
    iap: {external: {tenant: guests-1}}
services: {streamlit: {image: shop}}
`
	p := loaded(t, compose, func(o *config.Options) { o.Env = []string{"GUEST_PASSWORD=from-the-environment"} })
	want := map[string]string{"greta@example.org": "from-the-environment", "bob@example.com": "7"}
	if diff := cmp.Diff(want, p.Settings.Auth.IAP.External.Passwords); diff != "" {
		t.Errorf("%s", diff)
	}
	e, err := config.Overlay(p, parts(p))
	if err != nil {
		t.Fatal(err)
	}
	for name, print := range map[string]func() ([]byte, error){"YAML": e.YAML, "JSON": e.JSON} {
		text, err := print()
		if err != nil || strings.Contains(string(text), "password") || strings.Contains(string(text), "from-the-environment") || !strings.Contains(string(text), "vip") {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
}

func TestIAP_WhatIsLeftOutIsAsTheHandOffHasIt(t *testing.T) {
	settings := func(iap string) config.Settings {
		return loadedFrom(t, map[string]string{"compose.yaml": streamlitOnly + "x-sdev:\n  auth:\n    iap: " + iap +
			"\n  deploy:\n    members: [alice@example.com, \"@Example.org\", \"group:sales\"]\n    cloud-run: {project-id: example-project, external-cidrs: [203.0.113.0/24, 2001:db8::/32]}\n"}).Settings
	}
	got := settings("{external: {tenant: guests-1}}").IdentityAwareProxy()
	want := []dev.Member{{Kind: "person", Text: "alice@example.com"}, {Kind: "domain", Text: "example.org"}, {Kind: "group", Text: "sales"}}
	if diff := cmp.Diff(want, got.Members); diff != "" || got.Project != "example-project" || got.Audience != "" {
		t.Errorf("%+v\n%s", got, diff)
	}
	if a := got.External.Armor; len(a) != 1 || len(a[0].Ranges) != 2 || a[0].Origin != "compose.yaml:9" {
		t.Errorf("%+v", a)
	}
	own := settings("{project: another-project, audience: /projects/1/apps/a, members: [allAuthenticatedUsers], external: {cidrs: [10.0.0.0/8]}}").IdentityAwareProxy()
	if own.Project != "another-project" || len(own.Members) != 1 || own.External.Armor[0].Ranges[0] != "10.0.0.0/8" {
		t.Errorf("%+v %+v", own, own.External.Armor)
	}
	if none := (config.Settings{}).IdentityAwareProxy(); none.Project != "" || none.External != nil || none.Members != nil {
		t.Errorf("%+v", none)
	}
}
