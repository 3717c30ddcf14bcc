package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"sdev/dev"
)

// PersonChange is a change of a person. Nil and empty fields stay unchanged.
type PersonChange struct {
	Email  string
	Name   string
	Groups *[]string      // all of them
	Set    map[string]any // claims to set
	Unset  []string       // claims to remove
}

// PeopleEdit is an edited compose file that has not been written yet.
type PeopleEdit struct {
	File   string       // as shown to the user
	People []dev.Person // the people after the edit

	path          string
	before, after []byte
}

// AddPerson adds a person to x-sdev.auth.users, in the file with that list, or else in the first one that may get
// it. Errors are *dev.Error, with exit code 2 if the person is invalid and 3 if the file cannot be edited; the
// hint of the latter holds the line to add by hand.
func (p *Project) AddPerson(who dev.Person) (PeopleEdit, error) {
	if err := checkPerson(who); err != nil {
		return PeopleEdit{}, err
	}
	if slices.ContainsFunc(p.Settings.Auth.Users, sameEmail(who.Email)) {
		return PeopleEdit{}, personError(who.Email+" already exists", "run: sdev auth users edit "+who.Email)
	}
	want := append(slices.Clone(p.Settings.Auth.Users), who)
	return p.editPeople(want, "- "+describe(who), func(e *editor, src source) error { return e.addPerson(src, who) })
}

// ChangePerson changes a person in x-sdev.auth.users; errors are as for AddPerson.
func (p *Project) ChangePerson(email string, change PersonChange) (PeopleEdit, error) {
	i, err := p.personIndex(email)
	if err != nil {
		return PeopleEdit{}, err
	}
	want := slices.Clone(p.Settings.Auth.Users)
	want[i] = changed(want[i], change)
	if err := checkPerson(want[i]); err != nil {
		return PeopleEdit{}, err
	}
	for j, other := range want {
		if j != i && sameEmail(want[i].Email)(other) {
			return PeopleEdit{}, personError(other.Email+" already exists", "choose another address")
		}
	}
	return p.editPeople(want, "- "+describe(want[i]), func(e *editor, src source) error { return e.changePerson(src, i, want[i], change) })
}

// RemovePerson removes a person from x-sdev.auth.users; errors are as for AddPerson.
func (p *Project) RemovePerson(email string) (PeopleEdit, error) {
	i, err := p.personIndex(email)
	if err != nil {
		return PeopleEdit{}, err
	}
	want := slices.Delete(slices.Clone(p.Settings.Auth.Users), i, i+1)
	return p.editPeople(want, "", func(e *editor, src source) error { return e.removePerson(src, i) })
}

func (p *Project) personIndex(email string) (int, error) {
	users := p.Settings.Auth.Users
	if i := slices.IndexFunc(users, sameEmail(email)); i >= 0 {
		return i, nil
	}
	if len(users) == 0 {
		return 0, personError("x-sdev.auth.users lists nobody; the current people are samples", "run: sdev auth users add "+email)
	}
	var have []string
	for _, u := range users {
		have = append(have, u.Email)
	}
	return 0, personError("no "+email+" in x-sdev.auth.users", "people of this project: "+strings.Join(have, ", "))
}

func sameEmail(email string) func(dev.Person) bool {
	return func(p dev.Person) bool { return strings.EqualFold(p.Email, email) }
}

func personError(message, hint string) error {
	return &dev.Error{Code: dev.CodeUsage, Exit: dev.ExitUsage, Message: message, Hint: hint}
}

func changed(p dev.Person, c PersonChange) dev.Person {
	if c.Email != "" {
		p.Email = c.Email
	}
	if c.Name != "" {
		p.Name = c.Name
	}
	if c.Groups != nil {
		p.Groups = *c.Groups
	}
	if len(c.Set)+len(c.Unset) > 0 {
		p.Claims = maps.Clone(p.Claims)
		if p.Claims == nil {
			p.Claims = map[string]any{}
		}
		maps.Copy(p.Claims, c.Set)
		for _, name := range c.Unset {
			delete(p.Claims, name)
		}
	}
	return p
}

