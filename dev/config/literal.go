package config

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// Literal gives the variables of a service's environment whose values stand in the compose files
// themselves: not those that come from an env_file, from this machine, or from a variable.
func (p *Project) Literal(service string) map[string]string {
	out := map[string]string{}
	if p.assumed { // there is no file, and what is assumed comes from nowhere else
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

// written are the variables of an environment as they are written: a mapping, maybe with others merged
// into it, or a list. nil is a name without a value.
func written(n *yaml.Node) map[string]*string {
	out := map[string]*string{}
	switch n.Kind {
	case yaml.MappingNode:
		for key, value := range pairs(n) {
			switch {
			case key.Value == "<<":
				for name, text := range written(value) {
					if _, own := out[name]; !own {
						out[name] = text
					}
				}
			case value.Kind == yaml.ScalarNode && value.Tag != "!!null":
				out[key.Value] = &value.Value
			default:
				out[key.Value] = nil
			}
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			item = resolve(item)
			if item.Kind == yaml.MappingNode { // one of several that are merged
				for name, text := range written(item) {
					out[name] = text
				}
				continue
			}
			name, value, ok := strings.Cut(item.Value, "=")
			if out[name] = nil; ok {
				out[name] = &value
			}
		}
	}
	return out
}
