package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/devtest"
)

var dora = dev.Person{Email: "dora@example.com", Name: "Dora", Groups: []string{"sales"}, Claims: map[string]any{"hd": "example.com", "level": 3}}

const doraLine = "{email: dora@example.com, name: Dora, groups: [sales], claims: {hd: example.com, level: 3}}"

// Whatever a file looks like, what is added looks like what is there, and the rest stays byte for byte.
func TestAddPerson_KeepsTheLayoutOfEverythingElse(t *testing.T) {
	for name, c := range map[string]struct{ before, after string }{
		"no x-sdev": {
			"# shop\nservices:\n  streamlit: {image: shop} # the app\n",
			"# shop\nservices:\n  streamlit: {image: shop} # the app\n\nx-sdev:\n  auth:\n    users:\n      - " + doraLine + "\n"},
		"no line end at the end, and blank lines": {
			"services:\n  streamlit:\n    image: shop",
			"services:\n  streamlit:\n    image: shop\n\nx-sdev:\n  auth:\n    users:\n      - " + doraLine},
		"blank lines at the end": {
			"services:\n  streamlit: {image: shop}\n\n\n",
			"services:\n  streamlit: {image: shop}\n\nx-sdev:\n  auth:\n    users:\n      - " + doraLine + "\n\n\n"},
		"line ends of Windows": {
			"services:\r\n  streamlit: {image: shop}\r\nx-sdev:\r\n  app: streamlit\r\n",
			"services:\r\n  streamlit: {image: shop}\r\nx-sdev:\r\n  app: streamlit\r\n  auth:\r\n    users:\r\n      - " + doraLine + "\r\n"},
		"x-sdev without auth, four spaces": {
			"x-sdev:\n    app: streamlit # yes\n    # the end\n\nservices:\n    streamlit: {image: shop}\n",
			"x-sdev:\n    app: streamlit # yes\n    auth:\n        users:\n            - " + doraLine + "\n    # the end\n\nservices:\n    streamlit: {image: shop}\n"},
		"auth without users": {
			"x-sdev:\n  auth:\n    mode: app\n  app: streamlit\nservices:\n  streamlit: {image: shop}\n",
			"x-sdev:\n  auth:\n    mode: app\n    users:\n      - " + doraLine + "\n  app: streamlit\nservices:\n  streamlit: {image: shop}\n"},
		"x-sdev in one line": {
			"x-sdev: {app: streamlit} # short\nservices:\n  streamlit: {image: shop}\n",
			"x-sdev: {app: streamlit, auth: {users: [" + doraLine + "]}} # short\nservices:\n  streamlit: {image: shop}\n"},
		"auth in one line": {
			"x-sdev:\n  auth: {mode: app}\nservices:\n  streamlit: {image: shop}\n",
			"x-sdev:\n  auth: {mode: app, users: [" + doraLine + "]}\nservices:\n  streamlit: {image: shop}\n"},
		"an empty list": {
			"x-sdev:\n  auth:\n    users: [] # nobody yet\nservices:\n  streamlit: {image: shop}\n",
			"x-sdev:\n  auth:\n    users: [" + doraLine + "] # nobody yet\nservices:\n  streamlit: {image: shop}\n"},
		"a list of lines": {
			"x-sdev:\n  auth:\n    users:\n      # the boss\n      - {email: ä@example.com, name: \"Ä, #1\"} # really\n\n      # end\n    mode: app\nservices:\n  streamlit: {image: shop}\n",
			"x-sdev:\n  auth:\n    users:\n      # the boss\n      - {email: ä@example.com, name: \"Ä, #1\"} # really\n      - " + doraLine + "\n\n      # end\n    mode: app\nservices:\n  streamlit: {image: shop}\n"},
		"a list of blocks": {
			"x-sdev:\n  auth:\n    users:\n    - email: a@example.com\n      claims:\n        text: |\n          two\n\n          lines\n        # not a comment of hers\n\nservices:\n  streamlit: {image: shop}\n",
			"x-sdev:\n  auth:\n    users:\n    - email: a@example.com\n      claims:\n        text: |\n          two\n\n          lines\n        # not a comment of hers\n    - email: dora@example.com\n      name: Dora\n      groups: [sales]\n      claims: {hd: example.com, level: 3}\n\nservices:\n  streamlit: {image: shop}\n"},
		"a list over several lines in brackets": {
			"x-sdev:\n  auth:\n    users: [\n      {email: a@example.com}, # one\n      {email: 'b@example.com', name: 'it''s'}\n    ]\nservices:\n  streamlit: {image: shop}\n",
			"x-sdev:\n  auth:\n    users: [\n      {email: a@example.com}, # one\n      {email: 'b@example.com', name: 'it''s'},\n      " + doraLine + "\n    ]\nservices:\n  streamlit: {image: shop}\n"},
		"a list with an anchor": {
			"x-sdev:\n  auth:\n    users: &people [{email: a@example.com}]\nservices:\n  streamlit: {image: shop}\n",
			"x-sdev:\n  auth:\n    users: &people [{email: a@example.com}, " + doraLine + "]\nservices:\n  streamlit: {image: shop}\n"},
		"JSON": {
			`{"services": {"streamlit": {"image": "shop"}}}` + "\n",
			`{"services": {"streamlit": {"image": "shop"}}, "x-sdev": {"auth": {"users": [{"claims":{"hd":"example.com","level":3},"email":"dora@example.com","groups":["sales"],"name":"Dora"}]}}}` + "\n"},
		"a byte order mark": {
			"\uFEFFx-sdev: {app: streamlit}\nservices:\n  streamlit: {image: shop}\n",
			"\uFEFFx-sdev: {app: streamlit, auth: {users: [" + doraLine + "]}}\nservices:\n  streamlit: {image: shop}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			edited(t, c.before, c.after, func(p *config.Project) (config.PeopleEdit, error) { return p.AddPerson(dora) })
		})
	}
}

