package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"charm.land/huh/v2"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/detect"
)

// entryChoice says what happens where it is not plain which script Streamlit is to run.
type entryChoice struct {
	entry string // named by flag; "" where it is to be found out
	must  bool   // an unclear choice is an error; else the likeliest will do
	ask   bool   // unless a person at the terminal can be asked about it
	keep  bool   // what was chosen is remembered for the commands that follow
}

// assumedService is the name of the one service of a project without a compose file.
const assumedService = "streamlit"

// Files in the project's state directory that remember what somebody chose.
const (
	chosenFile = "entry" // the script
	chosenApp  = "app"   // the service
)

// assume gives the model of a directory without a compose file; nil where it holds no Streamlit app.
func (a *app) assume(ctx context.Context, dir string, c entryChoice) (*config.Assumption, error) {
	found, err := look(dir)
	if err != nil {
		return nil, err
	}
	if len(found.Entries) == 0 && c.entry == "" {
		return nil, nil
	}
	if err := a.chooseEntry(ctx, dir, found, c); err != nil {
		return nil, err
	}
	recipe, _ := found.Recipe()
	out := assumption(found, recipe)
	out.Warnings = assumedWarnings(found, recipe)
	return &out, nil
}

// look detects what a directory holds. Nothing outside of it is read, whatever links lead there.
func look(dir string) (*detect.Findings, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, &dev.Error{Code: dev.CodeProjectMissing, Exit: dev.ExitProject, Cause: err, Message: fmt.Sprintf("cannot look into %s: %v", dir, errors.Unwrap(err)), Hint: "check the directory's permissions"}
	}
	defer root.Close()
	found, err := detect.Tree(dev.Files(root))
	if err != nil {
		return nil, &dev.Error{Code: dev.CodeProjectMissing, Exit: dev.ExitProject, Cause: err, Message: fmt.Sprintf("cannot look into %s: %v", dir, err), Hint: "check the directory's permissions"}
	}
	return found, nil
}

// chooseEntry settles which script is the entry: the one named by flag, the one that was chosen
// before, the plain one, or the one that a person at the terminal picks.
func (a *app) chooseEntry(ctx context.Context, dir string, found *detect.Findings, c entryChoice) error {
	remembered := filepath.Join(dir, dev.StateDir, chosenFile)
	if c.entry != "" {
		name := filepath.ToSlash(filepath.Clean(c.entry))
		if rel, err := filepath.Rel(dir, c.entry); filepath.IsAbs(c.entry) && err == nil {
			name = filepath.ToSlash(rel)
		}
		if !found.Choose(name, detect.Fact{Why: "--entry"}) {
			return usage("--entry is "+quote(c.entry)+", which is no file of the project", "a path relative to "+dir)
		}
		return c.remember(dir, name)
	}
	if b, err := dev.ReadFile(remembered); err == nil && found.Choose(strings.TrimSuffix(string(b), "\n"), detect.Fact{Why: "it was chosen before", File: dev.StateDir + "/" + chosenFile}) {
		return nil
	}
	switch {
	case !found.Ambiguous || !c.must:
		return nil
	case !c.ask:
		return ambiguous(found)
	}
	name, err := a.askEntry(ctx, found)
	if err != nil {
		return err
	}
	found.Choose(name, detect.Fact{Why: "you chose it"})
	return c.remember(dir, name)
}

func (c entryChoice) remember(dir, entry string) error {
	if !c.keep {
		return nil
	}
	return remember(dir, chosenFile, entry)
}

// remember keeps a choice for the commands that follow.
func remember(dir, file, choice string) error {
	state, err := (&config.Project{Dir: dir}).StateDir()
	if err != nil {
		return err
	}
	if err := dev.WriteFile(filepath.Join(state, file), []byte(choice+"\n"), 0o600); err != nil {
		return &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Cause: err, Message: "cannot remember the choice: " + err.Error(), Hint: "make the project directory writable"}
	}
	return nil
}

// ambiguous lists the scripts that may be meant.
func ambiguous(found *detect.Findings) error {
	const most = 10
	var b strings.Builder
	b.WriteString("several scripts may be the app:")
	for i, e := range found.Entries {
		if i == most {
			fmt.Fprintf(&b, "\n  and %d more", len(found.Entries)-most)
			break
		}
		fmt.Fprintf(&b, "\n  %s: %s", dev.Printable(e.Path), dev.Printable(e.Why().Source()))
	}
	return &dev.Error{Code: dev.CodeAppAmbiguous, Exit: dev.ExitProject, Message: b.String(),
		Hint: "name one: --entry " + dev.Printable(found.Entries[0].Path)}
}

