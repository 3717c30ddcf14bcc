package detect

import (
	"path"
	"strings"

	"sdev/dev/pattern"
)

// function is how a list of packages names the function of a command: "package.module:name".
var function = pattern.New(`^\s*([A-Za-z_][\w.]*):[A-Za-z_]\w*\s*$`)

// scriptSections are the sections of a pyproject.toml or Pipfile that declare commands, for pip and each manager.
var scriptSections = pattern.New(`^(project\.(gui-)?scripts|tool\.poetry\.scripts|tool\.(pdm|rye|uv)\.scripts|tool\.poe\.tasks|tool\.pixi\.tasks|tool\.hatch\.envs\.[^.]+\.scripts|tool\.taskipy\.tasks|scripts)(\.|$)`)

// declaredRuns returns the calls of "streamlit run" to which a command leads that the project itself declares.
func (c container) declaredRuns(name string) []run {
	for _, list := range []string{"pyproject.toml", "Pipfile"} {
		file, ok := c.find(list, "")
		if !ok {
			continue
		}
		for _, row := range readTOML(c.t, file) {
			section, key := row.section, row.key
			if !scriptSections.MatchString(section + "." + key) {
				continue
			}
			if key != name && !strings.HasPrefix(key, name+".") && path.Ext(section) != "."+name {
				continue
			}
			if m := function.FindStringSubmatch(row.value); m != nil {
				return c.moduleRuns(m[1])
			}
			if out := c.trace(row.value, file, row.line, maxIndirection-1); len(out) > 0 {
				return out
			}
		}
	}
	return nil
}

// moduleRuns returns the calls of "streamlit run" that a module makes.
func (c container) moduleRuns(module string) []run {
	stem := strings.ReplaceAll(module, ".", "/")
	for _, name := range []string{stem + ".py", stem + "/__main__.py", "src/" + stem + ".py", "src/" + stem + "/__main__.py"} {
		if file, ok := c.find(name, ""); ok {
			return c.launchedBy(file)
		}
	}
	return nil
}
