package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// YAML prints the effective model as a compose file. Derived values carry their source as a
// comment. A dollar sign is doubled, as Compose reads it.
func (e *Effective) YAML() ([]byte, error) {
	b, err := e.Project.MarshalYAML()
	if err != nil {
		return nil, fmt.Errorf("print the compose model: %w", err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(string(b), "$", "$$")), &doc); err != nil {
		return nil, fmt.Errorf("print the compose model: %w", err)
	}
	if len(doc.Content) == 1 {
		doc.HeadComment = "What sdev runs. Lines with a comment are derived; the others are the project's own."
		for _, n := range e.Notes {
			annotate(doc.Content[0], n)
		}
	}
	var out strings.Builder
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&doc); err != nil {
		return nil, fmt.Errorf("print the compose model: %w", err)
	}
	return []byte(out.String()), nil
}

// JSON prints the effective model as one JSON object.
func (e *Effective) JSON() ([]byte, error) {
	b, err := e.Project.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("print the compose model: %w", err)
	}
	return b, nil
}

// annotate puts a note where its path leads; a value on one line gets it behind, a block above.
func annotate(root *yaml.Node, n Note) {
	s := source{root: root}
	at, ok := s.find(n.Path...)
	if !ok {
		return // the value is not printed: compose-go leaves out what is empty
	}
	if at.value.Kind == yaml.ScalarNode {
		at.value.LineComment = n.Why
		return
	}
	if at.key.HeadComment != "" {
		at.key.HeadComment += "\n"
	}
	at.key.HeadComment += n.Why
}
