package assign

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Data finds the lines of YAML or JSON that give a variable a value: by a key, by a pair of name and value, by an
// item NAME=value, or by a command. Descriptions of the variable and schemas do not count. ok is false for a text
// that is neither YAML nor JSON, such as many templates.
func Data(content, variable string) (found []Setting, ok bool) {
	d := data{variable: variable, lines: strings.Split(content, "\n")}
	decoder := yaml.NewDecoder(strings.NewReader(content))
	for range maxDocuments {
		var doc yaml.Node
		if err := decoder.Decode(&doc); err != nil {
			ok = ok || err.Error() == "EOF"
			break
		}
		ok = true
		d.node(&doc, nil, maxDataDepth)
	}
	slices.SortFunc(d.found, func(a, b Setting) int { return a.Line - b.Line })
	return d.found, ok
}

// Setting is a place in data that gives the variable a value.
type Setting struct {
	Line int
	Path []string // the keys above, without the last
}

const (
	maxDocuments = 100
	maxDataDepth = 60
)

// data collects settings from one text.
type data struct {
	variable string
	lines    []string
	found    []Setting
	nodes    int
}

func (d *data) add(line int, path []string) {
	s := Setting{line, slices.Clone(path)}
	if len(d.found) < maxFound && !slices.ContainsFunc(d.found, func(have Setting) bool { return have.Line == line }) {
		d.found = append(d.found, s)
	}
}

func (d *data) node(n *yaml.Node, path []string, depth int) {
	const most = 2_000_000
	if d.nodes++; depth == 0 || d.nodes > most {
		return
	}
	switch n.Kind {
	case yaml.MappingNode:
		d.mapping(n, path, depth)
	case yaml.ScalarNode:
		d.scalar(n, path)
	default: // a document or a list; the target of an alias is read at its own place
		if n.Kind == yaml.AliasNode {
			return
		}
		for _, child := range n.Content {
			d.node(child, path, depth-1)
		}
	}
}

func (d *data) mapping(n *yaml.Node, path []string, depth int) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, v := n.Content[i], n.Content[i+1]
		switch {
		case key.Value == d.variable && d.hasValue(v):
			d.add(key.Line, path)
		case isNameKey(key.Value) && v.Kind == yaml.ScalarNode && (v.Value == d.variable || strings.HasSuffix(v.Value, "/"+d.variable) || strings.HasSuffix(v.Value, "."+d.variable)):
			if hasValueKey(n) {
				d.add(v.Line, path)
			}
		case isProse(key.Value):
		default:
			d.node(v, append(slices.Clip(path), key.Value), depth-1)
		}
	}
}

// hasValue reports whether a key gets a value: neither an empty text nor null, nor a description of possible values.
func (d *data) hasValue(v *yaml.Node) bool {
	if v.Kind == yaml.AliasNode {
		v = v.Alias
	}
	switch v.Kind {
	case yaml.ScalarNode:
		return v.Tag != "!!null" && v.Value != "" && !isSelfReference(v.Value, d.variable)
	case yaml.MappingNode:
		return hasValueKey(v)
	}
	return len(v.Content) > 0
}

// isSelfReference reports whether a value only repeats the variable's own.
func isSelfReference(value, variable string) bool {
	return slices.Contains([]string{"$" + variable, "${" + variable + "}", "${" + variable + ":-}", "${" + variable + "-}"}, strings.TrimSpace(value))
}

// isNameKey reports whether a key has the name of a variable as its value.
func isNameKey(key string) bool {
	return slices.Contains([]string{"name", "key", "option_name", "optionname", "variable", "env", "path", "parameterkey"}, strings.ToLower(key))
}

// isValueKey reports whether a key has the value of a variable as its value.
func isValueKey(key string) bool {
	lower := strings.ToLower(key)
	return strings.HasPrefix(lower, "value") || slices.Contains([]string{"default", "val", "parametervalue", "configmapkeyref", "secretkeyref"}, lower)
}

// hasValueKey reports whether a mapping has a value beside a name.
func hasValueKey(n *yaml.Node) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, v := n.Content[i].Value, n.Content[i+1]
		if isValueKey(key) {
			if v.Kind != yaml.ScalarNode || v.Value != "" && v.Tag != "!!null" {
				return true
			}
		}
	}
	return false
}

// isProse reports whether what is below a key is written for people.
func isProse(key string) bool {
	switch lower := strings.ToLower(key); lower {
	case "description", "comment", "comments", "title", "help", "documentation", "notes", "note", "summary", "message", "readme", "markdown", "$comment", "forbidden", "unset":
		return true
	}
	return false
}

// scalar reads a text: it may be a setting, a script, or a file of settings.
func (d *data) scalar(n *yaml.Node, path []string) {
	if !strings.Contains(n.Value, d.variable) {
		return
	}
	first := n.Line
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		first++
	}
	for _, line := range Shell(n.Value, d.variable) {
		d.add(min(first+line-1, len(d.lines)), path)
	}
	if list := (&shell{variable: d.variable}); !strings.ContainsAny(n.Value, " \t\n") && list.isSetting(n.Value) && !list.isEmptyOrSelf(valueOf(n.Value, d.variable)) {
		d.add(n.Line, path) // an argument: "A=1,NAME=1"
	}
	if inner := strings.TrimSpace(n.Value); strings.HasPrefix(inner, "{") || strings.Contains(inner, ": ") {
		if found, ok := Data(inner, d.variable); ok && len(found) > 0 && len(inner) < len(strings.Join(d.lines, "\n")) {
			d.add(min(first+found[0].Line-1, len(d.lines)), path)
		}
	}
}
