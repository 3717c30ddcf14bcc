package preflight

import (
	"slices"
	"strconv"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
)

// service returns the service that ships; ok is false if there is none.
func (c *checker) service() (s types.ServiceConfig, ok bool) {
	if c.Compose == nil || c.Service == "" {
		return s, false
	}
	if s, ok = c.Compose.Services[c.Service]; !ok {
		s, ok = c.Compose.DisabledServices[c.Service]
	}
	return s, ok
}

// composePlace returns where the compose files set something for the service that ships: the last of the files in
// which a key or value mentions it. A later file overrides an earlier one.
func (c *checker) composePlace(text string) place {
	for _, name := range slices.Backward(c.ComposeFiles) {
		b, ok := readText(c.Project, name)
		if !ok {
			continue
		}
		var doc yaml.Node
		if yaml.Unmarshal(b, &doc) != nil || len(doc.Content) == 0 {
			continue
		}
		if line := lineOfScalar(mappingValue(mappingValue(doc.Content[0], "services"), c.Service), text); line > 0 {
			return place{file: name, line: line}
		}
		if line := lineOfScalar(doc.Content[0], text); line > 0 { // it may be in an anchor
			return place{file: name, line: line}
		}
	}
	return place{where: "service " + strconv.Quote(c.Service) + " of the compose file"}
}

func mappingValue(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// lineOfScalar returns the line of the first scalar that is the text, or begins with it and an equals sign.
func lineOfScalar(n *yaml.Node, text string) int {
	if n == nil {
		return 0
	}
	if n.Kind == yaml.ScalarNode && (n.Value == text || len(n.Value) > len(text) && n.Value[:len(text)+1] == text+"=") {
		return n.Line
	}
	for _, child := range n.Content {
		if line := lineOfScalar(child, text); line > 0 {
			return line
		}
	}
	return 0
}
