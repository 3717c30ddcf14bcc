package detect

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// depFile is a file that says what is installed.
type depFile struct {
	manager string // uv, poetry, pipenv, conda, pip, pyproject
	file    string
	lock    string // beside it; "" where there is none
	line    int    // where streamlit is named; 0 if nowhere
	version string // of streamlit: "1.58.0" where it is pinned, "any" where it is only named
	place   Fact   // where version was read
	python  Fact
	names   map[string]bool // of the packages, in lower case with hyphens
	extra   string          // optional group that names streamlit, as a flag of uv: "--extra ui"
	wheel   bool            // it refers to the project itself, or to files that are not lists
	more    []string        // lists that it includes
}

// order is how likely a manager is the one in use where several have a file. Source: "App
// dependencies" of Streamlit Community Cloud's documentation, with poetry and its lock beside uv's.
func order() []string {
	return []string{"uv", "poetry", "pipenv", "conda", "pip", "pyproject"}
}

// dependencies finds the lists and what they say about versions.
func (f *Findings) dependencies() {
	f.lists, f.Managers, f.Python, f.Streamlit = nil, nil, Fact{}, Fact{}
	for _, dir := range f.folders() {
		f.lists = append(f.lists, listsOf(f.tree, dir)...)
	}
	// What names streamlit is what the app is installed from.
	slices.SortStableFunc(f.lists, func(a, b depFile) int {
		return cmp.Or(boolRank(b.line > 0)-boolRank(a.line > 0), slices.Index(order(), a.manager)-slices.Index(order(), b.manager))
	})
	for _, l := range f.lists {
		why := path.Base(cmp.Or(l.lock, l.file))
		switch {
		case l.line > 0:
			why += " names streamlit"
		default:
			why += " is there"
		}
		f.Managers = append(f.Managers, Fact{Value: l.manager, Why: why, File: l.file, Line: l.line})
		if f.Streamlit.Value == "" && l.version != "" {
			f.Streamlit = l.place
			f.Streamlit.Value = l.version
		}
	}
	f.python()
}

// folders are where lists are looked for: from the entry script's folder up to the root.
func (f *Findings) folders() []string {
	out := []string{"."}
	if e, ok := f.Entry(); ok {
		for dir := path.Dir(e.Path); dir != "."; dir = path.Dir(dir) {
			out = append(out, dir)
		}
	}
	return out
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

func listsOf(t *tree, dir string) []depFile {
	var out []depFile
	at := func(name string) string { return path.Join(dir, name) }
	if t.has(at("pyproject.toml")) {
		if l, ok := readPyproject(t, at("pyproject.toml")); ok {
			out = append(out, l)
		}
	}
	if t.has(at("Pipfile")) {
		out = append(out, readPipfile(t, at("Pipfile")))
	}
	for _, name := range []string{"environment.yml", "environment.yaml"} {
		if t.has(at(name)) {
			out = append(out, readConda(t, at(name)))
		}
	}
	for _, name := range requirementFiles(t, dir) {
		out = append(out, readRequirements(t, name))
	}
	return out
}

// requirementFiles gives requirements.txt, or what stands in for it.
func requirementFiles(t *tree, dir string) []string {
	for _, name := range []string{"requirements.txt", "requirements/base.txt", "requirements/prod.txt", "requirements/production.txt", "requirements/requirements.txt", "requirements.in"} {
		if name = path.Join(dir, name); t.has(name) {
			return []string{name}
		}
	}
	for _, name := range t.names {
		base := path.Base(name)
		if path.Dir(name) == dir && strings.HasPrefix(base, "requirements") && strings.HasSuffix(base, ".txt") && !forTools.MatchString(base) {
			return []string{name}
		}
	}
	return nil
}

var forTools = regexp.MustCompile(`dev|test|lint|doc|ci`)

// requirement is one entry of a list: a name, extras, and what versions are wanted.
var requirement = regexp.MustCompile(`^\s*["']?([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(===?|~=|>=|<=|!=|<|>|@)?\s*([^\s,;"'#]*)`)

var separators = regexp.MustCompile(`[-_.]+`)

// normal is a package's name as indexes compare it (PEP 503).
func normal(name string) string { return strings.ToLower(separators.ReplaceAllString(name, "-")) }

// take notes one requirement.
func (l *depFile) take(text, file string, line int) {
	m := requirement.FindStringSubmatch(text)
	if m == nil {
		return
	}
	name := normal(m[1])
	if l.names == nil {
		l.names = map[string]bool{}
	}
	l.names[name] = true
	if name != "streamlit" || l.line > 0 {
		return
	}
	l.line = line
	l.version, l.place = "any", Fact{Why: strings.TrimSpace(strings.Trim(strings.TrimSpace(text), `"',`)), File: file, Line: line}
	if (m[2] == "==" || m[2] == "===") && !strings.Contains(m[3], "*") {
		l.version = m[3]
	}
}

func readRequirements(t *tree, name string) depFile {
	l := depFile{manager: "pip", file: name}
	l.requirements(t, name, 0)
	return l
}

// requirements reads a file of pip's format and those that it includes.
func (l *depFile) requirements(t *tree, name string, depth int) {
	const deepest = 5 // files may include one another
	for _, row := range t.commands(name) {
		text := strings.TrimSpace(row.text)
		option, arg, _ := strings.Cut(strings.NewReplacer("=", " ", "\t", " ").Replace(text), " ")
		switch {
		case option == "-r" || option == "--requirement" || option == "-c" || option == "--constraint":
			more := path.Join(path.Dir(name), strings.TrimSpace(arg))
			if t.has(more) && depth < deepest && !slices.Contains(l.more, more) {
				l.more = append(l.more, more)
				if option == "-r" || option == "--requirement" {
					l.requirements(t, more, depth+1)
				}
			}
		case option == "-e" || option == "--editable", strings.HasPrefix(text, "."), strings.HasPrefix(text, "file:"):
			l.wheel = true
		case strings.HasPrefix(text, "-"), text == "":
		default:
			l.take(text, name, row.n)
		}
	}
}

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

// condaRequirement is conda's form: "name", "name=1.2", "channel::name==1.2".
var condaRequirement = regexp.MustCompile(`^(?:[^:]+::)?([A-Za-z0-9._-]+)\s*(==?|>=|<=|>|<)?\s*([^\s,]*)`)

func readConda(t *tree, name string) depFile {
	l := depFile{manager: "conda", file: name, names: map[string]bool{}}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(t.text(name)), &doc); err != nil || len(doc.Content) == 0 {
		return l
	}
	deps := value(doc.Content[0], "dependencies")
	if deps == nil {
		return l
	}
	for _, n := range deps.Content {
		if pip := value(n, "pip"); pip != nil {
			for _, p := range pip.Content {
				l.take(p.Value, name, p.Line)
			}
			continue
		}
		m := condaRequirement.FindStringSubmatch(n.Value)
		switch {
		case m == nil:
		case m[1] == "python":
			l.python = Fact{Value: m[3], Why: n.Value, File: name, Line: n.Line}
		case m[2] == "=": // a prefix: 1.58 is all of 1.58.*
			l.take(m[1]+"=="+m[3], name, n.Line)
		default:
			l.take(m[1]+m[2]+m[3], name, n.Line)
		}
	}
	return l
}