func (a *app) askEntry(ctx context.Context, found *detect.Findings) (string, error) {
	var scripts []huh.Option[string]
	for _, e := range found.Entries {
		scripts = append(scripts, option(e.Path+": "+e.Why().Source(), e.Path))
	}
	name := found.Entries[0].Path
	field := selection("Which script is the app?", scripts, &name)
	return name, a.ask(ctx, field)
}

// guess tells which of some services of a compose file is the app: the one that was chosen before, the
// only one whose command or image comes to Streamlit, or the one that a person at the terminal picks.
func (a *app) guess(ctx context.Context, c entryChoice) func(dir string, services []string) (name, why string) {
	return func(dir string, services []string) (name, why string) {
		if b, err := dev.ReadFile(filepath.Join(dir, dev.StateDir, chosenApp)); err == nil && slices.Contains(services, strings.TrimSuffix(string(b), "\n")) {
			return strings.TrimSuffix(string(b), "\n"), "it was chosen before"
		}
		if name, why = guessApp(dir, services); name != "" || !c.ask {
			return name, why
		}
		field := selection("Which service is the Streamlit app?", options(services), &name)
		if err := a.ask(ctx, field); err != nil || remember(dir, chosenApp, name) != nil {
			return "", "" // the error that follows says what to write instead
		}
		return name, "you chose it"
	}
}

func guessApp(dir string, services []string) (name, why string) {
	found, err := look(dir)
	if err != nil {
		return "", ""
	}
	var apps []detect.Fact
	for _, c := range found.Composes[:min(1, len(found.Composes))] {
		for _, s := range c.Services {
			if s.App.Value != "" && slices.Contains(services, s.Name) {
				apps = append(apps, s.App)
			}
		}
	}
	if len(apps) != 1 {
		return "", ""
	}
	return apps[0].Value, apps[0].Source()
}

// sourceIn tells where an image has the source of the app.
func sourceIn(dir, context, dockerfile, target string) (mounts []dev.Mount, hidden []string) {
	found, err := look(dir)
	if err != nil {
		return nil, nil // then nothing can be assumed
	}
	in, hidden := found.Sources(context, dockerfile, target)
	for _, m := range in {
		mounts = append(mounts, dev.Mount{Project: m.From, Container: m.To})
	}
	return mounts, hidden
}

// assumption is a recipe as config takes it.
func assumption(found *detect.Findings, r detect.Recipe) config.Assumption {
	e, _ := found.Entry()
	out := config.Assumption{Service: assumedService, Entry: e.Path, Context: r.Context, Dockerfile: r.Dockerfile, Inline: r.Text,
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
	if len(found.Managers) == 0 {
		return "streamlit alone, since no list of packages was found"
	}
	return "packages by " + found.Managers[0].Value + ", since " + found.Managers[0].Source()
}

// assumedWarnings tells each assumption, as "what: value (why)".
func assumedWarnings(found *detect.Findings, r detect.Recipe) []dev.Warning {
	var out []dev.Warning
	say := func(format string, args ...any) {
		out = append(out, dev.Warning{Code: dev.CodeAssumed, Message: dev.Printable(fmt.Sprintf(format, args...))})
	}
	e, _ := found.Entry()
	say("no compose file, so one is assumed: %s runs at 127.0.0.1:8501; %s", e.Path, e.Why().Source())
	if r.Text != "" {
		python := "nothing says another"
		if found.Python.Value != "" {
			python = found.Python.Source()
		}
		version, _, _ := strings.Cut(strings.TrimPrefix(r.Text, "FROM "), "\n")
		missing := "no Dockerfile"
		if len(found.Dockerfiles) > 0 {
			missing = found.Dockerfiles[0].Path + " is another program's"
		}
		say("%s, so one is assumed: %s (%s); %s", missing, version, python, packagesText(found))
	} else if r.Command != nil {
		say("%s starts no app, so the command is assumed: %s", found.Dockerfiles[0].Path, strings.Join(r.Command, " "))
	}
	for _, m := range r.Mounts {
		from := m.From
		if from == "." {
			from = "this directory"
		}
		say("%s is mounted at %s, so that saves are live", from, m.To)
	}
	if len(found.Roots) > 0 && r.PythonPath != "" {
		say("PYTHONPATH is %s: %s", r.PythonPath, r.PathWhy.Source())
	}
	return out
}
