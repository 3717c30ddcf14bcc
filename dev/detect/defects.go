package detect

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"sdev/dev/docker/dockerfile"
	"sdev/dev/pattern"
)

// Defect is a known problem with its place and its fix.
type Defect struct {
	ID   string `json:"id"` // stable and dotted
	File string `json:"file"`
	Line int    `json:"line"`
	What string `json:"what"`
	Fix  string `json:"fix"`
}

// checker collects defects.
type checker struct {
	f   *Findings
	t   *tree
	out []Defect
}

func (c *checker) add(id, file string, line int, what, fix string) {
	if line > 0 && !slices.ContainsFunc(c.out, func(d Defect) bool { return d.ID == id && d.File == file && d.Line == line }) {
		c.out = append(c.out, Defect{id, file, line, what, fix})
	}
}

// defects finds known problems that can be seen without running anything.
func defects(f *Findings, p *program) []Defect {
	c := &checker{f: f, t: f.tree}
	c.code(p)
	c.shadows()
	c.pins()
	for _, name := range c.t.names {
		switch base := path.Base(name); {
		case strings.HasSuffix(base, ".sh"):
			c.script(name)
		case base == "Makefile" || base == "makefile":
			c.makefile(name)
		}
	}
	for _, d := range f.Dockerfiles {
		c.dockerfile(d)
	}
	for _, file := range f.Composes {
		c.compose(file)
	}
	slices.SortStableFunc(c.out, func(a, b Defect) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, strings.Compare(a.ID, b.ID))
	})
	return c.out
}

// code checks the app's scripts.
func (c *checker) code(p *program) {
	for _, m := range p.modules {
		c.add("oauth.last-redirect", m.path, m.lineOfSequence(`"redirect_uris"`, "]", "[", "-", "1", "]"),
			"the code takes the last registered redirect address: adding one for production breaks the login everywhere else", "choose the address by name, from the environment")
		if m.lineOfText("id_token") > 0 || m.lineOfText("jwt") > 0 {
			c.add("jwt.b64decode", m.path, m.lineOfSequence("base64", ".", "b64decode"),
				"the code decodes a part of a JWT with b64decode, which fails on the characters - and _", "use a library that verifies the token, or at least base64.urlsafe_b64decode")
			if !m.verifiesSignatures() {
				c.add("jwt.unverified", m.path, cmp.Or(m.lineOfSequence("base64", ".", "b64decode"), m.lineOfSequence("base64", ".", "urlsafe_b64decode")),
					"the token's signature, issuer and audience are not verified", "verify it with a library, or use st.login")
			}
		}
		c.add("jwt.unverified", m.path, m.lineOfSequence(`"verify_signature"`, ":", "False"), "the token's signature is not verified", "leave verify_signature on")
	}
}

// verifiesSignatures reports whether a script verifies signatures itself, with the package cryptography. A token of an AWS
// load balancer needs that: libraries for tokens refuse the padding of its base64.
func (m *module) verifiesSignatures() bool {
	imports := slices.ContainsFunc(m.imports, func(i imported) bool {
		return i.level == 0 && i.provides("cryptography.hazmat.primitives.asymmetric")
	})
	return imports && m.lineOfSequence(".", "verify", "(") > 0
}

// shadows finds files that hide the real streamlit package from Python.
func (c *checker) shadows() {
	for _, name := range c.t.names {
		switch dir, base := path.Split(name); {
		case base == "__init__.py" && path.Base(dir) == "streamlit":
			c.add("import.shadow", name, 1, "this file makes its directory a package named streamlit, which hides the real one if the parent directory is on Python's path", "remove the file, or rename the directory")
		case base == "streamlit.py":
			c.add("import.shadow", name, 1, "a script named streamlit.py hides the real package from the scripts beside it", "rename it")
		}
	}
}

// IsStreamlitTooOld reports whether the project fixes a version of Streamlit that is older than 1.12, the oldest one that
// sdev supports.
func (f *Findings) IsStreamlitTooOld() bool {
	pinned := numbers(f.Streamlit.Value)
	return len(pinned) > 1 && slices.Compare(pinned, []int{1, 12}) < 0
}

