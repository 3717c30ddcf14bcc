// Package secrets says where an app gets what its code reads from outside: environment variables, Streamlit's secrets, and
// parameters and secrets of AWS; on this machine in each login mode, and on each platform.
//
// It promises to know names and places, and no value. It computes a [Table] from what others have found, and starts no
// goroutine.
package secrets

import (
	"slices"
	"strings"

	"sdev/dev"
)

// State says whether an input is there.
type State string

// The states of an input.
const (
	Set     State = "set"
	Empty   State = "empty"   // set to nothing
	Missing State = "missing" // nothing sets it
	Unknown State = "unknown" // it is in AWS, where sdev does not look
)

// Source is where an input comes from.
type Source struct {
	State State  `json:"state"`
	From  string `json:"from,omitempty"` // "compose.yaml:12", ".streamlit/secrets.toml:4"
}

// View is a way to run the app: a login mode on this machine, or a platform.
type View struct {
	Name string
	// Variables and Secrets are the names that the app gets. Secrets are keys with the tables around them: "db.password".
	Variables, Secrets map[string]Source
	// AllSecrets, unless its state is "", is the source of secrets that are not known by name.
	AllSecrets Source
	// Parameters are known names in the parameter store, Store is the source of all others, and Manager that of the secrets of
	// AWS Secrets Manager.
	Parameters     map[string]Source
	Store, Manager Source
}

// Row is an input of the app.
type Row struct {
	Kind     dev.InputKind     `json:"kind"`
	Name     string            `json:"name"`
	Optional bool              `json:"optional"` // the code goes on without it
	Places   []dev.Place       `json:"places"`
	Sources  map[string]Source `json:"sources"` // by view
}

// Unread is a name that the project sets and no code of the app reads.
type Unread struct {
	Kind dev.InputKind `json:"kind"`
	Name string        `json:"name"`
	From string        `json:"from"`
}

// Table is everything that the app reads from outside.
type Table struct {
	Views    []string    `json:"views"`
	Rows     []Row       `json:"inputs"`
	Unread   []Unread    `json:"unread"`
	Computed []dev.Place `json:"computed"` // places that read names which the program computes
}

// Compute computes the table. own are the names that the project sets for the app on this machine.
func Compute(reads dev.Inputs, views []View, own []Unread) Table {
	t := Table{Views: []string{}, Rows: []Row{}, Unread: []Unread{}, Computed: append([]dev.Place{}, reads.Computed...)}
	for _, v := range views {
		t.Views = append(t.Views, v.Name)
	}
	for _, in := range reads.List {
		if in.Kind == dev.InputVariable && everywhere(in.Name) {
			continue
		}
		row := Row{Kind: in.Kind, Name: in.Name, Optional: in.Optional, Places: in.Places, Sources: map[string]Source{}}
		for _, v := range views {
			row.Sources[v.Name] = v.source(in, reads.Sets)
		}
		t.Rows = append(t.Rows, row)
	}
	for _, u := range own {
		if !mayRead(reads, u) {
			t.Unread = append(t.Unread, u)
		}
	}
	return t
}

// Missing are the inputs without which the code fails in a view.
func (t Table) Missing(view string) []Row {
	var list []Row
	for _, r := range t.Rows {
		if r.IsMissing(view) {
			list = append(list, r)
		}
	}
	return list
}

// IsMissing reports whether the code fails in a view, because nothing sets the input.
func (r Row) IsMissing(view string) bool {
	return !r.Optional && r.Sources[view].State == Missing
}

// source is where an input comes from.
func (v View) source(in dev.Input, sets map[string]dev.Place) Source {
	switch in.Kind {
	case dev.InputSecret:
		return v.secret(in.Name)
	case dev.InputParameter:
		if s, ok := v.Parameters[in.Name]; ok {
			return s
		}
		return v.Store
	case dev.InputManagedSecret:
		return v.Manager
	case dev.InputVariable:
	}
	if s, ok := v.Variables[in.Name]; ok {
		return s
	}
	// Streamlit makes variables of the secrets at the top level.
	if s, ok := v.Secrets[in.Name]; ok {
		return s
	}
	if at, ok := sets[in.Name]; ok {
		return Source{Set, "the code (" + at.String() + ")"}
	}
	return Source{State: Missing}
}

// secret finds a key, or a table by one of its keys.
func (v View) secret(name string) Source {
	if s, ok := v.Secrets[name]; ok {
		return s
	}
	var found []string
	for key := range v.Secrets {
		if strings.HasPrefix(key, name+".") {
			found = append(found, key)
		}
	}
	if len(found) > 0 {
		return v.Secrets[slices.Min(found)]
	}
	if v.AllSecrets.State != "" {
		return v.AllSecrets
	}
	return Source{State: Missing}
}

// mayRead reports whether the code may read a name. Libraries read variables, too, and nobody can list those; so a variable
// counts as unread only if it is none that a known library reads.
func mayRead(reads dev.Inputs, u Unread) bool {
	if u.Kind == dev.InputSecret && len(reads.Whole) > 0 {
		return true
	}
	for _, prefix := range []string{"STREAMLIT_", "PYTHON", "AWS_", "SDEV_", "LC_", "OTEL_", "UV_", "PIP_", "MPL", "XDG_", "GOOGLE_", "AZURE_", "AUTHLIB_"} {
		if u.Kind == dev.InputVariable && strings.HasPrefix(u.Name, prefix) {
			return true
		}
	}
	if u.Kind == dev.InputVariable && (everywhere(u.Name) || strings.HasSuffix(strings.ToLower(u.Name), "_proxy") || strings.HasSuffix(u.Name, "_CA_BUNDLE") || strings.HasPrefix(u.Name, "SSL_CERT_")) {
		return true
	}
	for _, in := range reads.List {
		switch {
		case in.Kind == u.Kind && (in.Name == u.Name || u.Kind == dev.InputSecret && (strings.HasPrefix(u.Name, in.Name+".") || strings.HasPrefix(in.Name, u.Name+"."))):
			return true
		case u.Kind == dev.InputSecret && in.Kind == dev.InputVariable && in.Name == u.Name:
			return true
		}
	}
	// st.login reads [auth].
	return u.Kind == dev.InputSecret && strings.HasPrefix(u.Name, "auth.")
}

// everywhere reports whether every system sets a variable.
func everywhere(name string) bool {
	return slices.Contains([]string{"PATH", "HOME", "PWD", "HOSTNAME", "LANG", "TMPDIR", "PYTHONPATH", "USER", "SHELL", "TERM"}, name)
}