// edited applies a change to a file, and sees that the file then says what the change says.
func edited(t *testing.T, before, after string, change func(*config.Project) (config.PeopleEdit, error)) {
	t.Helper()
	dir := devtest.Project(t, map[string]string{"compose.yaml": before})
	p, err := config.Load(t.Context(), config.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	edit, err := change(p)
	if err != nil {
		t.Fatalf("%v\nhint: %s", err, dev.AsError(err).Hint)
	}
	if err := edit.Write(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(after, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again, err := config.Load(t.Context(), config.Options{Dir: dir})
	if err != nil {
		t.Fatalf("what was written cannot be read: %v", err)
	}
	if len(again.Settings.Auth.Users) != len(edit.People) {
		t.Errorf("%+v, want %+v", again.Settings.Auth.Users, edit.People)
	}
}

const three = `x-sdev:
  auth:
    users:
      - {email: a@example.com, groups: [x]} # a

      # about b
      - email: b@example.com # b's
        name: 'B' # name
        groups:
        - x # first
        - y
        claims: {hd: b}
      -
        email: c@example.com
        claims:
          n: 1
  app: streamlit
services:
  streamlit: {image: shop}
`

func TestChangePerson_ChangesOnlyWhatIsAskedFor(t *testing.T) {
	groups := []string{"new one", "y"}
	for name, c := range map[string]struct {
		who      string
		change   config.PersonChange
		old, new string // in three
	}{
		"name of a block":     {"b@example.com", config.PersonChange{Name: "Bea, the 2nd"}, "name: 'B' # name", "name: Bea, the 2nd # name"},
		"a name that is new":  {"a@example.com", config.PersonChange{Name: "A: first"}, "groups: [x]}", "groups: [x], name: 'A: first'}"},
		"a name in a block":   {"c@example.com", config.PersonChange{Name: "C"}, "          n: 1\n", "          n: 1\n        name: C\n"},
		"address":             {"B@example.com", config.PersonChange{Email: "bb@example.com"}, "email: b@example.com #", "email: bb@example.com #"},
		"groups in brackets":  {"a@example.com", config.PersonChange{Groups: &groups}, "groups: [x]}", "groups: [new one, y]}"},
		"groups of a block":   {"b@example.com", config.PersonChange{Groups: &groups}, "groups:\n        - x # first\n        - y\n", "groups: [new one, y]\n"},
		"no groups":           {"a@example.com", config.PersonChange{Groups: new([]string)}, "groups: [x]}", "groups: []}"},
		"a claim more":        {"b@example.com", config.PersonChange{Set: map[string]any{"a": true}}, "claims: {hd: b}", "claims: {a: true, hd: b}"},
		"claims of a block":   {"c@example.com", config.PersonChange{Set: map[string]any{"n": 2}}, "claims:\n          n: 1\n", "claims: {n: 2}\n"},
		"a claim less":        {"c@example.com", config.PersonChange{Unset: []string{"n"}}, "claims:\n          n: 1\n", "claims: {}\n"},
		"several things new":  {"a@example.com", config.PersonChange{Name: "A", Set: map[string]any{"s": "true"}}, "groups: [x]}", `groups: [x], name: A, claims: {s: "true"}}`},
		"a text like a truth": {"b@example.com", config.PersonChange{Name: "true"}, "name: 'B' # name", `name: "true" # name`},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(three, c.old) {
				t.Fatal("the file has no such text")
			}
			edited(t, three, strings.Replace(three, c.old, c.new, 1), func(p *config.Project) (config.PeopleEdit, error) { return p.ChangePerson(c.who, c.change) })
		})
	}
}

func TestRemovePerson_TakesTheEntryAndNothingElse(t *testing.T) {
	for name, c := range map[string]struct{ who, before, old, new string }{
		"the first line": {"a@example.com", three, "      - {email: a@example.com, groups: [x]} # a\n", ""},
		"a block": {"b@example.com", three, `      - email: b@example.com # b's
        name: 'B' # name
        groups:
        - x # first
        - y
        claims: {hd: b}
`, ""},
		"a dash of its own": {"c@example.com", three, "      -\n        email: c@example.com\n        claims:\n          n: 1\n", ""},
		"the only one": {"a@example.com", "x-sdev:\n  auth:\n    users: # all\n      - {email: a@example.com}\nservices:\n  streamlit: {image: shop}\n",
			"users: # all\n      - {email: a@example.com}\n", "users: [] # all\n"},
		"the last in brackets": {"b@example.com", "x-sdev: {auth: {users: [{email: a@example.com}, {email: b@example.com}]}}\n" + streamlitOnly, ", {email: b@example.com}", ""},
		"the first in brackets": {"a@example.com", "x-sdev: {auth: {users: [{email: a@example.com}, {email: b@example.com}]}}\n" + streamlitOnly,
			"{email: a@example.com}, ", ""},
		"the only one in brackets": {"a@example.com", "x-sdev: {auth: {users: [{email: a@example.com}]}}\n" + streamlitOnly, "{email: a@example.com}", ""},
		"a line in brackets": {"b@example.com", "x-sdev: {auth: {users: [\n  {email: a@example.com}, # a\n  {email: b@example.com},\n  {email: c@example.com},\n]}}\n" + streamlitOnly,
			"  {email: b@example.com},\n", ""},
		"the last line in brackets": {"b@example.com", "x-sdev: {auth: {users: [\n  {email: a@example.com}, # a\n  {email: b@example.com}\n]}}\n" + streamlitOnly,
			", # a\n  {email: b@example.com}\n", " # a\n"},
		"one that only refers": {"a@example.com", "x-a: &a {email: a@example.com}\nx-sdev:\n  auth:\n    users:\n      - *a\n      - {email: b@example.com}\n" + streamlitOnly, "      - *a\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(c.before, c.old) {
				t.Fatal("the file has no such text")
			}
			edited(t, c.before, strings.Replace(c.before, c.old, c.new, 1), func(p *config.Project) (config.PeopleEdit, error) { return p.RemovePerson(c.who) })
		})
	}
}

