package preflight

import (
	"path"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/pattern"
	"sdev/dev/preflight/assign"
)

// bypassInScripts checks the Python code that runs with the app, and Python code that describes a platform.
func (c *checker) bypassInScripts() {
	if c.Project == nil {
		return
	}
	scripts := c.appScripts()
	for _, f := range assign.Python(scripts, bypassVariable) {
		id := "bypass.start"
		if slices.Contains(c.scripts(), f.File) {
			id = "bypass.code"
		}
		c.bypassInScript(id, f)
	}
	for _, name := range c.names() {
		text := c.files[name]
		if path.Ext(name) != ".py" || scripts[name] != "" || isTest(name) || isDevelopmentPath(name) || !occurs(infrastructureLibrary, text) {
			continue
		}
		for _, f := range assign.Python(map[string]string{name: text}, bypassVariable) {
			if f.Kind == assign.EntryOn || f.Kind == assign.EntryOther {
				c.add("bypass.task", place{file: name, line: f.Line}, "%s is set for the platform that runs the app: any value switches the login off, even 0", bypassVariable)
			}
		}
	}
}

// appScripts returns the Python code that runs with the app, by file: the app's scripts, those that start it, those
// that Python runs by itself, and those that any of these names.
func (c *checker) appScripts() map[string]string {
	out := map[string]string{}
	for _, name := range c.names() {
		switch {
		case path.Ext(name) == ".pth" && c.inApp(name):
			out[name] = pathFile(c.files[name])
		case path.Ext(name) == ".py" && c.runsWithApp(name):
			c.addScript(out, name)
		}
	}
	return out
}

// runsWithApp reports whether a script runs with the app, or before it.
func (c *checker) runsWithApp(name string) bool {
	if slices.Contains(c.started(), name) || runsItself(path.Base(name)) && c.inApp(name) {
		return true
	}
	if !slices.Contains(c.scripts(), name) {
		return false
	}
	if c.App.Modules != nil || name == c.App.Entry {
		return true
	}
	// The app's scripts are unknown: take all but those that describe a platform or are for development.
	describes := occurs(infrastructureLibrary, c.files[name]) && !strings.Contains(c.files[name], "streamlit")
	return !describes && !isDevelopmentPath(name)
}

// addScript adds a script, and those that it runs by their paths.
func (c *checker) addScript(out map[string]string, name string) {
	text := c.files[name]
	if out[name] != "" || text == "" {
		return
	}
	out[name] = text
	for _, m := range findAll(runsScript, text) {
		word := m.groups[1]
		if m.groups[2] != "" {
			word = strings.ReplaceAll(m.groups[2], ".", "/") + ".py"
		}
		for _, file := range c.resolve(word, path.Dir(name)) {
			c.addScript(out, file)
		}
	}
}

// runsScript is how a script runs another by its path, or by its name as a module.
var runsScript = pattern.New(`(?:open|run_path|Path|join|exec_module|spec_from_file_location|execfile)\([^\n]*?["']([\w./-]+\.py)["']|(?:import_module|run_module)\(\s*f?["']([\w.]+)["']`)

// runsItself reports whether Python runs a script before all others.
func runsItself(base string) bool { return base == "sitecustomize.py" || base == "usercustomize.py" }

// pathFile keeps the lines of a .pth file that Python runs. Source: docs.python.org, library/site.
func pathFile(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "import ") || strings.HasPrefix(line, "import\t") {
			out.WriteString(line)
		} else {
			out.WriteString("\n")
		}
	}
	return out.String()
}

// bypassInScript makes a finding of what package assign found in a script.
func (c *checker) bypassInScript(id string, f assign.Found) {
	at := place{file: f.File, line: f.Line}
	reported := slices.ContainsFunc(c.App.Bypassed, func(s Setting) bool { return s.File == f.File && s.Line == f.Line })
	switch {
	case f.Kind == assign.Loads:
		c.bypassLoaded(at, f.Names)
	case reported || f.Kind == assign.EntryOther:
	case f.Kind == assign.Default:
		c.add(id, at, "%s counts as set by default: the login is off wherever the app runs", bypassVariable)
	default:
		c.add(id, at, "%s is set: any value switches the login off, even 0", bypassVariable)
	}
}

// bypassLoaded checks what a script loads into the environment: files that ship, and settings written in the code.
func (c *checker) bypassLoaded(at place, names []string) {
	for _, name := range names {
		if strings.Contains(name, bypassVariable) {
			if lines, _ := assignedInAnyLanguage("", name); len(lines) > 0 {
				c.add("bypass.code", at, "%s is set: any value switches the login off, even 0", bypassVariable)
			}
			continue
		}
		if len(name) > maxName || strings.ContainsAny(name, "\n\x00") {
			continue
		}
		for _, file := range []string{path.Join(path.Dir(at.file), name), path.Clean(strings.TrimPrefix(name, "/"))} {
			body, ok := readText(c.Project, file)
			if !ok || !c.inApp(file) || path.Ext(file) == ".py" {
				continue
			}
			lines, _ := assignedInAnyLanguage(file, string(body))
			for _, n := range lines {
				c.addAs("bypass.start", dev.Blocks, place{file: file, line: n}, "", "%s is set, and %s:%d loads this file into the environment", bypassVariable, at.file, at.line)
			}
		}
	}
}

const maxName = 500

// assignedInAnyLanguage is assigned for a text whose name may not show its language.
func assignedInAnyLanguage(name, text string) ([]int, []assign.Setting) {
	if lines, settings := assigned(name, text); len(lines) > 0 || languageOf(name) != asScript {
		return lines, settings
	}
	for _, as := range []string{".json", ".toml"} {
		if lines, settings := assigned(name+as, text); len(lines) > 0 {
			return lines, settings
		}
	}
	return nil, nil
}
