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

	"sdev/dev/pattern"
)

// depFile is a file that lists what is installed.
type depFile struct {
	manager     string // uv, poetry, pdm, pipenv, conda, pip, pyproject, setup, script
	file        string
	lock        string // beside it; "" if there is none
	line        int    // that lists streamlit; 0 if none does
	version     string // of streamlit: "1.58.0" if it is pinned, "any" if only the name is listed
	place       Fact   // of the version
	python      Fact
	names       map[string]bool     // of the packages, in lower case with hyphens
	places      map[string]Fact     // of each package; Value is its version specifier
	extra       string              // optional group that lists streamlit, as a flag of uv: "--extra ui"
	option      []string            // the same as arguments: "--extra", "ui"
	requires    map[string][]string // with pyproject: the requirements of each "--extra ui" or "--group ui"; "" has those of the project itself
	needsSource bool                // it installs the project itself, or files that are no lists
	includes    []string            // lists that it includes
	base        string              // with local paths: the directory that they are relative to
	outside     []string            // paths outside the tree that it installs or includes, relative to it
	workspace   bool                // its lock is also that of other lists
	onlyUV      bool                // it says where uv finds a package; other tools would take another one of that name
	inline      []string            // what it installs, if it is no file for an installer
	constraints []string            // files that fix versions of what it lists
	constrained bool                // one of them fixes streamlit's
}

// managerOrder is how likely each manager is the one in use if several have a file. Source: "App dependencies" of
// Streamlit Community Cloud's documentation, with poetry and its lock after uv's.
func managerOrder() []string {
	return []string{"script", "uv", "poetry", "pdm", "pipenv", "conda", "pip", "pyproject", "setup"}
}

// dependencies reads the lists of packages.
func (f *Findings) dependencies() {
	f.lists, f.Managers, f.Python, f.Streamlit = nil, nil, Fact{}, Fact{}
	for _, dir := range f.dirs() {
		f.lists = append(f.lists, listsOf(f.tree, dir)...)
	}
	if e, ok := f.Entry(); ok {
		if l, ok := readScript(f.tree, e.Path); ok {
			f.lists = append(f.lists, l)
		}
		if len(f.lists) == 0 {
			f.lists = somewhere(f.tree)
		}
	}
	// The app is installed from the list with streamlit in it, the nearest one if there are several.
	near := f.dirs()
	slices.SortStableFunc(f.lists, func(a, b depFile) int {
		return cmp.Or(boolRank(b.line > 0)-boolRank(a.line > 0), slices.IndexFunc(near, a.isIn)-slices.IndexFunc(near, b.isIn), slices.Index(managerOrder(), a.manager)-slices.Index(managerOrder(), b.manager))
	})
	// Those above it that have streamlit too belong to other apps.
	if len(f.lists) > 0 && f.lists[0].line > 0 {
		nearest := slices.IndexFunc(near, f.lists[0].isIn)
		f.lists = slices.DeleteFunc(f.lists, func(l depFile) bool { return l.line > 0 && slices.IndexFunc(near, l.isIn) != nearest })
	}
	d, _ := f.image()
	for i := range f.lists {
		l := &f.lists[i]
		f.Managers = append(f.Managers, l.fact())
		fixed, ok := l.constraint(f.tree, d)
		l.constrained = ok
		switch {
		case f.Streamlit.Value != "" || l.version == "":
		case ok:
			f.Streamlit = fixed
		default:
			f.Streamlit = l.place
			f.Streamlit.Value = l.version
		}
	}
	f.python()
}

// fact says why a list counts: with the line, unless that is in a file that the list includes.
func (l depFile) fact() Fact {
	name := path.Base(cmp.Or(l.lock, l.file))
	switch {
	case l.line == 0:
		return Fact{Value: l.manager, Why: name + " exists", File: l.file}
	case l.lock == "" && l.place.File != l.file:
		return Fact{Value: l.manager, Why: l.place.Place() + " lists streamlit", File: l.file}
	}
	return Fact{Value: l.manager, Why: name + " lists streamlit", File: l.file, Line: l.line}
}

// Requires returns the line of a list that has a package.
func (f *Findings) Requires(name string) (Fact, bool) {
	for _, l := range f.lists {
		if at, ok := l.places[normalName(name)]; ok {
			return at, true
		}
	}
	return Fact{}, false
}

