package config

import (
	"maps"
	"slices"
)

// Variable is a variable of the app's environment, as its compose files and env files set it.
type Variable struct {
	Name, Value string
	Place       string // file:line
}

// Variables returns the app's variables that have a value, sorted by name.
func (p *Project) Variables() []Variable {
	var out []Variable
	env := p.Model.Services[p.App].Environment
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if v := env[name]; v != nil && *v != "" {
			out = append(out, Variable{Name: name, Value: *v, Place: p.locateVariable(name)})
		}
	}
	return out
}