// defaultPython is the version that runs where nothing says another.
const defaultPython = "3.11"

// python finds out which version of Python runs the app: what an image is made from decides, then
// what the project asks for.
func (f *Findings) python() {
	for _, d := range f.Dockerfiles {
		if d.Python.Value != "" {
			f.Python = d.Python
			return
		}
	}
	t := f.tree
	if rows := t.lines(".python-version"); len(rows) > 0 {
		if v := version.FindString(rows[0].text); v != "" {
			f.Python = Fact{Value: v, Why: ".python-version", File: ".python-version", Line: rows[0].n}
			return
		}
	}
	if rows := t.lines("runtime.txt"); len(rows) > 0 {
		if v := version.FindString(rows[0].text); v != "" {
			f.Python = Fact{Value: v, Why: "runtime.txt", File: "runtime.txt", Line: rows[0].n}
			return
		}
	}
	for _, l := range f.lists {
		if v := fitting(l.python.Value); v != "" {
			f.Python = l.python
			f.Python.Value = v
			return
		}
	}
}

var version = regexp.MustCompile(`\d+\.\d+`)

var bound = regexp.MustCompile(`(===?|~=|>=|<=|!=|<|>|\^|~)?\s*3\.(\d+)`)

// fitting picks the version for a range such as ">=3.10,<3.13": the default where it fits, else the
// lowest that is named.
func fitting(constraint string) string {
	lowest, highest, exact := 0, 99, false
	for _, m := range bound.FindAllStringSubmatch(constraint, -1) {
		minor, err := strconv.Atoi(m[2])
		if err != nil {
			continue
		}
		switch m[1] {
		case "", "==", "===":
			lowest, highest, exact = minor, minor, true
		case ">=", "~=", "^", "~", ">":
			lowest = max(lowest, minor)
		case "<":
			highest = min(highest, minor-1)
		case "<=":
			highest = min(highest, minor)
		}
	}
	usual, _ := strconv.Atoi(strings.TrimPrefix(defaultPython, "3."))
	switch {
	case lowest == 0 && highest == 99:
		return ""
	case !exact && lowest <= usual && usual <= highest:
		return defaultPython
	}
	return fmt.Sprintf("3.%d", max(lowest, min(highest, usual)))
}
