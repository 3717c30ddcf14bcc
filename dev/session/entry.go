package session

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/detect"
)

// Files in the project's state directory that store the user's choices.
const (
	entryFile   = "entry" // the script that is the app
	serviceFile = "app"   // the service that is the app
)

// check refuses --entry for a project whose compose file names the script.
func (c EntryChoice) check(p *config.Project) error {
	if c.Entry == "" || len(p.Files) == 0 {
		return nil
	}
	return dev.UsageError("--entry is for projects without a compose file, but this one has "+filepath.Base(p.Files[0]), "name the script there: command: streamlit run "+c.Entry)
}

// ChooseEntry chooses the app's script among those found in a directory: the one that a flag names, the one that was
// chosen before, the only likely one, or the one that the user picks.
func ChooseEntry(ctx context.Context, dir string, found *detect.Findings, c EntryChoice) error {
	file := filepath.Join(dir, dev.StateDir, entryFile)
	if c.Entry != "" {
		name := filepath.ToSlash(filepath.Clean(c.Entry))
		if rel, err := filepath.Rel(dir, c.Entry); filepath.IsAbs(c.Entry) && err == nil {
			name = filepath.ToSlash(rel)
		}
		if !found.Choose(name, detect.Fact{Why: "--entry"}) {
			return dev.UsageError("--entry is "+strconv.Quote(c.Entry)+", which is not a file of the project", "a path relative to "+dir)
		}
		return c.store(dir, name)
	}
	if b, err := dev.ReadFile(file); err == nil && found.Choose(strings.TrimSuffix(string(b), "\n"), detect.Fact{Why: "it was chosen before", File: dev.StateDir + "/" + entryFile}) {
		return nil
	}
	switch {
	case !found.Ambiguous || !c.Required:
		return nil
	case c.Ask == nil:
		return ambiguous(found)
	}
	name, err := c.Ask.ChooseEntry(ctx, found.Entries)
	if err != nil {
		return err
	}
	found.Choose(name, detect.Fact{Why: "you chose it"})
	return c.store(dir, name)
}

func (c EntryChoice) store(dir, entry string) error {
	if !c.Keep {
		return nil
	}
	return storeChoice(dir, entryFile, entry)
}

// storeChoice stores a choice for later commands.
func storeChoice(dir, file, choice string) error {
	state, err := (&config.Project{Dir: dir}).StateDir()
	if err != nil {
		return err
	}
	if err := dev.WriteFile(filepath.Join(state, file), []byte(choice+"\n"), 0o600); err != nil {
		return &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Cause: err, Message: "cannot store the choice: " + err.Error(), Hint: "make the project directory writable"}
	}
	return nil
}

// ambiguous returns the error for a project with several likely scripts. It lists them.
func ambiguous(found *detect.Findings) error {
	const most = 10
	var b strings.Builder
	b.WriteString("several scripts could be the app:")
	for i, e := range found.Entries {
		if i == most {
			fmt.Fprintf(&b, "\n  and %d more", len(found.Entries)-most)
			break
		}
		fmt.Fprintf(&b, "\n  %s: %s", dev.Sanitize(e.Path), dev.Sanitize(e.Why().Source()))
	}
	return &dev.Error{Code: dev.CodeAppAmbiguous, Exit: dev.ExitProject, Message: b.String(),
		Hint: "choose one: --entry " + dev.Sanitize(found.Entries[0].Path)}
}

// guess returns a function that finds the app among the services of a compose file: the one that was chosen before,
// the only one whose command or image runs Streamlit, or the one that the user picks.
func guess(ctx context.Context, c EntryChoice) func(dir string, services []string) (name, why string) {
	return func(dir string, services []string) (name, why string) {
		if b, err := dev.ReadFile(filepath.Join(dir, dev.StateDir, serviceFile)); err == nil && slices.Contains(services, strings.TrimSuffix(string(b), "\n")) {
			return strings.TrimSuffix(string(b), "\n"), "it was chosen before"
		}
		if name, why = guessApp(dir, services); name != "" || c.Ask == nil {
			return name, why
		}
		name, err := c.Ask.ChooseService(ctx, services)
		if err != nil || storeChoice(dir, serviceFile, name) != nil {
			return "", "" // package config then reports an error that says how to name the app
		}
		return name, "you chose it"
	}
}

func guessApp(dir string, services []string) (name, why string) {
	found, err := detect.Dir(dir)
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
