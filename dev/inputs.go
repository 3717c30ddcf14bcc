package dev

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// InputKind is where a program reads an input from.
type InputKind string

// The kinds of inputs.
const (
	InputVariable      InputKind = "variable"   // of the environment
	InputSecret        InputKind = "secret"     // of Streamlit: st.secrets, and what st.connection reads there
	InputParameter     InputKind = "parameter"  // of AWS Systems Manager
	InputManagedSecret InputKind = "aws-secret" // of AWS Secrets Manager
)

// Input is something that the program reads from outside its code.
type Input struct {
	Kind InputKind
	Name string // "DB_URL", "db.password", "/shop/oauth"
	// Optional says that the program also runs without it: it gives a default, asks before it reads, or catches the error.
	Optional bool
	Places   []Place // the first one per file
}

// Place is a line of a file of the tree.
type Place struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

func (p Place) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// CutAssignment cuts a line of a file .env into the name and the value, which may be quoted. ok is false for other lines.
func CutAssignment(line string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
	name = strings.TrimSpace(name)
	return name, strings.TrimSpace(value), ok && name != "" && name[0] != '#'
}

// Inputs are what the program reads from outside its code.
type Inputs struct {
	List []Input // sorted by kind and name
	// Computed are the places where the program computes the name of what it reads, so that nobody else knows it.
	Computed []Place
	// Whole are the places that read all secrets, or a whole table of them by a computed name.
	Whole []Place
	// Sets are the variables that the program itself sets, each with the place.
	Sets map[string]Place
	// DotEnv says that the program loads a file .env into its environment.
	DotEnv bool
}

// Sort sorts the inputs by kind and name. Who reads a table and then a key of it reads the key.
func (r *Inputs) Sort() {
	slices.SortStableFunc(r.List, func(a, b Input) int {
		return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Name, b.Name))
	})
	all := slices.Clone(r.List)
	r.List = slices.DeleteFunc(r.List, func(s Input) bool {
		return s.Kind == InputSecret && slices.ContainsFunc(all, func(o Input) bool { return o.Kind == InputSecret && strings.HasPrefix(o.Name, s.Name+".") })
	})
}

// Add adds an input that a place reads.
func (r *Inputs) Add(s Input, at Place) {
	i := slices.IndexFunc(r.List, func(have Input) bool { return have.Kind == s.Kind && have.Name == s.Name })
	if i < 0 {
		s.Places = []Place{at}
		r.List = append(r.List, s)
		return
	}
	have := &r.List[i]
	have.Optional = have.Optional && s.Optional
	if !slices.ContainsFunc(have.Places, func(p Place) bool { return p.File == at.File }) {
		have.Places = append(have.Places, at)
	}
}