func TestPeopleEdit_RefusesWhatItCannotDoWithoutHarm(t *testing.T) {
	add := func(p *config.Project) (config.PeopleEdit, error) { return p.AddPerson(dora) }
	remove := func(p *config.Project) (config.PeopleEdit, error) { return p.RemovePerson("a@example.com") }
	rename := func(p *config.Project) (config.PeopleEdit, error) {
		return p.ChangePerson("a@example.com", config.PersonChange{Name: "A"})
	}
	for name, c := range map[string]struct {
		compose    string
		change     func(*config.Project) (config.PeopleEdit, error)
		code       dev.Code
		want, hint string
	}{
		"a list that stands elsewhere": {"x-p: &p [{email: a@example.com}]\nx-sdev:\n  auth:\n    users: *p\n", add, dev.CodeXSdev,
			"compose.yaml:4: sdev cannot edit this layout without changing something else: the list is an alias of line 1", "- " + doraLine},
		"a list that others use": {"x-sdev:\n  auth:\n    users: &p [{email: a@example.com}]\nx-p: *p\n", add, dev.CodeXSdev,
			"compose.yaml:3: sdev cannot edit this layout without changing something else: something else in the file depends on the list", "- " + doraLine},
		"an entry that others use": {"x-sdev:\n  auth:\n    users:\n      - &a {email: a@example.com}\nx-p: *a\n", remove, dev.CodeXSdev,
			"compose.yaml:3: sdev cannot edit this layout without changing something else: the result would not be YAML", "by hand"},
		"an entry that stands elsewhere": {"x-a: &a {email: a@example.com}\nx-sdev: {auth: {users: [*a]}}\n", rename, dev.CodeXSdev,
			"compose.yaml:2: sdev cannot edit this layout without changing something else: the entry is an alias of line 1", "{email: a@example.com, name: A}"},
		"an end in the middle":      {"x-sdev: {app: streamlit}\n" + streamlitOnly + "...\n# the end\n", nil, "", "", ""},
		"somebody twice":            {"x-sdev: {auth: {users: [{email: DORA@example.com}]}}\n", add, dev.CodeUsage, "dora@example.com already exists", "users edit dora@example.com"},
		"somebody who is not there": {"x-sdev: {auth: {users: [{email: b@example.com}]}}\n", remove, dev.CodeUsage, "no a@example.com in x-sdev.auth.users", "people of this project: b@example.com"},
		"somebody made up": {"", func(p *config.Project) (config.PeopleEdit, error) { return p.RemovePerson("admin@example.com") }, dev.CodeUsage,
			"x-sdev.auth.users lists nobody; the current people are samples", "users add admin@example.com"},
		"a bad address": {"", func(p *config.Project) (config.PeopleEdit, error) { return p.AddPerson(dev.Person{Email: "dora"}) }, dev.CodeUsage, `"dora" is not an e-mail address`, "alice@"},
		"a variable": {"", func(p *config.Project) (config.PeopleEdit, error) {
			return p.AddPerson(dev.Person{Email: "d@example.com", Name: "${HOME}"})
		}, dev.CodeUsage, "a compose file reads $ as the start of a variable", ""},
		"a token's claim": {"", func(p *config.Project) (config.PeopleEdit, error) {
			return p.AddPerson(dev.Person{Email: "d@example.com", Claims: map[string]any{"exp": 1}})
		}, dev.CodeUsage, "claim exp is part of the protocol and cannot be set for a person", "fault"},
		"an address of somebody else": {"x-sdev: {auth: {users: [{email: a@example.com}, {email: b@example.com}]}}\n", func(p *config.Project) (config.PeopleEdit, error) {
			return p.ChangePerson("a@example.com", config.PersonChange{Email: "B@example.com"})
		}, dev.CodeUsage, "b@example.com already exists", "another"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.change == nil {
				edited(t, c.compose, strings.Replace(c.compose, "{app: streamlit}", "{app: streamlit, auth: {users: ["+doraLine+"]}}", 1), add)
				return
			}
			dir := devtest.Project(t, map[string]string{"compose.yaml": c.compose + streamlitOnly})
			p, err := config.Load(t.Context(), config.Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.change(p)
			e := dev.AsError(err)
			if err == nil || e.Code != c.code || e.Error() != c.want || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("%v (%s)\nhint: %s", err, e.Code, e.Hint)
			}
		})
	}
}

