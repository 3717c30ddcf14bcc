package detect

import (
	"bytes"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"sdev/dev/pattern"
)

// toml is a text in a TOML file with the section and key that it belongs to; a section comes once without a
// key.
type toml struct {
	section, key, value string
	line                int
}

// readTOML reads a file up to its first fault: the texts of a value one by one, a value without texts as it
// is written.
func readTOML(t *tree, name string) []toml {
	content := []byte(t.text(name))
	p := unstable.Parser{}
	p.Reset(content)
	at, reached := 0, 1
	lineOf := func(r unstable.Range) int { // Parser.Shape counts from the beginning each time
		reached += bytes.Count(content[at:r.Offset], []byte{'\n'})
		at = int(r.Offset)
		return reached
	}
	var out []toml
	section := ""
	for p.NextExpression() {
		n := p.Expression()
		var keys []string
		line := 0
		for it := n.Key(); it.Next(); {
			if keys = append(keys, string(it.Node().Data)); line == 0 {
				line = lineOf(it.Node().Raw)
			}
		}
		switch key := strings.Join(keys, "."); n.Kind {
		case unstable.Table, unstable.ArrayTable:
			section = key
			out = append(out, toml{section: section, line: line})
		case unstable.KeyValue:
			before := len(out)
			eachText(n.Value(), func(v *unstable.Node) { out = append(out, toml{section, key, string(v.Data), lineOf(v.Raw)}) })
			if v := n.Value(); len(out) == before && v.Kind != unstable.Array {
				out = append(out, toml{section, key, string(v.Data), line})
			}
		default: // a comment
		}
	}
	return out
}

// eachText visits the strings in a value, those in its lists and tables included.
func eachText(n *unstable.Node, visit func(*unstable.Node)) {
	switch n.Kind {
	case unstable.String:
		visit(n)
	case unstable.KeyValue:
		eachText(n.Value(), visit)
	case unstable.Array, unstable.InlineTable:
		for it := n.Children(); it.Next(); {
			eachText(it.Node(), visit)
		}
	default: // a number, a date or a truth value
	}
}

// readPyproject reads a pyproject.toml that lists packages, for uv, for poetry, or by the standard alone (PEP 621,
// PEP 735). ok is false if it only has settings of tools.
func readPyproject(t *tree, name string) (depFile, bool) {
	l := depFile{manager: "pyproject", file: name}
	beside := func(file string) string {
		if file = path.Join(path.Dir(name), file); t.has(file) {
			return file
		}
		return ""
	}
	ok, standard := false, false
	for _, e := range readTOML(t, name) {
		ok = l.readEntry(t, name, e) || ok
		standard = standard || e.section == "project" && e.key == "dependencies"
	}
	if standard && l.manager == "poetry" {
		l.manager = "pyproject" // without a lock, every installer reads the standard's list
	}
	if lock := lockAbove(t, path.Dir(name)); lock != "" && (path.Dir(lock) == path.Dir(name) || ok) {
		ok, l.manager, l.lock = true, "uv", lock
		l.needsSource = l.needsSource || path.Dir(lock) != path.Dir(name)
	} else if lock := beside("pdm.lock"); lock != "" {
		ok, l.manager, l.lock = true, "pdm", lock
	} else if lock := beside("poetry.lock"); lock != "" {
		ok, l.manager, l.lock = true, "poetry", lock
	}
	l.readLock(t)
	return l, ok
}

// readEntry reads an entry of a pyproject.toml, and reports whether it shows that the file lists packages.
func (l *depFile) readEntry(t *tree, name string, e toml) (lists bool) {
	before, optional := l.line, []string(nil)
	switch {
	case e.section == "project" && e.key == "dependencies":
		lists = true
		l.addRequirement(e.value, name, e.line)
		l.require("", e.value)
	case e.section == "project" && e.key == "requires-python":
		l.python = Fact{Value: e.value, Why: "requires-python " + e.value, File: name, Line: e.line}
	case e.section == "project.optional-dependencies" && e.key != "":
		l.addRequirement(e.value, name, e.line)
		optional = []string{"--extra", e.key}
		l.require("--extra "+e.key, e.value)
	case e.section == "dependency-groups" && e.key != "":
		l.addRequirement(e.value, name, e.line)
		optional = []string{"--group", e.key}
		l.require("--group "+e.key, e.value)
	case strings.HasPrefix(e.section, "tool.poetry"):
		lists = l.readPoetry(t, name, e)
	case e.section == "project":
		lists = true
		if e.key == "dynamic" && e.value == "dependencies" {
			l.needsSource = true // only building the project says which
		}
	case e.section == "tool.uv.sources" && e.key != "", strings.HasPrefix(e.section, "tool.uv.sources.") && (e.key == "path" || e.key == "workspace"):
		l.source(t, name, e.value)
		l.onlyUV = true
	case strings.HasPrefix(e.section, "tool.uv.sources."): // a repository, an archive or an index
		l.onlyUV = true
	case e.section == "tool.uv.workspace" && e.key == "members":
		l.needsSource, l.workspace = true, true
	}
	if l.line != before && optional != nil {
		l.extra, l.option = optional[0]+" "+shell(optional[1]), optional
	}
	return lists
}

