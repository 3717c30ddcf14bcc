package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/config"
)

const (
	exampleID     = "0123456789abcdef0123456789abcdef.access"
	exampleSecret = "cfast_0123456789abcdefghij"
)

func TestAccess_IsReadInFull(t *testing.T) {
	p := loadedFrom(t, map[string]string{"compose.yaml": streamlitOnly + `x-sdev:
  auth:
    cloudflare:
      team: acme
      account: 0123456789abcdef0123456789abcdef
      aud: ` + strings.Repeat("a1", 32) + `
      session: 30m
      global_session: 168h
      from: 192.0.2.7
      country: DE
      claims: [hd, groups]
      cookie: {http_only: false, same_site: strict, binding: true, path: false}
      strict: false
      service_header: Authorization
      service_tokens:
        - {name: ci, id: ` + exampleID + `, secret: ` + exampleSecret + `}
      applications:
        - path: /
          policies:
            - {name: staff, decision: allow, include: [{domain: example.com}, {email: guest@example.org}], require: [{country: DE}], exclude: [{group: interns}], session: 1h}
        - path: /hooks/*
          aud: ` + strings.Repeat("b2", 32) + `
          session: 2h
          policies:
            - decision: non_identity
              include: [{service_token: ci}, any_service_token]
            - {decision: bypass, include: [{ip: 10.0.0.0/8}, {ip: "2001:db8::1"}]}
            - {decision: block, include: [everyone]}
`})
	want := &dev.Access{
		Team: "acme", Account: "0123456789abcdef0123456789abcdef", Audience: strings.Repeat("a1", 32), Session: 30 * time.Minute, Global: 168 * time.Hour,
		From: "192.0.2.7", Country: "DE", Claims: []string{"hd", "groups"}, Cookie: dev.AccessCookie{Readable: true, SameSite: "strict", Binding: true, WholeHost: true},
		Lenient: true, TokenHeader: "Authorization", Tokens: []dev.AccessServiceToken{{Name: "ci", ID: exampleID, Secret: exampleSecret}},
		Applications: []dev.AccessApplication{
			{Origin: "compose.yaml:21", Policies: []dev.AccessPolicy{{Name: "staff", Decision: "allow", Session: time.Hour, Origin: "compose.yaml:23",
				Include: []dev.AccessRule{{Kind: "domain", Text: "example.com"}, {Kind: "email", Text: "guest@example.org"}},
				Require: []dev.AccessRule{{Kind: "country", Text: "DE"}}, Exclude: []dev.AccessRule{{Kind: "group", Text: "interns"}}}}},
			{Path: "/hooks/*", Audience: strings.Repeat("b2", 32), Session: 2 * time.Hour, Origin: "compose.yaml:24", Policies: []dev.AccessPolicy{
				{Decision: "non_identity", Origin: "compose.yaml:28", Include: []dev.AccessRule{{Kind: "service_token", Text: "ci"}, {Kind: "any_service_token"}}},
				{Decision: "bypass", Origin: "compose.yaml:30", Include: []dev.AccessRule{{Kind: "ip", Text: "10.0.0.0/8"}, {Kind: "ip", Text: "2001:db8::1"}}},
				{Decision: "block", Origin: "compose.yaml:31", Include: []dev.AccessRule{{Kind: "everyone"}}},
			}},
		},
	}
	if diff := cmp.Diff(want, p.Settings.Auth.Access); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	e, err := config.Overlay(p, parts(p))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := e.YAML(); err != nil || strings.Contains(string(b), exampleSecret) || !strings.Contains(string(b), "team: acme") {
		t.Errorf("%v, or the effective model shows a secret:\n%s", err, b)
	}
}

