package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"sdev/dev"
	"sdev/dev/pattern"
)

// source is a compose file with positions, because compose-go does not keep line numbers.
type source struct {
	path    string // as shown to the user: relative to the working directory if possible
	file    string // absolute
	content []byte
	root    *yaml.Node
	nested  bool // included by another, or extended by one of its services
}

// maxCompose limits a compose file. Its parsed YAML takes a hundred times as much memory.
const maxCompose = 4 << 20

// readSource parses a compose file for its positions. A file that is not YAML is an error with
// the line in it.
func readSource(path, display string) (source, error) {
	b, err := dev.ReadUpTo(path, maxCompose)
	if err != nil {
		return source{}, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return source{}, syntaxError(display, b, err)
	}
	if name, line := selfReference(&doc, nil); line != 0 {
		return source{}, bad(dev.CodeComposeSyntax, display, line, "the alias *"+name+" refers to a value that contains it", "remove the alias, or move its anchor")
	}
	s := source{path: display, file: path, content: b}
	if len(doc.Content) > 0 {
		s.root = doc.Content[0]
	}
	return s, nil
}

// selfReference finds an alias below its own anchor; line is 0 if there is none. compose-go would expand it for
// seconds before it fails.
func selfReference(n *yaml.Node, above []*yaml.Node) (name string, line int) {
	if n.Kind == yaml.AliasNode {
		if slices.Contains(above, n.Alias) {
			return n.Value, n.Line
		}
		return "", 0
	}
	above = append(above, n)
	for _, c := range n.Content {
		if name, line := selfReference(c, above); line != 0 {
			return name, line
		}
	}
	return "", 0
}

// lookup is a found place: the key that leads to it, and its value.
type lookup struct {
	key, value *yaml.Node
}

// find follows a path of keys and indexes, for example "services", "app", "ports", "0". Where a
// step is missing it returns the deepest existing place, and false.
func (s source) find(path ...string) (lookup, bool) {
	at := lookup{key: s.root, value: s.root}
	for i, step := range path {
		if step == "[]" { // whichever item has the rest
			return anyItem(at, path[i+1:])
		}
		next, ok := child(at.value, step)
		if !ok {
			return at, false
		}
		at = next
	}
	return at, s.root != nil
}

func anyItem(list lookup, path []string) (lookup, bool) {
	if list.value == nil {
		return list, false
	}
	for _, item := range list.value.Content {
		if at, ok := (source{root: item}).find(path...); ok {
			return at, true
		}
	}
	return list, false
}

func child(n *yaml.Node, step string) (lookup, bool) {
	if n == nil {
		return lookup{}, false
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return lookup{n.Content[i], n.Content[i+1]}, true
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
			return lookup{n.Content[i], n.Content[i]}, true
		}
	}
	return lookup{}, false
}

// sources is every compose file of a project, the later ones overriding the earlier.
type sources []source

// checkSections refuses a section, such as services or volumes, that is not a mapping. compose-go panics on it in
// an included file.
func (all sources) checkSections() error {
	for _, s := range all {
		for _, name := range []string{"services", "jobs", "networks", "volumes", "secrets", "configs", "models"} {
			at, ok := s.find(name)
			if !ok || strings.HasPrefix(at.value.Tag, "!") && !strings.HasPrefix(at.value.Tag, "!!") { // !reset, !override
				continue
			}
			if value := at.value; value.Kind != yaml.MappingNode && (value.Kind != yaml.AliasNode || value.Alias.Kind != yaml.MappingNode) {
				return bad(dev.CodeComposeInvalid, s.path, at.key.Line, name+" must be a mapping of names to values", "write its entries below it, indented, or remove it")
			}
		}
	}
	return nil
}

// locate returns file and line of a path. The last file that has it wins, as in Compose; where none
// does, the deepest part of the path that some file has.
func (all sources) locate(path ...string) (file string, line int) {
	for n := len(path); n > 0; n-- {
		for i := len(all) - 1; i >= 0; i-- {
			if at, ok := all[i].find(path[:n]...); ok {
				return all[i].path, at.key.Line
			}
		}
	}
	if len(all) > 0 {
		return all[len(all)-1].path, 0
	}
	return "", 0
}

// locateExactly is locate for an existing path; file is "" if it does not exist.
func (all sources) locateExactly(path ...string) (file string, line int) {
	for _, s := range slices.Backward(all) {
		if at, ok := s.find(path...); ok {
			return s.path, at.key.Line
		}
	}
	return "", 0
}

var dottedPath = pattern.New(`\b(?:services|networks|volumes|secrets|configs|x-sdev)(?:\.[\w-]+)+`)

// locateMentioned finds the place that a message of compose-go is about: it names paths as
// "services.app.ports", or services in quotes.
func (all sources) locateMentioned(message string) (file string, line int) {
	if m := dottedPath.FindString(message); m != "" {
		return all.locate(strings.Split(m, ".")...)
	}
	for _, m := range quoted.FindAllStringSubmatch(message, -1) {
		for _, s := range all {
			if at, ok := s.find("services", m[1]); ok {
				return s.path, at.key.Line
			}
		}
	}
	return all.locate()
}

var quoted = pattern.New(`"([^"]+)"`)

var lineIn = pattern.New(`line (\d+)`)

// yamlLine is the line that a parser's error names last, which is where it stopped; 0 if none.
func yamlLine(err error) int {
	all := lineIn.FindAllStringSubmatch(err.Error(), -1)
	if len(all) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(all[len(all)-1][1])
	return n
}

// display is a path as the user would type it: relative to dir if it lies below.
func display(dir, path string) string {
	if rel, err := filepath.Rel(dir, path); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return path
}

func isNotExist(err error) bool { return errors.Is(err, os.ErrNotExist) }
