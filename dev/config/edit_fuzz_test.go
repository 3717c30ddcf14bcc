package config

import (
	"os"
	"path/filepath"
	"testing"

	"sdev/dev"
)

// Whatever a file looks like, a change of its people is made in whole or refused with an error of
// ours: nothing panics, and nothing else in the file changes its meaning.
func FuzzPeopleEdit(f *testing.F) {
	for _, seed := range []string{
		"x-sdev: {auth: {users: [{email: a@example.com, name: 'it''s'}, {email: b@x.org}, ]}}\n",
		"x-sdev:\n  auth:\n    users:\n    - email: a@example.com # c\n      groups:\n      - x\n    -\n      email: b@x.org\n...\n",
		"x-sdev:\r\n  app: web\r\n# end", "a: 1", "{\"x-sdev\": {}}", "x-sdev: &x {auth: {users: []}}\nother: *x\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file := filepath.Join(t.TempDir(), "compose.yaml")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		src, err := readSource(file, "compose.yaml")
		if err != nil || src.root == nil {
			return
		}
		p := &Project{sources: sources{src}, Files: []string{file}}
		if p.Settings, err = settings(p.sources, nil); err != nil {
			return
		}
		who := dev.Person{Email: "new@example.com", Name: "New", Groups: []string{"g"}}
		_, err = p.AddPerson(who)
		ours(t, err)
		if len(p.Settings.Auth.Users) > 0 {
			email := p.Settings.Auth.Users[0].Email
			_, err = p.RemovePerson(email)
			ours(t, err)
			_, err = p.ChangePerson(email, PersonChange{Name: "Other", Groups: &who.Groups, Set: map[string]any{"k": 1}})
			ours(t, err)
		}
	})
}

func ours(t *testing.T, err error) {
	t.Helper()
	if err != nil && dev.AsError(err).Code == dev.CodeInternal {
		t.Error(err)
	}
}
