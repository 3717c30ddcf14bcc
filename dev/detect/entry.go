package detect

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"sdev/dev/pattern"
)

// Weights of the reasons for a script to be the entry script. Only their order and differences matter: a command
// that starts the app outweighs every convention, two conventions outweigh one, and a script that others import is
// less likely.
const (
	weightChosen    = 1000
	weightContainer = 300 // the container's command runs it
	weightScript    = 200 // a script or a Makefile runs it
	weightReadme    = 80
	weightPages     = 60 // has a pages directory beside it, calls st.navigation, or creates an st.App
	weightUsual     = 50 // has the name that Streamlit looks for
	weightName      = 30 // has another usual name
	weightConfig    = 15 // calls st.set_page_config
	weightImports   = 10 // imports streamlit
	weightDeeper    = -3 // for each directory above it
	weightImported  = -60
	weightBeside    = -60 // in a directory of examples or tests
	closeWeight     = 10  // candidates that differ by no more are equally likely
)

// collector collects reasons by script.
type collector struct {
	t   *tree
	all map[string]*Entry
}

func (c *collector) add(script string, weight int, why, file string, line int) {
	e := c.all[script]
	if e == nil {
		e = &Entry{Path: script, weight: weightDeeper * strings.Count(script, "/")}
		if isSideProject(path.Dir(script)) {
			e.weight += weightBeside
		}
		c.all[script] = e
	}
	fact := Fact{Value: script, Why: why, File: file, Line: line}
	if slices.ContainsFunc(e.Reasons, func(f Fact) bool { return f.Why == why && f.File == file }) {
		return
	}
	e.Reasons = append(e.Reasons, fact)
	e.weight += weight
	if weight >= weightReadme {
		e.evidence = max(e.evidence, weight)
	}
}

// entries lists the candidates, best first.
func entries(t *tree, f *Findings) (list []Entry, ambiguous bool) {
	c := &collector{t: t, all: map[string]*Entry{}}
	c.fromContainers(f)
	c.fromCommands()
	c.fromScripts()
	c.againstImported()
	for _, e := range c.all {
		list = append(list, *e)
	}
	slices.SortFunc(list, func(a, b Entry) int {
		return cmp.Or(b.weight-a.weight, strings.Count(a.Path, "/")-strings.Count(b.Path, "/"), strings.Compare(a.Path, b.Path))
	})
	return list, isAmbiguous(t, list)
}

// isAmbiguous reports whether the first of the candidates is not clearly the app: another one is about as likely, or is
// the app of another project in the tree, or of the one around it, and what is known of the two is of the same kind.
func isAmbiguous(t *tree, list []Entry) bool {
	for i, e := range list {
		if i == 0 {
			continue
		}
		other := t.rivals(list[0].Path, e.Path) || e.weight > 0 && t.isAppAround(e.Path, list[0].Path)
		if list[0].weight-e.weight <= closeWeight || e.evidence == list[0].evidence && other {
			return true
		}
	}
	return false
}

// isAppAround reports whether a script looks like an app of the project around the one that another script belongs to.
func (t *tree) isAppAround(script, inner string) bool {
	home := t.home(inner)
	return !below(home, script) && below(t.home(script), home) && !isSideProject(path.Dir(script)) && t.module(script).uses["set_page_config"] > 0
}

// fromContainers reads the commands of compose services and images.
func (c *collector) fromContainers(f *Findings) {
	for _, file := range f.Composes {
		for _, s := range file.Services {
			in, command := commandOf(c.t, s.launch)
			by := "the command of service " + s.Name
			if command.File != file.Path {
				by = "the image of service " + s.Name
			}
			c.fromCommand(in, command, by)
		}
	}
	for _, d := range f.Dockerfiles {
		c.fromCommand(containerOf(c.t, d, buildContext(c.t, d)), d.Command, d.Command.Why)
	}
}

// fromCommand reads what a container's command runs, itself or through a script.
func (c *collector) fromCommand(in container, command Fact, by string) {
	for _, r := range in.runs(command.Value, command.File, command.Line) {
		switch {
		case r.path == "":
		case r.file == command.File:
			c.add(r.path, weightContainer, by+" runs it", r.file, r.line)
		default:
			c.add(r.path, weightContainer, by+" ("+command.Place()+") starts "+r.file+", which runs it", r.file, r.line)
		}
	}
}

// scriptRuns returns the calls of "streamlit run" in the lines of a file.
func scriptRuns(t *tree, script string) []run {
	var out []run
	cd := ""
	for _, l := range t.commands(script) {
		if m := goesTo.FindStringSubmatch(strings.TrimLeft(l.text, "$> \t")); m != nil {
			cd = m[1]
		}
		for _, r := range runs(l.text, script, l.n) {
			if r.dir == "" {
				r.dir = cd
			}
			out = append(out, r)
		}
	}
	return out
}

// fromCommands reads scripts, Makefiles and readmes.
func (c *collector) fromCommands() {
	files := commandFiles(c.t)
	for _, name := range c.t.names {
		weight, ok := files[name]
		if !ok || !strings.Contains(c.t.text(name), "streamlit") {
			continue
		}
		for _, l := range c.t.lines(name) {
			if m := namesScript.FindStringSubmatch(l.text); m != nil && path.Ext(name) != ".toml" {
				if script, ok := c.t.resolve(m[1], "", c.t.mayBeApp, path.Dir(name)); ok {
					c.add(script, weightScript, "the settings of its platform name it", name, l.n)
				}
			}
		}
		for _, r := range scriptRuns(c.t, name) {
			if script, ok := c.t.resolve(r.script, r.dir, c.t.mayBeApp, path.Dir(r.file)); ok {
				c.add(script, weight, "streamlit run names it", r.file, r.line)
			}
		}
	}
}