func TestAccess_OfALaterFileWinsValueByValue(t *testing.T) {
	p := loadedFrom(t, map[string]string{
		"compose.yaml":          streamlitOnly + "x-sdev: {auth: {cloudflare: {team: acme, country: DE, strict: false, cookie: {binding: true}}}}\n",
		"compose.override.yaml": "x-sdev: {auth: {cloudflare: {country: US, cookie: {http_only: false}}}}\n",
	})
	want := &dev.Access{Team: "acme", Country: "US", Lenient: true, Cookie: dev.AccessCookie{Binding: true, Readable: true}}
	if diff := cmp.Diff(want, p.Settings.Auth.Access); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestAccess_WrongSettingsAreErrorsWithTheirLine(t *testing.T) {
	const head = "x-sdev:\n  auth:\n    cloudflare:\n"
	policy := func(text string) string {
		return "      applications:\n        - path: /\n          policies:\n            - " + text + "\n"
	}
	for name, c := range map[string]struct{ text, message, hint string }{
		"no mapping":       {"      [acme]\n", "compose.yaml:4: x-sdev.auth.cloudflare must be a mapping", "help x-sdev"},
		"unknown":          {"      teams: acme\n", "compose.yaml:4: unknown setting x-sdev.auth.cloudflare.teams", "team"},
		"team":             {"      team: acme.cloudflareaccess.com\n", `compose.yaml:4: x-sdev.auth.cloudflare.team: "acme.cloudflareaccess.com" has the wrong form`, "only the name"},
		"aud":              {"      aud: abc\n", `x-sdev.auth.cloudflare.aud: "abc" has the wrong form`, "64 hexadecimal digits"},
		"session":          {"      session: 1 day\n", `x-sdev.auth.cloudflare.session: "1 day" is not a time from 1m to 744h`, "12h"},
		"global":           {"      global_session: 5m\n", `x-sdev.auth.cloudflare.global_session: "5m" is not a time from 15m to 744h`, "12h"},
		"from":             {"      from: localhost\n", `"localhost" is not an IP address`, "203.0.113.7"},
		"country":          {"      country: Germany\n", `"Germany" is not a country's code`, "DE"},
		"same site":        {"      cookie: {same_site: no}\n", "x-sdev.auth.cloudflare.cookie.same_site", "lax, strict, none"},
		"header":           {"      service_header: Cookie\n", `"Cookie" is not the name of a header that a program can set`, "Authorization"},
		"token id":         {"      service_tokens: [{name: a, id: x, secret: " + exampleSecret + "}]\n", `service_tokens[0].id: "x" has the wrong form`, ".access"},
		"token secret":     {"      service_tokens: [{name: a, id: " + exampleID + ", secret: hunter2}]\n", "service_tokens[0].secret has not the form of a client secret", "cfast_"},
		"token incomplete": {"      service_tokens: [{name: a}]\n", "service_tokens[0] needs name, id and secret", ""},
		"no path":          {"      applications:\n        - policies: []\n", "compose.yaml:5: x-sdev.auth.cloudflare.applications[0] has no path", "/marketing"},
		"relative path":    {"      applications: [{path: marketing}]\n", `"marketing" must begin with a slash`, "/marketing"},
		"stars":            {"      applications: [{path: /a*b*}]\n", "several stars between two slashes", ""},
		"path twice":       {"      applications: [{path: /a}, {path: /a}]\n", "applications[1] has the path of another one", "one application"},
		"no decision":      {policy("{include: [everyone]}"), "compose.yaml:7: x-sdev.auth.cloudflare.applications[0].policies[0] has no decision", "non_identity"},
		"decision":         {policy("{decision: deny, include: [everyone]}"), `policies[0].decision is "deny"`, "allow, block, bypass, non_identity"},
		"nobody":           {policy("{decision: allow}"), "includes nobody", "everyone"},
		"rule":             {policy("{decision: allow, include: [nobody]}"), `include[0] is "nobody"`, "everyone, any_service_token"},
		"unknown rule":     {policy("{decision: allow, include: [{name: a}]}"), "unknown setting x-sdev.auth.cloudflare.applications[0].policies[0].include[0].name", "email"},
		"two rules":        {policy("{decision: allow, include: [{country: DE, email: a@example.com}]}"), "must have exactly one rule", "one item for each"},
		"range":            {policy("{decision: allow, include: [{ip: 10.0.0.0/99}]}"), "neither an IP address nor a range", ""},
		"bypass people":    {policy("{decision: bypass, include: [{email: a@example.com}]}"), "a bypass asks nobody", "allow"},
		"service people":   {policy("{decision: non_identity, include: [{group: a}]}"), "non_identity is for programs", "allow"},
		"token unknown":    {policy("{decision: non_identity, include: [{service_token: ci}]}"), `the policy in compose.yaml:7 names the service token "ci"`, "name: ci"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, map[string]string{"compose.yaml": head + c.text + streamlitOnly})
			e := dev.AsError(err)
			if err == nil || e.Code != dev.CodeXSdev || !strings.Contains(e.Error(), c.message) || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("%v\nhint: %s", err, e.Hint)
			}
			if strings.Contains(e.Error()+e.Hint, "hunter2") {
				t.Error("the error shows a secret")
			}
		})
	}
}
