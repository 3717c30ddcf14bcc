package config

import (
	"path/filepath"
	"slices"

	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"

	"sdev/dev"
)

// nestedSources reads the files that others include or extend, so that errors can have places in them, and so that
// compose-go, which opens them later, never blocks on one. compose-go reports their other errors.
func nestedSources(all sources, dir string, env types.Mapping) (sources, error) {
	n := nesting{dir: dir, env: env, seen: map[string]bool{}}
	for _, s := range all {
		n.seen[s.file] = true
	}
	for _, s := range all {
		n.from(s)
	}
	// A file overrides those that it includes or extends.
	slices.Reverse(n.found)
	return n.found, n.fault
}

type nesting struct {
	dir   string
	env   types.Mapping
	seen  map[string]bool
	found sources
	fault error // the error of the first file that must not be opened
}

// from adds what a source includes, and what its services extend.
func (n *nesting) from(s source) {
	if at, ok := s.find("include"); ok {
		for _, item := range at.value.Content {
			paths := item
			if path, ok := child(item, "path"); ok {
				paths = path.value
			}
			n.checkEnvOf(item, leaves(paths), s)
			for _, path := range leaves(paths) {
				if included, ok := n.read(path.Value, s, path.Line); ok {
					n.found = append(n.found, included)
					n.from(included)
				}
			}
		}
	}
	if at, ok := s.find("services"); ok {
		for i := 0; i+1 < len(at.value.Content); i += 2 {
			n.extended(s, at.value.Content[i].Value, at.value.Content[i].Value, 0)
		}
	}
}

// extended adds the service that another extends, under the name of the extending one.
func (n *nesting) extended(s source, name, as string, depth int) {
	const most = 20 // compose-go refuses circles itself
	at, ok := s.find("services", name, "extends")
	if !ok || depth == most {
		return
	}
	base, from := name, s
	if at.value.Kind == yaml.ScalarNode {
		base = at.value.Value
	}
	if service, ok := child(at.value, "service"); ok {
		base = service.value.Value
	}
	if file, ok := child(at.value, "file"); ok {
		path := n.resolve(file.value.Value, s)
		other, err := readSource(path, display(n.dir, path))
		if n.unfit(path, err, s, file.value.Line); err != nil {
			return
		}
		from = other
	}
	node, ok := from.find("services", base)
	if !ok {
		return
	}
	from.nested = true
	n.extended(from, base, as, depth+1)
	from.root = keyed("services", keyed(as, node.value))
	n.found = append(n.found, from)
}

// unfit records the first error about a file that must not be opened.
func (n *nesting) unfit(file string, err error, from source, line int) {
	if n.fault == nil && dev.IsUnsuitableFile(err) {
		n.fault = bad(dev.CodeProjectInvalid, from.path, line, display(n.dir, file)+" cannot be read: "+reasonOf(err), "put a regular file there, or use another path")
	}
}

func (n *nesting) read(path string, from source, line int) (source, bool) {
	file := n.resolve(path, from)
	if n.seen[file] {
		return source{}, false
	}
	n.seen[file] = true
	s, err := readSource(file, display(n.dir, file))
	s.nested = true
	n.unfit(file, err, from, line)
	return s, err == nil
}

// resolve is the absolute path of a file that another refers to, with variables resolved.
func (n *nesting) resolve(path string, from source) string {
	if filled, err := template.Substitute(path, func(name string) (string, bool) { v, ok := n.env[name]; return v, ok }); err == nil {
		path = filled
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(from.file), path)
	}
	return path
}

func keyed(key string, value *yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: key, Line: value.Line}, value}}
}
