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

// Files in the project's state directory that hold what somebody chose.
const (
	entryFile   = "entry" // the script
	serviceFile = "app"   // the service
)

// check is an error where a script is named by flag though the compose file names it.
func (c EntryChoice) check(p *config.Project) error {
	if c.Entry == "" || len(p.Files) == 0 {
		return nil
	}
	return dev.UsageError("--entry is for projects without a compose file, but this one has "+filepath.Base(p.Files[0]), "name the script there: command: streamlit run "+c.Entry)
}

// ChooseEntry makes one script the entry of what was found in a directory: the one named by flag, the one
// that was chosen before, the only likely one, or the one that a person picks.
func ChooseEntry(ctx context.Context, dir string, found *detect.Findings, c EntryChoice) error {
	kept := filepath.Join(dir, dev.StateDir, entryFile)
	if c.Entry != "" {
		name := filepath.ToSlash(filepath.Clean(c.Entry))
		if rel, err := filepath.Rel(dir, c.Entry); filepath.IsAbs(c.Entry) && err == nil {
			name = filepath.ToSlash(rel)
		}
		if !found.Choose(name, detect.Fact{Why: "--entry"}) {
			return dev.UsageError("--entry is "+strconv.Quote(c.Entry)+", which is not a file of the project", "a path relative to "+dir)
		}
		return c.keep(dir, name)
	}
	if b, err := dev.ReadFile(kept); err == nil && found.Choose(strings.TrimSuffix(string(b), "\n"), detect.Fact{Why: "it was chosen before", File: dev.StateDir + "/" + entryFile}) {
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
	return c.keep(dir, name)
}

func (c EntryChoice) keep(dir, entry string) error {
	if !c.Keep {
		return nil
	}
	return keepChoice(dir, entryFile, entry)
}

// keepChoice stores a choice for later commands.
func keepChoice(dir, file, choice string) error {
	state, err := (&config.Project{Dir: dir}).StateDir()
	if err != nil {
		return err
	}
	if err := dev.WriteFile(filepath.Join(state, file), []byte(choice+"\n"), 0o600); err != nil {
		return &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Cause: err, Message: "cannot store the choice: " + err.Error(), Hint: "make the project directory writable"}
	}
	return nil
}

// ambiguous lists the scripts that may be meant.
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

// guess finds out which of some services of a compose file is the app: the one that was chosen before,
// the only one whose command or image runs Streamlit, or the one that a person picks.
func guess(ctx context.Context, c EntryChoice) func(dir string, services []string) (name, why string) {
	return func(dir string, services []string) (name, why string) {
		if b, err := dev.ReadFile(filepath.Join(dir, dev.StateDir, serviceFile)); err == nil && slices.Contains(services, strings.TrimSuffix(string(b), "\n")) {
			return strings.TrimSuffix(string(b), "\n"), "it was chosen before"
		}
		if name, why = guessApp(dir, services); name != "" || c.Ask == nil {
			return name, why
		}
		name, err := c.Ask.ChooseService(ctx, services)
		if err != nil || keepChoice(dir, serviceFile, name) != nil {
			return "", "" // the error that follows says what to write instead
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