// pins requires that Streamlit's version is fixed and one that sdev supports, and that the project's Python can run it.
func (c *checker) pins() {
	if c.f.IsStreamlitTooOld() {
		c.add("streamlit.too-old", c.f.Streamlit.File, c.f.Streamlit.Line, "streamlit "+c.f.Streamlit.Value+" is older than 1.12, the oldest version that sdev supports", "require streamlit>=1.12")
	}
	// Source: the metadata of streamlit's packages.
	for _, need := range []struct{ streamlit, python []int }{{[]int{1, 66, 1}, []int{3, 11}}, {[]int{1, 58}, []int{3, 10}}} {
		pinned, python := numbers(c.f.Streamlit.Value), numbers(c.f.Python.Value)
		if len(pinned) > 0 && len(python) > 0 && slices.Compare(pinned, need.streamlit) >= 0 && slices.Compare(python, need.python) < 0 {
			c.add("python.too-old", c.f.Python.File, c.f.Python.Line, fmt.Sprintf("Python is %s, but streamlit %s needs %d.%d or newer", c.f.Python.Value, c.f.Streamlit.Value, need.python[0], need.python[1]), "use a newer Python, or an older streamlit")
			break
		}
	}
	for _, l := range c.f.lists {
		if l.version == "any" && l.lock == "" && !l.constrained {
			c.add("deps.unpinned", l.place.File, l.place.Line, "streamlit is not pinned, so every build may install another version", "write a version (streamlit==X.Y.Z), or keep a lock file")
		}
	}
}

// numbers reads a version; nil if it is none.
func numbers(version string) []int {
	var out []int
	for part := range strings.SplitSeq(version, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return out
		}
		out = append(out, n)
	}
	return out
}

var pipInstall = pattern.New(`\b(?:pip3?|uv pip|conda|mamba|micromamba)\s+install\b`)

// script checks a shell script that starts Streamlit.
func (c *checker) script(name string) {
	started := scriptRuns(c.t, name)
	if len(started) == 0 {
		return
	}
	for _, l := range c.t.commands(name) {
		body := strings.TrimSpace(l.text)
		if pipInstall.MatchString(body) {
			c.add("start.installs", name, l.n, "the script installs packages at every start, which is slow, needs the network, and gives different versions over time", "install them in the Dockerfile")
		}
		if slices.ContainsFunc(started, func(r run) bool { return r.line == l.n }) && !strings.HasPrefix(body, "exec ") && !strings.Contains(body, " exec ") {
			c.add("start.no-exec", name, l.n, "the shell starts Streamlit without exec, so Streamlit never receives the signal to stop, and stopping takes 10 s", "write: exec streamlit run …")
		}
	}
	if info, err := fs.Stat(c.t.fsys, name); err == nil && info.Mode()&0o111 == 0 {
		c.add("start.not-executable", name, 1, "the script is not executable, so no container can start it", fmt.Sprintf("run: chmod +x %s && git update-index --chmod=+x %[1]s", shell(name)))
	}
}

func (c *checker) makefile(name string) {
	for _, l := range c.t.lines(name) {
		if strings.Contains(l.text, "docker system prune") {
			c.add("make.prune", name, l.n, "docker system prune also removes images and containers of other projects", "remove only this project's: docker compose down --rmi local")
		}
	}
}

func (c *checker) dockerfile(d Dockerfile) {
	set := map[string]bool{}
	for _, in := range d.instructions {
		switch in.Name {
		case "FROM":
			if ref, _, _ := strings.Cut(strings.TrimSpace(in.Rest), " "); strings.HasSuffix(ref, ":latest") {
				c.add("docker.latest", d.Path, in.Line, "the base image is "+ref+", which changes from one build to the next", "name a version")
			}
		case "ENV":
			for _, v := range in.Variables() {
				k := v.Name
				if k == "PYTHONPATH" {
					c.pythonPath(d.Path, in.Line, v.Value, set[k])
				}
				if strings.Contains(v.Value, "$(") {
					c.add("docker.env-command", d.Path, in.Line, "ENV runs no command: the text $(…) itself becomes part of "+k, "run the command in a RUN step, or write its result")
				}
				if k == "LOCAL_STREAMLIT" {
					c.add("bypass.shipped", d.Path, in.Line, "the image switches the login off, so it is off in production too", "remove it: sdev up --local sets it on this machine only")
				}
				set[k] = true
			}
		}
	}
}

