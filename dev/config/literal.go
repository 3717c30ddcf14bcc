package config

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Literal returns the variables of a service's environment whose values are written in the compose files: not those from
// an env_file, from this machine, or from a variable.
func (p *Project) Literal(service string) map[string]string {
	out := map[string]string{}
	if p.assumed { // there is no file; assumed values are literal
		for name, value := range p.Model.Services[service].Environment {
			if value != nil {
				out[name] = *value
			}
		}
	}
	for _, src := range p.sources {
		at, ok := src.find("services", service, "environment")
		if !ok {
			continue
		}
		for name, value := range written(resolve(at.value)) {
			delete(out, name) // a later file decides
			if value != nil && !strings.Contains(strings.ReplaceAll(*value, "$$", ""), "$") {
				out[name] = strings.ReplaceAll(*value, "$$", "$")
			}
		}
	}
	return out
}

// written are the variables of an environment as written: a mapping, possibly with merged ones, or a list. nil is
// a name without a value.
func written(n *yaml.Node) map[string]*string {
	out := map[string]*string{}
	if n.Kind != yaml.MappingNode {
		for _, item := range n.Content {
			name, value, ok := strings.Cut(resolve(item).Value, "=")
			if out[name] = nil; ok {
				out[name] = &value
			}
		}
		return out
	}
	for key, value := range pairs(n) {
		if key.Value == "<<" {
			maps.Copy(out, merged(value))
		}
	}
	for key, value := range pairs(n) {
		switch {
		case key.Value == "<<":
		case value.Kind == yaml.ScalarNode && value.Tag != "!!null":
			out[key.Value] = &value.Value
		default:
			out[key.Value] = nil
		}
	}
	return out
}

// merged are the entries that merged mappings add; earlier ones take precedence.
func merged(n *yaml.Node) map[string]*string {
	if n.Kind != yaml.SequenceNode {
		return written(n)
	}
	out := map[string]*string{}
	for _, item := range slices.Backward(n.Content) {
		maps.Copy(out, written(resolve(item)))
	}
	return out
}
