package session

import (
	"context"
	"errors"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/detect"
)

// Inspect detects what kind of app a project is. Its facts are those of the app that "sdev up" runs: of the service that
// is the app, of the image that this is built from, and of the script that runs there.
func Inspect(ctx context.Context, p *config.Project, c EntryChoice) (*detect.Findings, error) {
	found, known, err := inspect(p)
	if err != nil || known {
		return found, err
	}
	err = ChooseEntry(ctx, p.Dir, found, "", c)
	if e, ok := errors.AsType[*dev.Error](err); ok && e.Code == dev.CodeAppAmbiguous {
		e.Hint = dev.Line("choose one, for example: --entry %s, or in the compose file: x-sdev: {entry: %[1]s}", found.Entries[0].Path)
	}
	return found, err
}

// inspect is Inspect without a choice; known reports whether the project says which script is the app.
func inspect(p *config.Project) (found *detect.Findings, known bool, err error) {
	if found, err = detect.Dir(p.Dir); err != nil {
		return nil, false, err
	}
	if len(p.Files) > 0 {
		_, known = found.UseService(launch(p.Start(p.App), "."))
	}
	if entry := p.Settings.Entry; entry != "" {
		if e, ok := found.Entry(); ok && e.Path == entry && e.Why().Why == p.EntryWhy {
			return found, true, nil // keep the place of the reason
		}
		known = found.Choose(cleanPath(entry), detect.Fact{Why: p.EntryWhy})
	}
	if len(p.Files) > 0 && inspectAbove(p, found) {
		known = true
	}
	return found, known || len(p.Files) > 0 && !found.Ambiguous, nil
}

// inspectAbove adds the facts of an app that is built from a directory above the project, as from "..". It returns false
// if the app is not, or if nothing says which script runs.
func inspectAbove(p *config.Project, found *detect.Findings) bool {
	app := p.Start(p.App)
	base, below := wider(p.Dir, []config.Start{app})
	if below == "." {
		return false
	}
	above, err := detect.Dir(base)
	if err != nil {
		return false // the project's own directory could be read, so its findings are worth more than an error
	}
	if _, ok := above.UseService(launch(app, below)); !ok {
		return false
	}
	if entry := p.Settings.Entry; entry != "" {
		above.Choose(into(below, cleanPath(entry)), detect.Fact{Why: p.EntryWhy})
	}
	found.TakeFacts(above, func(file string) string { return outOf(below, file) })
	return true
}