// namesScript is how the settings of a platform name the script: those of a Hugging Face Space, at the top of its readme,
// and of a Snowflake app.
var namesScript = pattern.New(`^\s*(?:app_file|main_file|mainFile)\s*:\s*["']?([^\s"']+\.py)`)

// usualNames are common names of entry scripts, from Streamlit's documentation and defaults.
func usualNames() map[string]int {
	return map[string]int{
		"streamlit_app.py": weightUsual, "home.py": weightName, "app.py": weightName, "main.py": weightName, "dashboard.py": weightName,
		"hello.py": weightImports, "index.py": weightName, "welcome.py": weightName, "example.py": weightImports, "demo.py": weightImports,
		"main_page.py": weightName, "main_app.py": weightName, "st_app.py": weightName, "ui.py": weightImports, "web.py": weightImports,
	}
}

// fromScripts reads every script that imports Streamlit. One that is named like a test counts only if there is no other,
// and if it does not use a test framework.
func (c *collector) fromScripts() {
	c.readScripts(false)
	if len(c.all) == 0 {
		c.readScripts(true)
	}
}

func (c *collector) readScripts(tests bool) {
	for _, name := range c.t.pythonFiles() {
		if isPage(name) || isTest(name) != tests || path.Base(name) == "__init__.py" || !strings.Contains(c.t.text(name), "streamlit") ||
			tests && c.t.usesTestFramework(name) {
			continue
		}
		for _, r := range (container{t: c.t}).launchedBy(name) {
			if r.path != "" && r.path != name {
				c.add(r.path, weightScript, name+" starts it", name, r.line)
			}
		}
		m := c.t.module(name)
		imports := m.importsStreamlit()
		if imports == 0 || c.t.isLauncher(name) {
			continue
		}
		c.add(name, weightImports, "it imports streamlit", name, imports)
		e := c.all[name]
		if n := m.uses["navigation"]; n > 0 {
			c.add(name, weightPages, "it calls st.navigation", name, n)
		}
		if n := m.uses["App"]; n > 0 {
			c.add(name, weightPages, "it creates an st.App", name, n)
		}
		if c.t.hasPages(path.Dir(name)) {
			c.add(name, weightPages, "there is a pages directory beside it", path.Join(path.Dir(name), "pages"), 0)
		}
		if w := usualNames()[strings.TrimLeft(strings.ToLower(ascii(path.Base(name))), "0123456789_- ")]; w > 0 {
			c.add(name, w, "its name is a usual one", name, 0)
		}
		if n := m.uses["set_page_config"]; n > 0 {
			c.add(name, weightConfig, "it calls st.set_page_config", name, n)
		}
		slices.SortStableFunc(e.Reasons, byWeight)
	}
}

func (t *tree) usesTestFramework(name string) bool {
	return slices.ContainsFunc(t.module(name).imports, func(i imported) bool {
		return i.name == "pytest" || i.name == "unittest" || strings.HasPrefix(i.name, "streamlit.testing")
	})
}

// byWeight puts the import of streamlit last: it is the weakest reason.
func byWeight(a, b Fact) int {
	last := func(f Fact) int {
		if f.Why == "it imports streamlit" {
			return 1
		}
		return 0
	}
	return last(a) - last(b)
}

// ascii removes the emoji that page names may begin with.
func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r > 0x7e {
			return -1
		}
		return r
	}, s)
}

// againstImported lowers the weight of scripts that others import.
func (c *collector) againstImported() {
	for _, name := range c.t.pythonFiles() {
		if isTest(name) || !strings.Contains(c.t.text(name), "import") {
			continue
		}
		for _, i := range c.t.module(name).imports {
			for _, target := range c.t.importTargets(name, i) {
				if e := c.all[target]; e != nil && target != name && e.weight < weightScript {
					e.weight += weightImported
				}
			}
		}
	}
}

// importTargets returns the files that an import may mean, from the importing script's directory, the root of the
// tree or its src directory.
func (t *tree) importTargets(from string, i imported) []string {
	bases := []string{path.Dir(from), ".", "src"}
	if i.level > 0 {
		up := path.Dir(from)
		for range i.level - 1 {
			up = path.Dir(up)
		}
		bases = []string{up}
	}
	var out []string
	for _, base := range bases {
		out = append(out, t.modules(base, i)...)
	}
	return out
}

// modules returns the files that an import means if base is on Python's path.
func (t *tree) modules(base string, i imported) []string {
	stem := path.Join(base, strings.ReplaceAll(i.name, ".", "/"))
	var out []string
	for _, name := range []string{stem + ".py", path.Join(stem, "__init__.py")} {
		if t.has(name) {
			out = append(out, name)
		}
	}
	for _, name := range i.from {
		if sub := path.Join(stem, name); t.has(sub + ".py") {
			out = append(out, sub+".py")
		} else if t.has(path.Join(sub, "__init__.py")) {
			out = append(out, path.Join(sub, "__init__.py"))
		}
	}
	return out
}

func (t *tree) pythonFiles() []string {
	return t.named(func(base string) bool { return strings.HasSuffix(base, ".py") })
}

// hasPages reports whether a directory has a pages directory with scripts.
func (t *tree) hasPages(dir string) bool {
	return t.dirs[path.Join(dir, "pages")] && slices.ContainsFunc(t.names, func(n string) bool {
		return path.Dir(n) == path.Join(dir, "pages") && strings.HasSuffix(n, ".py")
	})
}

func isPage(name string) bool { return path.Base(path.Dir(name)) == "pages" }

func isTest(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(base, "test_") || strings.HasSuffix(base, "_test.py") || base == "conftest.py" ||
		slices.ContainsFunc(strings.Split(path.Dir(name), "/"), func(d string) bool { return d == "tests" || d == "test" })
}
