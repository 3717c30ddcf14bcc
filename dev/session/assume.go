package session

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/detect"
)

// AssumedService is the name of the one service of a project without a compose file.
const AssumedService = "streamlit"

// assume returns the model for a directory without a compose file; nil if it contains no Streamlit app.
func assume(ctx context.Context, dir string, h Host, c EntryChoice) (*config.Assumption, error) {
	if h.App != "" {
		return nil, dev.UsageError("--app names a service of a compose file, but this project has none", "name the script instead: --entry SCRIPT")
	}
	found, err := detect.Dir(dir)
	if err != nil {
		return nil, err
	}
	if len(found.Entries) == 0 && h.Entry == "" {
		return nil, nil
	}
	if err := ChooseEntry(ctx, dir, found, h.Entry, c); err != nil {
		return nil, err
	}
	recipe, _ := found.Recipe()
	out := Assumption(found, recipe)
	out.Warnings = assumedWarnings(found, recipe)
	return &out, nil
}

// sourceIn finds where the image of a service contains the app's source.
func sourceIn(dir string, app config.Start, entry string) config.Placed {
	base, below := wider(dir, []config.Start{app})
	found, err := detect.Dir(base)
	if err != nil {
		return config.Placed{} // sdev then assumes nothing about the image
	}
	found.UseService(launch(app, below))
	if entry != "" {
		found.Choose(into(below, cleanPath(entry)), detect.Fact{})
	}
	in, _ := found.Sources(into(below, app.Context), app.Dockerfile, app.Target)
	out := config.Placed{Hidden: in.Hidden, Workdir: in.Workdir}
	for _, m := range in.Mounts {
		out.Mounts = append(out.Mounts, dev.Mount{Project: outOf(below, m.From), Container: m.To})
	}
	return out
}

// cleanPath is the path of a script as package detect has it.
func cleanPath(name string) string { return path.Clean(filepath.ToSlash(name)) }

// Assumption converts a recipe into the form that package config takes.
func Assumption(found *detect.Findings, r detect.Recipe) config.Assumption {
	e, _ := found.Entry()
	out := config.Assumption{Service: AssumedService, Entry: e.Path, EntryWhy: e.Why().Why, Context: r.Context, Dockerfile: r.Dockerfile, Inline: r.Text, Reads: r.Reads,
		Workdir: r.Workdir, Command: r.Command, PythonPath: r.PythonPath, Hidden: r.Hidden,
		Why: map[string]string{"ports": "assumed: Streamlit's own port", "volumes": "assumed: the source, so that saves are live"}}
	for _, m := range r.Mounts {
		out.Mounts = append(out.Mounts, dev.Mount{Project: m.From, Container: m.To})
	}
	if r.Text != "" {
		out.Why["build"] = "assumed: a Dockerfile made in memory; " + packagesText(found)
	} else {
		out.Why["build"] = "assumed: the project's own Dockerfile"
	}
	if r.Command != nil {
		out.Why["command"] = "assumed: " + r.CommandWhy.Source()
	}
	if r.PythonPath != "" {
		out.Why["PYTHONPATH"] = "assumed: " + r.PathWhy.Source()
	}
	return out
}

func packagesText(found *detect.Findings) string {
	switch {
	case len(found.Managers) > 0:
		m := found.Managers[0]
		switch m.Value {
		case "script":
			return "packages that the script itself lists (" + m.Place() + ")"
		case "setup", "pyproject":
			return "packages that " + path.Base(m.File) + " lists, because " + m.Source()
		}
		return "packages by " + m.Value + ", because " + m.Source()
	case len(found.Derived) > 0:
		return "packages that the imports need, because the project lists none"
	}
	return "streamlit alone, because the project lists no packages"
}

// packageWarnings reports what sdev installs besides the lists, and from where.
func packageWarnings(found *detect.Findings) []string {
	var out []string
	names, besides := found.SystemPackages()
	if len(names) > 0 {
		out = append(out, "apt-get installs "+strings.Join(names, ", ")+", as packages.txt says")
	}
	for _, b := range besides {
		out = append(out, fmt.Sprintf("apt-get does not install %q: it is %s (%s)", b.Value, b.Why, b.Place()))
	}
	for _, p := range found.Derived {
		out = append(out, fmt.Sprintf("sdev installs %s: %s", p.Value, p.Source()))
	}
	if len(found.Managers) > 0 && found.LacksStreamlit() {
		out = append(out, "sdev installs streamlit: "+found.Managers[0].File+" does not list it")
	}
	return out
}

// otherComposeCommand is the command that runs a compose file below the project's directory. With -C, every other command
// finds that project too; a file of another name needs --file each time.
func otherComposeCommand(name string) string {
	dir, file := path.Split(name)
	if dir == "" || !slices.Contains(detect.ComposeNames(), file) {
		return "sdev up --file " + name
	}
	return "sdev -C " + path.Clean(dir) + " up"
}

// assumedWarnings reports each assumption, as "what: value (why)".
func assumedWarnings(found *detect.Findings, r detect.Recipe) []dev.Warning {
	var out []dev.Warning
	warnf := func(format string, args ...any) {
		out = append(out, dev.Warning{Code: dev.CodeAssumed, Message: dev.Sanitize(fmt.Sprintf(format, args...))})
	}
	for _, name := range found.OtherComposes() {
		out = append(out, dev.Warning{Code: dev.CodeAssumed, Message: dev.Line("%s is not used: Compose looks for its file only in the project's directory, under its usual names", name),
			Hint: dev.Line("to use it: %s", otherComposeCommand(name))})
	}
	e, _ := found.Entry()
	why := e.Why().Source()
	if e.Why().Why == byFlag().Why {
		why += " names it"
	}
	warnf("no compose file: sdev assumes that %s runs at 127.0.0.1:8501; %s", e.Path, why)
	if r.Text != "" {
		python := "the project names no version"
		if found.Python.Value != "" {
			python = found.Python.Source()
		}
		missing := "no Dockerfile"
		if len(found.Dockerfiles) > 0 {
			missing = found.Dockerfiles[0].Path + " is for another program"
			if found.Dockerfiles[0].Base.Value == "" {
				missing = found.Dockerfiles[0].Path + " builds no image"
			}
		}
		warnf("%s: sdev assumes %s (%s); %s", missing, r.Base, python, packagesText(found))
		for _, text := range packageWarnings(found) {
			warnf("%s", text)
		}
	} else if r.Command != nil {
		warnf("%s starts no app: sdev assumes the command %s", path.Join(r.Context, r.Dockerfile), strings.Join(r.Command, " "))
	}
	for _, m := range r.Mounts {
		from := m.From
		if from == "." {
			from = "this directory"
		}
		warnf("sdev mounts %s at %s, so that saves are live", from, m.To)
	}
	if len(found.Roots) > 0 && r.PythonPath != "" {
		warnf("PYTHONPATH is %s: %s", r.PythonPath, r.PathWhy.Source())
	}
	return out
}
