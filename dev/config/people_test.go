package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/devtest"
)

const streamlitOnly = "services:\n  streamlit:\n    image: shop\n"

func TestPeople_AreReadInEveryStyle(t *testing.T) {
	p, err := load(t, map[string]string{"compose.yaml": streamlitOnly + `x-sdev:
  auth:
    users:
      - {email: alice@example.com, name: Alice, groups: [admin, marketing], claims: {hd: example.com, level: 3, since: 2024-05-01, staff: true, boss: null, teams: [a, {b: 1.5}]}}
      - email: Bob@example.com
        groups: &all
          - sales
      - email: carol@example.com
        groups: *all
    policies:
      - {path: /marketing/*, allow: {groups: [marketing], emails: [bob@example.com], domains: [example.com], anyone: yes}}
      - path: /
        allow: {}
`})
	if err != nil {
		t.Fatal(err)
	}
	want := []dev.Person{
		{Email: "alice@example.com", Name: "Alice", Groups: []string{"admin", "marketing"}, Claims: map[string]any{
			"hd": "example.com", "level": 3, "since": "2024-05-01", "staff": true, "boss": nil, "teams": []any{"a", map[string]any{"b": 1.5}}}},
		{Email: "Bob@example.com", Groups: []string{"sales"}},
		{Email: "carol@example.com", Groups: []string{"sales"}},
	}
	if diff := cmp.Diff(want, p.Settings.Auth.People()); diff != "" {
		t.Errorf("people (-want +got):\n%s", diff)
	}
	policies := []dev.Policy{
		{Path: "/marketing/*", Origin: "compose.yaml:14", Allow: dev.Allow{Groups: []string{"marketing"}, Emails: []string{"bob@example.com"}, Domains: []string{"example.com"}, Anyone: true}},
		{Path: "/", Origin: "compose.yaml:15"},
	}
	if diff := cmp.Diff(policies, p.Settings.Auth.Policies); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
	if who, ok := p.Settings.Auth.Person("BOB@example.com"); !ok || who.Email != "Bob@example.com" {
		t.Errorf("%+v, %v", who, ok)
	}
	if _, ok := p.Settings.Auth.Person("dan@example.com"); ok {
		t.Error("a stranger was found")
	}
}

func TestPeople_AreMadeUpWhereNoneAreNamed(t *testing.T) {
	for name, auth := range map[string]string{"no x-sdev": "", "an empty list": "x-sdev: {auth: {users: []}}\n"} {
		t.Run(name, func(t *testing.T) {
			s := loadedFrom(t, map[string]string{"compose.yaml": streamlitOnly + auth}).Settings.Auth
			people := s.People()
			if len(s.Users) != 0 || len(people) != 2 || len(people[0].Groups) == 0 || len(people[1].Groups) != 0 {
				t.Errorf("%+v", people)
			}
		})
	}
}

func TestPeople_OfALaterFileTakeThePlaceOfAnEarliers(t *testing.T) {
	p := loadedFrom(t, map[string]string{
		"compose.yaml":          streamlitOnly + "x-sdev: {auth: {users: [{email: a@example.com}], policies: [{path: /a, allow: {}}]}}\n",
		"compose.override.yaml": "x-sdev: {auth: {users: [{email: b@example.com}]}}\n",
	})
	if a := p.Settings.Auth; len(a.Users) != 1 || a.Users[0].Email != "b@example.com" || len(a.Policies) != 1 {
		t.Errorf("%+v", a)
	}
}

