package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"sdev/dev"
)

// YAML prints the effective model as a compose file. Derived values carry their source as a
// comment. Dollar signs are doubled, as Compose requires; addresses are printed without their passwords
// (see redaction), and the text has no terminal control sequences.
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
		doc.HeadComment = "What sdev runs. Lines with a comment are derived; all others come from the project."
		for _, n := range e.Notes {
			annotate(doc.Content[0], n)
		}
	}
	redaction{e.Project.Environment, e.token}.node(doc.Content[0], nil)
	quoteHidden(&doc)
	var out strings.Builder
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&doc); err != nil {
		return nil, fmt.Errorf("print the compose model: %w", err)
	}
	return []byte(escapeHidden(out.String())), nil
}

// JSON prints the effective model as one JSON object. It also has ${NAME} instead of passwords in addresses.
func (e *Effective) JSON() ([]byte, error) {
	b, err := e.Project.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("print the compose model: %w", err)
	}
	var model any
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.UseNumber()
	if err := decoder.Decode(&model); err != nil {
		return nil, fmt.Errorf("print the compose model: %w", err)
	}
	if b, err = json.MarshalIndent(redaction{e.Project.Environment, e.token}.value(model, nil), "", "  "); err != nil {
		return nil, fmt.Errorf("print the compose model: %w", err)
	}
	return dev.EscapeJSON(b), nil
}

// quoteHidden puts texts with control or invisible characters in double quotes: only there can they be escaped.
func quoteHidden(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" && strings.ContainsFunc(n.Value, dev.IsHidden) {
		n.Style = yaml.DoubleQuotedStyle
	}
	for _, c := range n.Content {
		quoteHidden(c)
	}
}

// escapeHidden writes such characters as YAML's own escapes.
func escapeHidden(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case !dev.IsHidden(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// annotate adds a note at its path: after a single-line value, above a block.
func annotate(root *yaml.Node, n Note) {
	s := source{root: root}
	at, ok := s.find(n.Path...)
	if !ok {
		return // the value is not printed: compose-go leaves out what is empty
	}
	if at.value.Kind == yaml.ScalarNode {
		at.value.LineComment = dev.Inline(n.Why)
		return
	}
	if at.key.HeadComment != "" {
		at.key.HeadComment += "\n"
	}
	at.key.HeadComment += dev.Inline(n.Why)
}