// dirs are searched for lists: the entry script's directory and those above it, nearest first.
func (f *Findings) dirs() []string {
	e, _ := f.Entry()
	return upwards(e.Path)
}

// isIn reports whether a list belongs to a directory: it may be in one below, such as requirements/base.txt.
func (l depFile) isIn(dir string) bool { return below(dir, l.file) }

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
	for _, name := range []string{"setup.py", "setup.cfg"} {
		if l := readSetup(t, at(name)); t.has(at(name)) && len(out) == 0 && (name == "setup.py" || len(l.names) > 0) {
			out = append(out, l)
		}
	}
	return out
}

// requirementFiles returns requirements.txt, or a file in its place: the first that lists streamlit, or else the
// first.
func requirementFiles(t *tree, dir string) []string {
	var all []string
	for _, name := range []string{"requirements.txt", "requirements/base.txt", "requirements/prod.txt", "requirements/production.txt", "requirements/requirements.txt", "requirements/app.txt", "requirements/main.txt", "requirements.in"} {
		if name = path.Join(dir, name); t.has(name) {
			all = append(all, name)
		}
	}
	if own := path.Join(dir, "requirements.txt"); slices.Contains(all, own) {
		return []string{own}
	}
	for _, name := range t.names {
		base, of := path.Base(name), path.Dir(name)
		named := of == dir && strings.HasPrefix(base, "requirements") || of == path.Join(dir, "requirements")
		if named && strings.HasSuffix(base, ".txt") && !forTools.MatchString(base) && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	if len(all) == 0 {
		return nil
	}
	for _, name := range all {
		if readRequirements(t, name).line > 0 {
			return []string{name}
		}
	}
	return all[:1]
}

var forTools = pattern.New(`dev|test|lint|doc|ci`)

// requirement is one entry of a list: a name, extras, and a version specifier.
var requirement = pattern.New(`^\s*["']?([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(===?|~=|>=|<=|!=|<|>|@)?\s*([^\s,;"'#]*)`)

var separators = pattern.New(`[-_.]+`)

// normalName is a package's name as indexes compare it (PEP 503).
func normalName(name string) string { return strings.ToLower(separators.ReplaceAllString(name, "-")) }

// addRequirement records one requirement.
func (l *depFile) addRequirement(text, file string, line int) {
	m := requirement.FindStringSubmatch(text)
	if m == nil {
		return
	}
	name := normalName(m[1])
	if l.names == nil {
		l.names = map[string]bool{}
	}
	l.names[name] = true
	if _, known := l.places[name]; !known {
		if l.places == nil {
			l.places = map[string]Fact{}
		}
		l.places[name] = Fact{Value: m[2] + m[3], Why: "it is listed", File: file, Line: line}
	}
	pinned := (m[2] == "==" || m[2] == "===") && !strings.Contains(m[3], "*")
	if name != "streamlit" || l.line > 0 && (l.version != "any" || !pinned) { // pip wants all lines of a package to hold
		return
	}
	l.line = cmp.Or(l.line, line)
	l.version, l.place = "any", Fact{Why: strings.TrimSpace(strings.Trim(strings.TrimSpace(text), `"',`)), File: file, Line: line}
	if pinned {
		l.version = m[3]
	}
}

func readRequirements(t *tree, name string) depFile {
	l := depFile{manager: "pip", file: name}
	l.requirements(t, name, 0)
	return l
}

// requirements reads a requirements file and those that it includes.
func (l *depFile) requirements(t *tree, name string, depth int) {
	const deepest = 5 // files may include one another
	for _, row := range t.commands(name) {
		text := strings.TrimSpace(row.text)
		option, arg, _ := strings.Cut(strings.NewReplacer("=", " ", "\t", " ").Replace(text), " ")
		switch {
		case option == "-r" || option == "--requirement" || option == "-c" || option == "--constraint":
			more := path.Join(path.Dir(name), strings.TrimSpace(arg))
			if isAbove(more) {
				l.addOutside(more)
			}
			if t.has(more) && depth < deepest && !slices.Contains(l.includes, more) {
				l.includes = append(l.includes, more)
				if option == "-r" || option == "--requirement" {
					l.requirements(t, more, depth+1)
				} else {
					l.constraints = append(l.constraints, more)
				}
			}
		case option == "-e" || option == "--editable":
			l.local(t, name, arg)
		case strings.HasPrefix(text, "."), strings.HasPrefix(text, "file:"), isLocal(t, name, text):
			l.local(t, name, text)
		case strings.HasPrefix(text, "-"), text == "":
		default:
			l.addRequirement(text, name, row.n)
		}
	}
}

// constraintOption matches a constraint file in the commands and variables of a Dockerfile.
var constraintOption = pattern.New(`(?:\s-c[ =]?|\s--constraints?[ =]|\b(?:PIP|UV)_CONSTRAINT[ =])\s*["']?([^\s"';&|]+)`)

// constraint returns the version of streamlit that a constraint file fixes: one that the list names, or that a step of the
// app's Dockerfile gives to the installer. ok is false if the list itself fixes a version, or nothing does.
func (l *depFile) constraint(t *tree, d Dockerfile) (fixed Fact, ok bool) {
	if l.manager != "pip" || l.version != "any" {
		return Fact{}, false
	}
	names := slices.Clone(l.constraints)
	for _, step := range d.Steps {
		for _, m := range constraintOption.FindAllStringSubmatch(step.Value, -1) {
			names = append(names, path.Join(buildContext(t, d), m[1]), path.Join(path.Dir(l.file), path.Base(m[1])))
		}
	}
	for _, name := range names {
		if !t.has(name) {
			continue
		}
		if c := readRequirements(t, name); c.version != "" && c.version != "any" {
			fixed = c.place
			fixed.Value = c.version
			return fixed, true
		}
	}
	return Fact{}, false
}

// isLocal reports whether a requirement is a directory or an archive of the project: "libs/core", "dist/x.whl".
func isLocal(t *tree, list, text string) bool {
	if _, at, ok := strings.Cut(text, "@ file:"); ok {
		text = at
	}
	if !strings.Contains(text, "/") || strings.Contains(text, "://") {
		return false
	}
	text, _, _ = strings.Cut(text, " ")
	for _, name := range []string{path.Join(path.Dir(list), text), path.Clean(text)} {
		if fs.ValidPath(name) && (t.has(name) || t.dirs[name]) {
			return true
		}
	}
	return false
}

// condaRequirement is an entry of conda's lists: "name", "name=1.2", "channel::name==1.2".
var condaRequirement = pattern.New(`^(?:[^:]+::)?([A-Za-z0-9._-]+)\s*(==?|>=|<=|>|<)?\s*([^\s,]*)`)

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
				l.addRequirement(p.Value, name, p.Line)
			}
			continue
		}
		m := condaRequirement.FindStringSubmatch(n.Value)
		switch {
		case m == nil:
		case m[1] == "python":
			l.python = Fact{Value: m[3], Why: n.Value, File: name, Line: n.Line}
		case m[2] == "=": // a prefix: 1.58 means 1.58.*
			l.addRequirement(m[1]+"=="+m[3], name, n.Line)
		default:
			l.addRequirement(m[1]+m[2]+m[3], name, n.Line)
		}
	}
	return l
}

// defaultPython is the Python version if the project requires none.
const defaultPython = "3.11"

// python finds the Python version: that of the base image, or else the one that the project requires.
func (f *Findings) python() {
	if d, ok := f.image(); ok && d.Python.Value != "" {
		f.Python = d.Python
		return
	}
	for _, dir := range f.dirs() {
		for _, name := range []string{".python-version", "runtime.txt"} {
			rows := f.tree.lines(path.Join(dir, name))
			if len(rows) == 0 {
				continue
			}
			if v := version.FindString(rows[0].text); v != "" {
				f.Python = Fact{Value: v, Why: name, File: path.Join(dir, name), Line: rows[0].n}
				return
			}
		}
	}
	for _, l := range f.lists {
		if v := chooseVersion(l.python.Value); v != "" {
			f.Python = l.python
			f.Python.Value = v
			return
		}
	}
}

var version = pattern.New(`\d+\.\d+`)

var bound = pattern.New(`(===?|~=|>=|<=|!=|<|>|\^|~)?\s*3\.(\d+)`)

// chooseVersion chooses a version for a range such as ">=3.10,<3.13": the default if it fits, or else the lowest.
func chooseVersion(constraint string) string {
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