// require records a requirement of the project, or of an extra or a group.
func (l *depFile) require(of, text string) {
	if l.requires == nil {
		l.requires = map[string][]string{}
	}
	l.requires[of] = append(l.requires[of], text)
}

// requirementsOf returns what an installer installs that cannot read a pyproject.toml. A group may include others, by name.
func (l *depFile) requirementsOf(option []string) []string {
	out := slices.Clone(l.requires[""])
	if len(option) == 0 {
		return out
	}
	seen := map[string]bool{}
	var add func(of string)
	add = func(of string) {
		seen[of] = true
		for _, text := range l.requires[of] {
			included := option[0] + " " + text
			if _, ok := l.requires[included]; !ok || option[0] != "--group" {
				out = append(out, text)
			} else if !seen[included] {
				add(included)
			}
		}
	}
	add(strings.Join(option, " "))
	return out
}

// readPoetry reads an entry of poetry's own tables.
func (l *depFile) readPoetry(t *tree, name string, e toml) (lists bool) {
	isDependency := (strings.HasSuffix(e.section, ".dependencies") || strings.HasSuffix(e.section, "-dependencies")) && e.key != ""
	switch {
	case !isDependency:
		if e.section == "tool.poetry" {
			l.manager = "poetry"
		}
		return false
	case e.key == "python":
		l.python = Fact{Value: e.value, Why: "python " + e.value, File: name, Line: e.line}
	default:
		l.addRequirement(poetryRequirement(e), name, e.line)
		if strings.HasPrefix(e.value, ".") {
			l.source(t, name, e.value)
		}
	}
	l.manager = "poetry"
	return true
}

// lockAbove finds the uv.lock of a project: in its directory or, for a member of a workspace, above it.
func lockAbove(t *tree, dir string) string {
	for at := dir; ; at = path.Dir(at) {
		if lock := path.Join(at, "uv.lock"); t.has(lock) && (at == dir || strings.Contains(t.text(path.Join(at, "pyproject.toml")), "[tool.uv.workspace]")) {
			return lock
		}
		if at == "." {
			return ""
		}
	}
}

// source records where uv or poetry finds a package: a directory, an archive, or "" for the workspace.
func (l *depFile) source(t *tree, list, value string) {
	at := path.Join(path.Dir(list), value)
	switch {
	case value == "" || fs.ValidPath(at) && (t.has(at) || t.dirs[at]):
		l.needsSource = true
	case isAbove(at):
		l.needsSource = true
		l.addOutside(at)
	}
}

// poetryRequirement writes poetry's "name = version" as a requirement; a bare version is a range.
func poetryRequirement(e toml) string {
	if strings.HasPrefix(e.value, "==") {
		return e.key + e.value
	}
	return e.key + ">=" + strings.TrimLeft(e.value, "^~>=")
}

// readLock reads the exact version of streamlit from a lock file of uv or poetry.
func (l *depFile) readLock(t *tree) {
	if l.lock == "" {
		return
	}
	last := ""
	for _, e := range readTOML(t, l.lock) {
		switch {
		case e.section != "package" || e.key == "":
			last = ""
		case e.key == "name":
			last = e.value
		case e.key == "version" && last == "streamlit":
			l.version, l.place = e.value, Fact{Why: path.Base(l.lock) + " locks it", File: l.lock, Line: e.line}
			if l.line == 0 && !l.workspace {
				l.line = 1 // a listed package requires it
			}
		}
	}
}

func readPipfile(t *tree, name string) depFile {
	l := depFile{manager: "pipenv", file: name}
	for _, e := range readTOML(t, name) {
		switch {
		case e.section == "packages" && e.key != "":
			l.addRequirement(poetryRequirement(e), name, e.line)
		case e.section == "requires" && (e.key == "python_version" || e.key == "python_full_version"):
			l.python = Fact{Value: e.value, Why: "python_version " + e.value, File: name, Line: e.line}
		}
	}
	if lock := name + ".lock"; t.has(lock) {
		l.lock = lock
		named := false
		for _, row := range t.lines(lock) {
			if m := lockedPackage.FindStringSubmatch(row.text); m != nil {
				named = m[1] == "streamlit"
			}
			if m := lockedVersion.FindStringSubmatch(row.text); m != nil && named {
				l.version, l.place = m[1], Fact{Why: "Pipfile.lock locks it", File: lock, Line: row.n}
			}
		}
	}
	return l
}

var (
	lockedPackage = pattern.New(`^\s*"([A-Za-z0-9._-]+)": \{`)
	lockedVersion = pattern.New(`"version": "==([^"]+)"`)
)
