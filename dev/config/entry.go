package config

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/pattern"
)

// streamlitRun matches a command line that starts an app; its group is the script.
var streamlitRun = pattern.New(`\bstreamlit\s+run\s+("[^"]*"|'[^']*'|[^\s;&|]+)`)

// useEntry makes the app run the script that a flag or x-sdev.entry names: instead of the script in its command, or as its command
// if that does not start Streamlit.
func (p *Project) useEntry() error {
	entry := p.Settings.Entry
	if entry == "" {
		return nil
	}
	if st, err := os.Stat(filepath.Join(p.Dir, filepath.FromSlash(entry))); err != nil || !st.Mode().IsRegular() || filepath.IsAbs(entry) {
		if p.EntryWhy == "--entry" {
			return dev.UsageError(fmt.Sprintf("--entry is %q, which is not a file of the project", entry), "a path relative to "+p.Dir)
		}
		file, line := p.sources.locate("x-sdev", "entry")
		return bad(dev.CodeXSdev, file, line, fmt.Sprintf("x-sdev.entry is %q, which is not a file of the project", entry), "give a path relative to "+filepath.Base(file))
	}
	app := p.Model.Services[p.App]
	script := p.inContainer(path.Clean(filepath.ToSlash(entry)))
	app.Command = withScript(app.Command, script)
	p.Model.Services[p.App] = app
	p.notes = append(p.notes, Note{Path: []string{"services", p.App, "command"}, Why: p.EntryWhy})
	return nil
}

// settingsDir is the directory whose .streamlit has the app's settings: that of the script, the nearest one above it, the
// one that is built, or the project's own.
func (p *Project) settingsDir() string {
	dir, _ := p.findSettings()
	return filepath.Join(p.Dir, filepath.FromSlash(dir))
}

// findSettings is settingsDir relative to the project. ok is false if there are no settings anywhere.
func (p *Project) findSettings() (dir string, ok bool) {
	for _, dir := range p.settingsDirs() {
		if st, err := os.Stat(filepath.Join(p.Dir, filepath.FromSlash(dir), ".streamlit", "config.toml")); err == nil && st.Mode().IsRegular() {
			return dir, true
		}
	}
	return ".", false
}

// settingsDirs are the directories that findSettings looks in, nearest first, relative to the project.
func (p *Project) settingsDirs() []string {
	var dirs []string
	for dir := path.Dir(path.Clean(filepath.ToSlash(p.Settings.Entry))); p.Settings.Entry != "" && dir != "." && dir != "/"; dir = path.Dir(dir) {
		dirs = append(dirs, dir)
	}
	if s := p.Model.Services[p.App]; s.Build != nil {
		if context, ok := p.relative(s.Build.Context); ok {
			dirs = append(dirs, context)
		}
	}
	return append(dirs, ".")
}

// inContainer is the path of a project file in the container: in a mount, or else the same path relative to the
// working directory.
func (p *Project) inContainer(file string) string {
	for _, m := range sourceMounts(p, p.Model.Services[p.App]) {
		switch rest, ok := strings.CutPrefix(file, m.Project+"/"); {
		case m.Project == ".":
			return path.Join(m.Container, file)
		case ok:
			return path.Join(m.Container, rest)
		}
	}
	return file
}

// withScript replaces the script in a command.
func withScript(command []string, script string) []string {
	out := slices.Clone(command)
	for i := range out {
		if i >= 2 && out[i-1] == "run" && path.Base(out[i-2]) == "streamlit" {
			out[i] = script
			return out
		}
		if m := streamlitRun.FindStringSubmatchIndex(out[i]); m != nil {
			out[i] = out[i][:m[2]] + "'" + strings.ReplaceAll(script, "'", `'\''`) + "'" + out[i][m[3]:]
			return out
		}
	}
	return []string{"streamlit", "run", script}
}
