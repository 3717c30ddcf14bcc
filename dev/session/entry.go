package session

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/detect"
)

// Files in the project's state directory that store the user's choices.
const (
	entryFile   = "entry" // the script that is the app of a project without a compose file
	serviceFile = "app"   // the service that is the app, and on a second line the script, if the command has another one
)

// ChooseEntry chooses the app's script among those found in a directory: the one that a flag names, the one that was
// chosen before, the only likely one, or the one that the user picks. entry is the flag's value, or "".
func ChooseEntry(ctx context.Context, dir string, found *detect.Findings, entry string, c EntryChoice) error {
	file := filepath.Join(dir, dev.StateDir, entryFile)
	if entry != "" {
		name := filepath.ToSlash(filepath.Clean(entry))
		if rel, err := filepath.Rel(dir, entry); filepath.IsAbs(entry) && err == nil {
			name = filepath.ToSlash(rel)
		}
		if !found.Choose(name, byFlag()) {
			return dev.UsageError("--entry is "+strconv.Quote(entry)+", which is not a file of the project", "a path relative to "+dir)
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
		b.WriteString("\n  " + dev.Line("--entry %s: %s", quoted(e.Path), e.Why().Source()))
	}
	return &dev.Error{Code: dev.CodeAppAmbiguous, Exit: dev.ExitProject, Message: b.String(),
		Hint: dev.Line("choose one, for example: --entry %s (sdev up remembers it)", quoted(found.Entries[0].Path))}
}

// quoted is a path as a shell takes it.
func quoted(name string) string {
	if strings.ContainsAny(name, " '\"$&;()") {
		return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
	}
	return name
}

// byFlag is the reason for a script that the user named.
func byFlag() detect.Fact { return detect.Fact{Why: "--entry"} }
