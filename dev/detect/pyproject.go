package detect

import (
	"path"
	"regexp"
	"strings"
)

// toml is a line of a TOML file that gives a key a value, or is an item of a list that it gives.
type toml struct {
	section, key, value string
	line                int
}

var (
	tomlSection = regexp.MustCompile(`^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$`)
	tomlKey     = regexp.MustCompile(`^\s*("[^"]*"|[A-Za-z0-9_.-]+)\s*=\s*(.*)$`)
	tomlText    = regexp.MustCompile(`"([^"]*)"|'([^']*)'`)
)

// readTOML reads as much of TOML as dependency files use, with lines: sections, keys, texts, and
// lists of texts over several lines. The texts of one value come one by one; a value without any
// comes as it is.
func readTOML(t *tree, name string) []toml {
	var out []toml
	section, key, inList := "", "", false
	for _, l := range t.lines(name) {
		body := l.text
		if !inList {
			if m := tomlSection.FindStringSubmatch(body); m != nil {
				section = m[1]
				out = append(out, toml{section: section, line: l.n})
				continue
			}
			m := tomlKey.FindStringSubmatch(body)
			if m == nil {
				continue
			}
			key, body = strings.Trim(m[1], `"`), m[2]
			inList = strings.HasPrefix(body, "[")
		}
		if strings.HasPrefix(strings.TrimSpace(body), "#") {
			continue
		}
		found := tomlText.FindAllStringSubmatch(body, -1)
		for _, m := range found {
			out = append(out, toml{section, key, m[1] + m[2], l.n})
		}
		if len(found) == 0 && !inList {
			out = append(out, toml{section, key, body, l.n})
		}
		if rest := tomlText.ReplaceAllString(body, ""); inList && strings.Contains(rest, "]") {
			inList = false
		}
	}
	return out
}

// readPyproject reads a pyproject.toml that says what is installed: for uv, for poetry, or by the
// standard (PEP 621, PEP 735) alone. One that only holds settings of tools is no list.
func readPyproject(t *tree, name string) (depFile, bool) {
	l := depFile{manager: "pyproject", file: name}
	beside := func(file string) string {
		if file = path.Join(path.Dir(name), file); t.has(file) {
			return file
		}
		return ""
	}
	ok, optional := false, ""
	for _, e := range readTOML(t, name) {
		before := l.line
		switch {
		case e.section == "project" && e.key == "dependencies":
			ok = true
			l.take(e.value, name, e.line)
		case e.section == "project" && e.key == "requires-python":
			l.python = Fact{Value: e.value, Why: "requires-python " + e.value, File: name, Line: e.line}
		case e.section == "project.optional-dependencies" && e.key != "":
			l.take(e.value, name, e.line)
			optional = "--extra " + shell(e.key)
		case e.section == "dependency-groups" && e.key != "":
			l.take(e.value, name, e.line)
			optional = "--group " + shell(e.key)
		case strings.HasPrefix(e.section, "tool.poetry") && (strings.HasSuffix(e.section, ".dependencies") || strings.HasSuffix(e.section, "-dependencies")) && e.key != "":
			ok, l.manager = true, "poetry"
			if e.key == "python" {
				l.python = Fact{Value: e.value, Why: "python " + e.value, File: name, Line: e.line}
				break
			}
			l.take(poetryRequirement(e), name, e.line)
		case e.section == "tool.poetry":
			l.manager = "poetry"
		case e.section == "project":
			ok = true
		}
		if l.line != before && optional != "" {
			l.extra = optional
		}
		optional = ""
	}
	if lock := beside("uv.lock"); lock != "" {
		ok, l.manager, l.lock = true, "uv", lock
	} else if lock := beside("poetry.lock"); lock != "" {
		ok, l.manager, l.lock = true, "poetry", lock
	}
	l.readLock(t)
	return l, ok
}

// poetryRequirement writes poetry's "name = version" as a requirement; a bare version means a range.
func poetryRequirement(e toml) string {
	if strings.HasPrefix(e.value, "==") {
		return e.key + e.value
	}
	return e.key + ">=" + strings.TrimLeft(e.value, "^~>=")
}

// readLock takes the exact version of streamlit from a lock file of uv or poetry.
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
			if l.line == 0 {
				l.line = 1 // something that is named needs it
			}
		}
	}
}

func readPipfile(t *tree, name string) depFile {
	l := depFile{manager: "pipenv", file: name}
	for _, e := range readTOML(t, name) {
		switch {
		case e.section == "packages" && e.key != "":
			l.take(poetryRequirement(e), name, e.line)
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
	lockedPackage = regexp.MustCompile(`^\s*"([A-Za-z0-9._-]+)": \{`)
	lockedVersion = regexp.MustCompile(`"version": "==([^"]+)"`)
)