// checkPerson checks a person as Load would, before the file is written.
func checkPerson(p dev.Person) error {
	if err := CheckEmail(p.Email); err != nil {
		return personError(err.Error(), "for example: alice@example.com")
	}
	for i, g := range p.Groups {
		if err := CheckGroup(g); err != nil {
			return personError(err.Error(), "use one --group for each group")
		}
		if slices.Contains(p.Groups[:i], g) {
			return personError(fmt.Sprintf("group %q is listed twice", g), "remove one of the two")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Claims)) {
		if err := CheckClaim(name); err != nil {
			return personError(err.Error(), faultHint)
		}
	}
	if err := CheckSubject(p.Claims); err != nil {
		return personError(err.Error(), "as JSON: --claim 'sub=\"5\"'")
	}
	if strings.Contains(describe(p), "$") {
		return personError("a compose file reads $ as the start of a variable", "leave the $ out")
	}
	return nil
}

// describe is a person as one line of a compose file.
func describe(p dev.Person) string {
	text, err := (&editor{}).flow(personNode(p))
	if err != nil {
		return "{email: " + p.Email + "}"
	}
	return text
}

// editPeople edits the text so that its people are want, and verifies that nothing else has changed.
func (p *Project) editPeople(want []dev.Person, paste string, change func(*editor, source) error) (PeopleEdit, error) {
	src, err := p.peopleSource()
	if err != nil {
		return PeopleEdit{}, err
	}
	before, err := dev.ReadFile(src.file)
	if err != nil {
		return PeopleEdit{}, bad(dev.CodeProjectInvalid, src.path, 0, "cannot be read: "+err.Error(), "check the file's permissions")
	}
	e := newEditor(before, src.root)
	if err = change(e, src); err == nil {
		after := e.result()
		if err = verifyEdit(src, before, after, want); err == nil {
			return PeopleEdit{File: src.path, People: want, path: src.file, before: before, after: after}, nil
		}
	}
	line := 0
	if at, ok := src.find("x-sdev", "auth", "users"); ok {
		line = at.key.Line
	}
	hint := "remove the entry by hand"
	if paste != "" {
		hint = "add under x-sdev.auth.users by hand: " + paste
	}
	return PeopleEdit{}, bad(dev.CodeXSdev, src.path, line, "sdev cannot edit this layout without changing something else: "+err.Error(), hint)
}

// peopleSource is the file with the list of people, or the one that should get it.
func (p *Project) peopleSource() (source, error) {
	if len(p.Files) == 0 || len(p.sources) == 0 {
		return source{}, bad(dev.CodeProjectMissing, "", 0, "people are stored in the compose file, but there is none in "+p.Dir, "run: sdev init")
	}
	for _, path := range [][]string{{"x-sdev", "auth", "users"}, {"x-sdev", "auth"}, {"x-sdev"}} {
		for _, s := range slices.Backward(p.sources) {
			if _, ok := s.find(path...); ok {
				return s, nil
			}
		}
	}
	i := slices.IndexFunc(p.sources, func(s source) bool { return !s.nested })
	return p.sources[max(0, i)], nil
}

// verifyEdit checks that the new text has these people, and that everything else is unchanged.
func verifyEdit(src source, before, after []byte, want []dev.Person) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(after, &doc); err != nil || len(doc.Content) == 0 {
		return errors.New("the result would not be YAML")
	}
	got, err := settings(sources{{path: src.path, root: doc.Content[0]}}, nil)
	if err != nil {
		return errors.New("the result would be wrong")
	}
	if !reflect.DeepEqual(normal(got.Auth.Users), normal(want)) {
		return errors.New("the result would list other people")
	}
	var old, now map[string]any
	if yaml.Unmarshal(before, &old) != nil || yaml.Unmarshal(after, &now) != nil || !reflect.DeepEqual(withoutPeople(old), withoutPeople(now)) {
		return errors.New("something else in the file depends on the list")
	}
	return nil
}

// normal makes people comparable, however they are written.
func normal(people []dev.Person) []string {
	var out []string
	for _, p := range people {
		out = append(out, describe(p))
	}
	return out
}

// withoutPeople removes x-sdev.auth.users, and keys that would be empty without it.
func withoutPeople(doc map[string]any) map[string]any {
	x, _ := doc["x-sdev"].(map[string]any)
	auth, _ := x["auth"].(map[string]any)
	delete(auth, "users")
	if len(auth) == 0 {
		delete(x, "auth")
	}
	if len(x) == 0 {
		delete(doc, "x-sdev")
	}
	return doc
}
