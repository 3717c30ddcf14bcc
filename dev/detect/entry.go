package detect

import (
	"cmp"
	"path"
	"slices"
	"strings"
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
	closeWeight     = 10 // candidates that differ by no more are equally likely
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
		c.all[script] = e
	}
	fact := Fact{Value: script, Why: why, File: file, Line: line}
	if slices.ContainsFunc(e.Reasons, func(f Fact) bool { return f.Why == why && f.File == file }) {
		return
	}
	e.Reasons = append(e.Reasons, fact)
	e.weight += weight
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
	return list, len(list) > 1 && list[0].weight-list[1].weight <= closeWeight
}

// fromContainers reads the commands of compose services and images.
func (c *collector) fromContainers(f *Findings) {
	for _, file := range f.Composes {
		for _, s := range file.Services {
			c.fromCommand(s.Command, "the command of service "+s.Name)
			if s.Command.Value == "" && s.Build != "" && c.t.has(s.Build) {
				c.fromCommand(readDockerfile(c.t, s.Build, scalar(value(value(s.node, "build"), "target"))).Command, "the image of service "+s.Name)
			}
		}
	}
	for _, d := range f.Dockerfiles {
		c.fromCommand(d.Command, d.Command.Why)
	}
}

// fromCommand reads what a container's command runs, through a shell script if it starts one.
func (c *collector) fromCommand(command Fact, by string) {
	for _, r := range commandRuns(c.t, command) {
		script, ok := c.t.resolve(r.script, r.dir, r.file)
		switch {
		case !ok:
		case r.file == command.File:
			c.add(script, weightContainer, by+" runs it", r.file, r.line)
		default:
			c.add(script, weightContainer, by+" ("+command.Place()+") starts "+r.file+", which runs it", r.file, r.line)
		}
	}
}

// commandRuns returns the calls of "streamlit run" that a container's command makes.
func commandRuns(t *tree, command Fact) []run {
	if found := runs(command.Value, command.File, command.Line); len(found) > 0 {
		return found
	}
	if script, ok := startsScript(t, command.Value); ok {
		return scriptRuns(t, script)
	}
	return nil
}

// startsScript returns the shell script of the tree that a command starts.
func startsScript(t *tree, command string) (string, bool) {
	for _, w := range words(command) {
		if strings.HasSuffix(w, ".sh") {
			return t.resolve(w, "", "")
		}
	}
	return "", false
}

func scriptRuns(t *tree, script string) []run {
	var out []run
	for _, l := range t.commands(script) {
		out = append(out, runs(l.text, script, l.n)...)
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
		for _, r := range scriptRuns(c.t, name) {
			if script, ok := c.t.resolve(r.script, r.dir, r.file); ok {
				c.add(script, weight, "streamlit run names it", r.file, r.line)
			}
		}
	}
}

// usualNames are common names of entry scripts, from Streamlit's documentation and defaults.
func usualNames() map[string]int {
	return map[string]int{
		"streamlit_app.py": weightUsual, "home.py": weightName, "app.py": weightName, "main.py": weightName, "dashboard.py": weightName,
		"hello.py": weightImports, "index.py": weightName, "welcome.py": weightName,
	}
}

// fromScripts reads every script that imports Streamlit.
func (c *collector) fromScripts() {
	for _, name := range c.t.pythonFiles() {
		if isPage(name) || isTest(name) || path.Base(name) == "__init__.py" || !strings.Contains(c.t.text(name), "streamlit") {
			continue
		}
		m := c.t.module(name)
		imports := m.importsStreamlit()
		if imports == 0 {
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
