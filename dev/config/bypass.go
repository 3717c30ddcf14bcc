package config

// Files of a project that bypass its login.

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"sdev/dev"
)

// BypassWarnings are warnings about files that switch the login off, which the login modes undo.
func (p *Project) BypassWarnings() []dev.Warning {
	var list []dev.Warning
	env := p.Model.Services[p.App].Environment
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if v := env[name]; isBypass(name) && v != nil && *v != "" {
			list = append(list, dev.Warning{Code: dev.CodeAuthBypass, Message: fmt.Sprintf("%s: %s=%s bypasses the login; sdev sets it to an empty value in this mode", p.locateVariable(name), name, *v),
				Hint: "remove it there: sdev up --local sets it by itself"})
		}
	}
	if line := bypassLine(filepath.Join(p.Dir, filepath.FromSlash(secretsName))); line > 0 {
		list = append(list, dev.Warning{Code: dev.CodeAuthBypass, Message: fmt.Sprintf("%s:%d: Streamlit turns %s at the top level into an environment variable, which bypasses the login; sdev prevents that in this mode", secretsName, line, bypassVariable),
			Hint: "remove it there: sdev up --local sets it by itself"})
	}
	return list
}

// locateVariable is the place that sets a variable of the app.
func (p *Project) locateVariable(name string) string {
	if file, line := p.sources.locateExactly("services", p.App, "environment", name); file != "" {
		return fmt.Sprintf("%s:%d", file, line)
	}
	file, line := p.sources.locate("services", p.App, "environment")
	for _, f := range p.Model.Services[p.App].EnvFiles {
		b, err := dev.ReadFile(f.Path)
		if err != nil {
			continue
		}
		for i, text := range strings.Split(string(b), "\n") {
			if key, _, ok := dev.CutAssignment(text); ok && key == name {
				file, line = display(p.Dir, f.Path), i+1
			}
		}
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// bypassLine is the line of a secrets.toml that sets the bypass at the top level; 0 if none does.
func bypassLine(file string) int {
	b, err := dev.ReadFile(file)
	if err != nil {
		return 0
	}
	for i, text := range strings.Split(string(b), "\n") {
		text = strings.TrimSpace(text)
		if strings.HasPrefix(text, "[") {
			return 0
		}
		if key, _, ok := strings.Cut(text, "="); ok && isBypass(strings.Trim(strings.TrimSpace(key), `"'`)) {
			return i + 1
		}
	}
	return 0
}