// pythonPath reports empty entries, which mean the directory in which Python starts.
func (c *checker) pythonPath(file string, line int, value string, set bool) {
	value = strings.Trim(value, `"'`)
	rest := value
	if !set { // an unset variable is empty
		rest = dockerfile.Expand(value, nil)
	}
	if strings.Contains(rest, ":") && slices.Contains(strings.Split(rest, ":"), "") {
		c.add("pythonpath.empty-entry", file, line, fmt.Sprintf("PYTHONPATH is %q; its empty entry means the directory in which Python starts, so imports work only there", value),
			"name the directory that holds the package, for example /app")
	}
}

func (c *checker) compose(file Compose) {
	if n := keyOf(file.root, "version"); n != nil {
		c.add("compose.version", file.Path, n.Line, "Compose ignores the key version and warns about it", "remove the line")
	}
	published := map[string]string{}
	for _, s := range file.Services {
		c.service(file.Path, s)
		if ports := value(s.node, "ports"); ports != nil {
			for _, n := range ports.Content {
				c.port(file.Path, s.Name, n, published)
			}
		}
	}
}

func (c *checker) service(file string, s Service) {
	for name, n := range environment(s.node) {
		switch name {
		case "LOCAL_STREAMLIT":
			c.add("bypass.shipped", file, n.line, "service "+s.Name+" switches the login off wherever this file is used: any value does, even 0", "remove it: sdev up --local sets it on this machine only")
		case "PYTHONPATH":
			c.pythonPath(file, n.line, n.text, false)
		}
	}
	for _, n := range mounts(s.node) {
		host, rest, _ := strings.Cut(n.Value, ":")
		if strings.TrimRight(host, "/") == "~/.aws" && !strings.HasSuffix(rest, ":ro") && !strings.Contains(rest, ":ro,") {
			c.add("aws.writable", file, n.Line, "~/.aws is mounted with write access, so the app can change every profile", "append :ro, or remove the mount: sdev mounts it read-only")
		}
	}
	if strings.HasSuffix(s.Image.Value, ":latest") {
		c.add("compose.latest", file, s.Image.Line, "the tag latest of "+s.Image.Value+" moves, so nobody knows which version runs", "name a version")
	}
}

// port finds ports that two services publish.
func (c *checker) port(file, service string, n *yaml.Node, published map[string]string) {
	host := scalar(value(n, "published"))
	if n.Kind == yaml.ScalarNode {
		parts := strings.Split(n.Value, ":")
		if len(parts) < 2 {
			return
		}
		host = parts[len(parts)-2]
	}
	if other, ok := published[host]; ok && host != "" && other != service {
		c.add("compose.same-port", file, n.Line, fmt.Sprintf("services %s and %s both publish port %s, so only one of them can run", other, service, host), "give one of them another port or a profile")
		return
	}
	published[host] = service
}

// entry is a value of an environment with its line.
type entry struct {
	text string
	line int
}

// environment reads both forms, "KEY=value" and "KEY: value".
func environment(service *yaml.Node) map[string]entry {
	out := map[string]entry{}
	n := value(service, "environment")
	each(n, func(k, v *yaml.Node) { out[k.Value] = entry{v.Value, k.Line} })
	if n != nil && n.Kind == yaml.SequenceNode {
		for _, c := range n.Content {
			k, v, _ := strings.Cut(c.Value, "=")
			out[k] = entry{v, c.Line}
		}
	}
	return out
}

// mounts returns the volumes of a service in the short form.
func mounts(service *yaml.Node) []*yaml.Node {
	n := value(service, "volumes")
	if n == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(n.Content), func(c *yaml.Node) bool { return c.Kind != yaml.ScalarNode })
}

func keyOf(n *yaml.Node, key string) *yaml.Node {
	var found *yaml.Node
	each(n, func(k, _ *yaml.Node) {
		if k.Value == key {
			found = k
		}
	})
	return found
}