func loadedFrom(t *testing.T, files map[string]string) *config.Project {
	t.Helper()
	p, err := load(t, files)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPeople_WrongOnesAreErrorsWithTheirLine(t *testing.T) {
	const head = "x-sdev:\n  auth:\n"
	for name, c := range map[string]struct{ auth, want, hint string }{
		"no list":           {"    users: alice@example.com\n", "compose.yaml:3: x-sdev.auth.users must be a list", "help x-sdev"},
		"no mapping":        {"    users:\n      - alice@example.com\n", "compose.yaml:4: x-sdev.auth.users[0] must be a mapping", "help x-sdev"},
		"no address":        {"    users:\n      - {name: Alice}\n", "compose.yaml:4: x-sdev.auth.users[0] has no email", "alice@example.com"},
		"bad address":       {"    users:\n      - name: A\n        email: alice\n", `compose.yaml:5: x-sdev.auth.users[0].email: "alice" is not an e-mail address`, "alice@example.com"},
		"address with name": {"    users:\n      - email: Alice <alice@example.com>\n", `compose.yaml:4: x-sdev.auth.users[0].email: "Alice <alice@example.com>" is not an e-mail address`, ""},
		"twice":             {"    users:\n      - {email: a@example.com}\n      - {email: A@Example.com}\n", "compose.yaml:5: x-sdev.auth.users: A@Example.com is already listed in line 4", "remove one"},
		"unknown key":       {"    users:\n      - {email: a@example.com, group: x}\n", "compose.yaml:4: unknown setting x-sdev.auth.users[0].group", "claims, email, groups, name"},
		"groups no list":    {"    users:\n      - {email: a@example.com, groups: admin}\n", "compose.yaml:4: x-sdev.auth.users[0].groups must be a list", ""},
		"group of nothing":  {"    users:\n      - {email: a@example.com, groups: [\"\"]}\n", "compose.yaml:4: x-sdev.auth.users[0].groups[0] must be a string", ""},
		"group with comma":  {"    users:\n      - {email: a@example.com, groups: [\"a,b\"]}\n", `compose.yaml:4: x-sdev.auth.users[0].groups: "a,b" is not a valid group name`, "[admin, marketing]"},
		"group twice":       {"    users:\n      - {email: a@example.com, groups: [a, a]}\n", `compose.yaml:4: x-sdev.auth.users[0].groups: "a" is listed twice`, ""},
		"claims no mapping": {"    users:\n      - {email: a@example.com, claims: [hd]}\n", "compose.yaml:4: x-sdev.auth.users[0].claims must be a mapping of names to values", "hd: example.com"},
		"protocol claim":    {"    users:\n      - email: a@example.com\n        claims:\n          aud: me\n", "compose.yaml:6: x-sdev.auth.users[0].claims: claim aud is part of the protocol and cannot be set for a person", "fault set"},
		"subject no text":   {"    users:\n      - email: a@example.com\n        claims: {sub: 5}\n", "compose.yaml:5: x-sdev.auth.users[0].claims: claim sub must be a string of 1 to 255 characters", "quote"},
		"endless address":   {"    users:\n      - {email: " + strings.Repeat("a", 300) + "@example.com}\n", `compose.yaml:4: x-sdev.auth.users[0].email: "` + strings.Repeat("a", 300) + `@example.com" is not an e-mail address`, ""},

		"policy without path":  {"    policies:\n      - allow: {anyone: true}\n", "compose.yaml:4: x-sdev.auth.policies[0] has no path", "/marketing/*"},
		"policy without allow": {"    policies:\n      - path: /a\n", "compose.yaml:4: x-sdev.auth.policies[0] has no allow", "{path: /a, allow"},
		"relative path":        {"    policies:\n      - {path: a, allow: {}}\n", `compose.yaml:4: x-sdev.auth.policies[0].path "a": it must begin with a slash`, "/marketing/*"},
		"path twice":           {"    policies:\n      - {path: /a, allow: {}}\n      - {path: /a, allow: {}}\n", "compose.yaml:5: x-sdev.auth.policies: path /a is already listed in line 4", "one policy"},
		"unknown allow":        {"    policies:\n      - path: /a\n        allow: {users: [x]}\n", "compose.yaml:5: unknown setting x-sdev.auth.policies[0].allow.users", "anyone, domains, emails, groups"},
		"bad domain":           {"    policies:\n      - {path: /a, allow: {domains: [\"@x.org\"]}}\n", `compose.yaml:4: x-sdev.auth.policies[0].allow.domains: "@x.org" is not a domain`, ""},
		"bad anyone":           {"    policies:\n      - {path: /a, allow: {anyone: perhaps}}\n", "compose.yaml:4: x-sdev.auth.policies[0].allow.anyone must be true or false", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := devtest.Project(t, map[string]string{"compose.yaml": head + c.auth + streamlitOnly})
			_, err := config.Load(t.Context(), config.Options{Dir: dir})
			e := dev.AsError(err)
			if err == nil || e.Code != dev.CodeXSdev || e.Exit != dev.ExitProject || e.Error() != c.want || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("%v\nhint: %s", err, e.Hint)
			}
		})
	}
}
