package detect

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"sdev/dev/pattern"
)

// Compose is a compose file with its services in order.
type Compose struct {
	Path     string    `json:"path"`
	Services []Service `json:"services"`

	root *yaml.Node
}

// Service is what identifies a compose service as the app.
type Service struct {
	Name    string `json:"name"`
	Line    int    `json:"line"`
	Image   Fact   `json:"image"`
	Build   string `json:"build"`   // Dockerfile relative to the tree; "" if it is not built
	Command Fact   `json:"command"` // entrypoint and command
	// App says why it is, or may be, the Streamlit app; the value is empty if it is not.
	App Fact `json:"app"`

	node   *yaml.Node
	launch Launch
}

// ComposeNames are the file names that Compose looks for, in its order.
func ComposeNames() []string {
	return []string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}
}

// otherCompose matches the name of a compose file in any capitals.
var otherCompose = pattern.New(`(?i)^(docker-)?compose\.ya?ml$`)

// OtherComposes returns the compose files that nobody finds without being told: those in directories below, of
// which ".devcontainer" is one, and those whose names have other capitals.
func (f *Findings) OtherComposes() []string {
	var out []string
	for _, name := range f.tree.names {
		if otherCompose.MatchString(path.Base(name)) && !slices.Contains(ComposeNames(), name) {
			out = append(out, name)
		}
	}
	const hidden = ".devcontainer"
	list, _ := fs.ReadDir(f.tree.fsys, hidden) // most projects have none
	for _, e := range list {
		if e.Type().IsRegular() && otherCompose.MatchString(e.Name()) {
			out = append(out, path.Join(hidden, e.Name()))
		}
	}
	return out
}

// composes reads the compose files at the root of the tree. A file that is not YAML has no services; dev/config
// reports its errors.
func composes(t *tree) []Compose {
	var out []Compose
	for _, name := range ComposeNames() {
		if !t.has(name) {
			continue
		}
		c := Compose{Path: name}
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(t.text(name)), &doc); err == nil && len(doc.Content) > 0 {
			c.root = doc.Content[0]
			each(value(c.root, "services"), func(key, node *yaml.Node) {
				c.Services = append(c.Services, readService(t, name, key, node))
			})
			c.shareBuilds()
			for i, s := range c.Services {
				c.Services[i].App = candidate(t, s.launch).Why
			}
		}
		out = append(out, c)
	}
	return out
}

// shareBuilds gives each service without a build that of the service which builds its image.
func (c *Compose) shareBuilds() {
	for i, s := range c.Services {
		if s.Build != "" || s.Image.Value == "" {
			continue
		}
		for _, from := range c.Services {
			if from.Build != "" && from.Image.Value == s.Image.Value {
				l := &c.Services[i].launch
				l.Context, l.Dockerfile, l.Inline, l.Target = from.launch.Context, from.launch.Dockerfile, from.launch.Inline, from.launch.Target
			}
		}
	}
}

func readService(t *tree, file string, key, node *yaml.Node) Service {
	l := Launch{Service: key.Value, File: file, Line: key.Line, Env: map[string]string{}, Workdir: scalar(value(node, "working_dir"))}
	s := Service{Name: key.Value, Line: key.Line, node: node}
	if n := value(node, "image"); n != nil {
		s.Image = Fact{Value: n.Value, Why: "image", File: file, Line: n.Line}
		l.Image = n.Value
	}
	if n := value(node, "build"); n != nil {
		l.Context, l.Dockerfile = path.Clean(n.Value), "Dockerfile"
		if n.Kind == yaml.MappingNode {
			l.Context, l.Target = path.Clean(scalar(value(n, "context"))), scalar(value(n, "target"))
			if d := scalar(value(n, "dockerfile")); d != "" {
				l.Dockerfile = d
			}
			l.Inline = scalar(value(n, "dockerfile_inline"))
		}
		s.Build = path.Join(l.Context, l.Dockerfile)
	}
	for _, name := range []string{"entrypoint", "command"} {
		n := value(node, name)
		if n == nil {
			continue
		}
		s.Command = Fact{Value: strings.TrimSpace(s.Command.Value + " " + joined(scalars(n))), Why: name, File: file, Line: n.Line}
		l.CommandLine = n.Line
		if name == "command" {
			l.Command = scalars(n)
		} else {
			l.Entrypoint = scalars(n)
		}
	}
	if env := value(node, "environment"); env != nil && env.Kind == yaml.SequenceNode {
		for _, row := range scalars(env) {
			name, value, _ := strings.Cut(row, "=")
			l.Env[name] = value
		}
	} else {
		each(env, func(key, value *yaml.Node) { l.Env[key.Value] = value.Value })
	}
	for _, row := range scalars(value(node, "ports")) {
		if port, err := strconv.Atoi(row[strings.LastIndex(row, ":")+1:]); err == nil {
			l.Ports = append(l.Ports, port)
		}
	}
	l.Mounts = mountsOf(value(node, "volumes"))
	s.launch = l
	return s
}

// mountsOf are the mounts of directories of the tree.
func mountsOf(volumes *yaml.Node) []Mount {
	var out []Mount
	if volumes == nil {
		return nil
	}
	for _, v := range volumes.Content {
		from, to := scalar(value(v, "source")), scalar(value(v, "target"))
		if v.Kind == yaml.ScalarNode {
			from, to, _ = strings.Cut(v.Value, ":")
			to, _, _ = strings.Cut(to, ":")
		}
		if strings.HasPrefix(from, ".") {
			out = append(out, Mount{path.Clean(from), path.Clean(to)})
		}
	}
	return out
}

// joined writes a list of words as one command line. A single text is one already.
func joined(list []string) string {
	if len(list) == 1 {
		return list[0]
	}
	out := make([]string, len(list))
	for i, w := range list {
		if out[i] = w; strings.ContainsAny(w, " \t") {
			out[i] = `"` + w + `"`
		}
	}
	return strings.Join(out, " ")
}

// value returns a value of a mapping; nil if there is none.
func value(n *yaml.Node, key string) *yaml.Node {
	var found *yaml.Node
	each(n, func(k, v *yaml.Node) {
		if k.Value == key {
			found = v
		}
	})
	return found
}

// each visits the entries of a mapping. It follows an alias once, so that none leads in circles.
func each(n *yaml.Node, do func(key, value *yaml.Node)) {
	if n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		v := n.Content[i+1]
		if v.Kind == yaml.AliasNode {
			v = v.Alias
		}
		do(n.Content[i], v)
	}
}

func scalar(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// scalars returns the values of a list, or a single value.
func scalars(n *yaml.Node) []string {
	if n == nil {
		return nil
	}
	if n.Kind == yaml.ScalarNode {
		return []string{n.Value}
	}
	var out []string
	for _, c := range n.Content {
		if c.Kind == yaml.ScalarNode {
			out = append(out, c.Value)
		}
	}
	return out
}

// Launches are how the services start.
func (c Compose) Launches() []Launch {
	var out []Launch
	for _, s := range c.Services {
		out = append(out, s.launch)
	}
	return out
}