func TestPeopleEdit_KeepsLinksAndRightsAndWhatOthersWrote(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"real/base.yaml": streamlitOnly})
	real := filepath.Join(dir, "real", "base.yaml")
	if err := os.Chmod(real, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real/base.yaml", filepath.Join(dir, "compose.yaml")); err != nil {
		t.Fatal(err)
	}
	p, err := config.Load(t.Context(), config.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	edit, err := p.AddPerson(dora)
	if err != nil {
		t.Fatal(err)
	}
	if err := edit.Write(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(filepath.Join(dir, "compose.yaml"))
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is no link any more: %v, %v", info, err)
	}
	if info, err := os.Stat(real); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	if err := edit.Write(); err == nil || !strings.Contains(err.Error(), "was changed meanwhile by another program") {
		t.Errorf("what somebody else wrote was overwritten: %v", err)
	}
	left, err := os.ReadDir(filepath.Dir(real))
	if err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestPeopleEdit_NeedsAComposeFile(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"app.py": "import streamlit as st\n"})
	p, err := config.Load(t.Context(), config.Options{Dir: dir, Assume: func(string) (*config.Assumption, error) {
		return &config.Assumption{Service: "streamlit", Entry: "app.py", Context: ".", Inline: "FROM python\n"}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.AddPerson(dora)
	if e := dev.AsError(err); err == nil || e.Code != dev.CodeProjectMissing || !strings.Contains(e.Hint, "sdev init") {
		t.Errorf("%v", err)
	}
}
